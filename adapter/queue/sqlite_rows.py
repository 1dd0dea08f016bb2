"""The rows of the queue file and what is done to them, inside a transaction that somebody else opens and commits.

Runs on the one thread that owns the connection. What it remembers between calls (numbers of sources, days of the
dedup window) is read from the file and read again after a rollback.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any, assert_never

import orjson

from adapter.model import Dead, Delivered, Dropped, Outcome, Rejection, Retry, Unmatched
from adapter.queue.base import Stored
from adapter.queue.codec import Row, differs, to_us
from adapter.queue.ledger import term_of
from adapter.queue.statements import statements

_US = 1_000_000
_DAY_US = 86_400 * _US
SQL = statements("sqlite.sql")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished events, dead letters and seen ids are kept, in seconds."""

    history_s: float = 24 * 3600
    dead_s: float = 30 * 86400
    dedup_s: float = 72 * 3600


@dataclass(frozen=True, slots=True)
class Head:
    """A lane's first event, as `take` finds it."""

    lane: int
    receipt: int
    attempt: int
    retried_us: int
    row: Row
    sent: frozenset[str]


class SqliteRows:
    """See the module. `now` gives seconds since 1970 and never jumps."""

    def __init__(self, connection: sqlite3.Connection, *, now: Callable[[], float], retention: Retention) -> None:
        self._run = connection.execute
        self._now = now
        self._retention = retention
        self._counts: Counter[tuple[int, str]] = Counter()
        self.forget()

    def flush(self) -> None:
        for (source, term), n in self._counts.items():
            self._run(SQL["count"], (source, term, n))
        self._counts.clear()

    def forget(self) -> None:
        self._counts.clear()
        self._sources = {name: number for number, name in self._run(SQL["sources"])}
        self._days = [day for (day,) in self._run(SQL["dedup_days"])]
        self._write_dedup_statements()

    # -- ingest ----------------------------------------------------------------------------------------------------

    def put(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Stored:
        now_us = self._now_us()
        self._begin_day(now_us // _DAY_US)
        stored = duplicates = differing = 0
        for row in rows:
            source = self._source(row.source)
            seen = self._run(self._seen, (row.digest,)).fetchone()
            if seen is None:
                self._store(row, source, now_us)
                stored += 1
            else:
                duplicates += 1
                differing += self._differs(seen[0], row)
                self._counts[source, "duplicate"] += 1
            self._counts[source, "received"] += 1
        for rejection in rejections:
            self._reject(rejection)
        return Stored(stored=stored, duplicates=duplicates, differing=differing, rejected=len(rejections))

    def probe(self) -> None:
        self._run(SQL["probe"], (self._now_us(),))

    def _store(self, row: Row, source: int, now_us: int) -> None:
        receipt = self._run(
            SQL["add_message"],
            (
                source,
                row.message_id,
                row.type,
                row.user_id,
                row.anonymous_id,
                row.timestamp_us,
                row.received_us,
                row.body,
            ),
        ).lastrowid
        self._run(self._add_digest, (row.digest, receipt))
        if self._run(SQL["open_lane"], (row.lane, source, receipt, now_us)).rowcount == 0:
            self._run(SQL["add_waiting"], (row.lane, receipt))

    def _differs(self, receipt: int, row: Row) -> bool:
        found = self._run(SQL["stored_body"], (receipt,)).fetchone()
        return found is not None and differs(found[0], row.body)

    def _reject(self, rejection: Rejection) -> None:
        source = self._source(rejection.source)
        problems = orjson.dumps([[p.pointer, p.keyword, p.message] for p in rejection.problems]).decode()
        self._run(
            SQL["add_rejection"],
            (
                source,
                rejection.reason.value,
                rejection.message_id,
                problems,
                rejection.body,
                to_us(rejection.received_at),
            ),
        )
        self._counts[source, "received"] += 1
        self._counts[source, "rejected"] += 1

    # -- delivery --------------------------------------------------------------------------------------------------

    def heads(self, *, sources: Collection[str], limit: int, busy: Collection[int]) -> list[Head]:
        """Up to `limit` heads of lanes that are due and not `busy`: live ones first, then longest due."""
        found: list[int] = []
        for behind in (0, 1):
            if len(found) < limit:
                found += self._due_lanes(self._numbers(sources), behind, limit - len(found), busy)
        return [self._head(lane) for lane in found]

    def _due_lanes(self, sources: Sequence[int], behind: int, limit: int, busy: Collection[int]) -> Iterable[int]:
        now_us, most = self._now_us(), limit + len(busy)
        due = [self._run(SQL["due_lanes"], (source, behind, now_us, most)) for source in sources]
        return islice((lane for lane, _ in merge(*due, key=itemgetter(1)) if lane not in busy), limit)

    def until_due_s(self, sources: Collection[str]) -> float | None:
        """Seconds until the next lane of `sources` that is not due yet will be; None if there is none."""
        now_us = self._now_us()
        dues = [
            self._run(SQL["next_due"], (source, behind, now_us)).fetchone()[0]
            for source in self._numbers(sources)
            for behind in (0, 1)
        ]
        soonest = min((due for due in dues if due is not None), default=None)
        return None if soonest is None else (soonest - now_us) / _US

    def _numbers(self, sources: Collection[str]) -> list[int]:
        return [self._sources[name] for name in sources if name in self._sources]

    def note(self, receipt: int, key: str) -> None:
        self._run(SQL["add_sent"], (receipt, key))

    def settle(self, *, lane: int, receipt: int, outcome: Outcome, mapping: str) -> bool:
        """False if `receipt` is not the head of `lane` any more."""
        now_us = self._now_us()
        found = self._run(SQL["lane_at"], (lane, receipt)).fetchone()
        if found is None:
            return False
        source, attempt = found
        if isinstance(outcome, Retry):
            delay_us = round(outcome.delay_s * _US)
            counted_us = delay_us if outcome.counted else 0
            self._run(SQL["postpone"], (now_us + delay_us, int(outcome.counted), counted_us, lane, receipt))
            return True
        if isinstance(outcome, Dead):
            self._run(SQL["add_dead"], (receipt, outcome.reason.value, outcome.detail, attempt, mapping, now_us))
        else:
            self._finish(receipt, outcome, attempt, mapping, now_us)
        self._advance(lane, now_us)
        term = term_of(outcome)
        if term is not None:
            self._counts[source, term] += 1
        return True

    def _head(self, lane: int) -> Head:
        receipt, attempt, retried_us, *columns = self._run(SQL["head_of_lane"], (lane,)).fetchone()
        sent = frozenset(key for (key,) in self._run(SQL["sent_of"], (receipt,)))
        row = stored_row(columns)
        return Head(lane=lane, receipt=receipt, attempt=attempt, retried_us=retried_us, row=row, sent=sent)

    def _finish(
        self, receipt: int, outcome: Delivered | Dropped | Unmatched, attempt: int, mapping: str, now_us: int
    ) -> None:
        match outcome:
            case Delivered(detail):
                facts = ("delivered", "", "", detail)
            case Dropped(reason, rule, text):
                facts = ("dropped", reason.value, rule, text)
            case Unmatched():
                facts = ("unmatched", "", "", "")
            case _:
                assert_never(outcome)
        self._run(SQL["add_finished"], (receipt, *facts, attempt, mapping, now_us))
        self._run(SQL["forget_sent"], (receipt,))
        self._run(SQL["forget_kept_digest"], (receipt,))

    def _advance(self, lane: int, now_us: int) -> None:
        # The lane goes to the end of the line: a user with many events does not push ahead of others.
        following = self._run(SQL["next_in_lane"], (lane,)).fetchone()[0]
        if following is None:
            self._run(SQL["close_lane"], (lane,))
            return
        self._run(SQL["advance_lane"], (following, now_us, lane))
        self._run(SQL["remove_waiting"], (lane, following))

    # -- keeping house ---------------------------------------------------------------------------------------------

    def void_far_dues(self, max_delay_s: float) -> None:
        """Make lanes due that wait longer than any retry does: the machine's clock was set back since."""
        self._run(SQL["void_far_dues"], (self._now_us(), round(max_delay_s * _US)))

    def prune(self, limit: int) -> bool:
        """Forget up to `limit` of each thing kept longer than its retention; True if there may be more."""
        now_us = self._now_us()
        history = self._run(SQL["old_history"], (now_us - round(self._retention.history_s * _US), limit)).fetchall()
        for (receipt,) in history:
            self._run(SQL["remove_finished"], (receipt,))
            self._run(SQL["remove_message"], (receipt,))
        dead_before_us = now_us - round(self._retention.dead_s * _US)
        dead = self._run(SQL["old_dead"], (dead_before_us, limit)).fetchall()
        for receipt, source in dead:
            for name in ("remove_dead", "remove_message", "forget_sent", "forget_kept_digest"):
                self._run(SQL[name], (receipt,))
            self._counts[source, "discarded"] += 1
        rejections = self._run(SQL["remove_old_rejections"], (dead_before_us, limit)).rowcount
        return limit in (len(history), len(dead), rejections)

    def free_pages(self) -> None:
        """Give some unused pages back to the file system."""
        self._run(SQL["free_pages"]).fetchall()

    def keep_mapping(self, *, name: str, version: str, text: str) -> None:
        self._run(SQL["keep_mapping"], (version, text, self._now_us()))
        self._run(SQL["activate_mapping"], (name, version, self._now_us()))

    def text_of(self, statement: str, key: str) -> str | None:
        """The mapping that `statement` finds by `key`."""
        found = self._run(SQL[statement], (key,)).fetchone()
        return None if found is None else str(found[0])

    def pending(self) -> int:
        return int(self._run(SQL["pending"]).fetchone()[0])

    def _now_us(self) -> int:
        return round(self._now() * _US)

    def _source(self, name: str) -> int:
        number = self._sources.get(name)
        if number is None:
            number = self._sources[name] = self._run(SQL["add_source"], (name,)).lastrowid or 0
        return number

    def _begin_day(self, today: int) -> None:
        """Have a table for the ids of `today`, and none for days that lie wholly before the dedup window."""
        if self._days and self._days[-1] >= today:
            return
        window_days = self._retention.dedup_s * _US / _DAY_US
        for day in [day for day in self._days if day + 1 + window_days <= today]:
            self._run(SQL["keep_dedup_of_unfinished"].format(day=day))
            self._run(SQL["drop_dedup_day"].format(day=day))
            self._days.remove(day)
        self._run(SQL["add_dedup_day"].format(day=today))
        self._days.append(today)
        self._write_dedup_statements()

    def _write_dedup_statements(self) -> None:
        tables = ["kept", *reversed(self._days)]
        self._seen = " UNION ALL ".join(SQL["seen_in"].format(table=table) for table in tables) + " LIMIT 1"
        self._add_digest = SQL["add_digest"].format(day=self._days[-1]) if self._days else ""


def stored_row(columns: Sequence[Any]) -> Row:
    """A row of source name, message id, type, user id, anonymous id, timestamp, receipt time, body, as selected."""
    source, message_id, kind, user, anonymous, at_us, received_us, body = columns
    return Row(
        source=source,
        lane=0,
        digest=b"",
        message_id=message_id,
        type=kind,
        user_id=user,
        anonymous_id=anonymous,
        timestamp_us=at_us,
        received_us=received_us,
        body=body,
    )

"""An operator's desk at a queue file: what arrived, what became of it, and putting dead letters back.

Works beside the service that owns the file, from any process: reads are snapshots, and every change is a short
transaction of its own, which the service sees within a second. Never opens a file that is not there.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from adapter.errors import ConfigError, QueueError
from adapter.model import Event
from adapter.queue.codec import decode, from_us
from adapter.queue.sqlite_dead import put_back
from adapter.queue.sqlite_file import connect
from adapter.queue.sqlite_known import SQL
from adapter.queue.sqlite_rows import stored_row
from adapter.queue.statements import statements

_DESK = statements("desk.sql")
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Story:
    """One event and what became of it. `outcome` is a word of the ledger; `mapping` the version that decided it.

    `ended_at` is None while it is pending; `sent` holds the calls that got through before it died or was put off.
    """

    receipt: int
    event: Event
    outcome: Literal["pending", "delivered", "dropped", "unmatched", "dead"]
    reason: str
    rule: str
    detail: str
    attempt: int
    mapping: str
    ended_at: datetime | None
    sent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one cause. `first` is the receipt of the oldest."""

    count: int
    reason: str
    detail: str
    first: int


class Desk:
    """See the module; made by `open`. Not thread-safe. Every method raises QueueError if the file fails."""

    def __init__(self, connection: sqlite3.Connection, *, now: Callable[[], float], unordered: Collection[str]) -> None:
        self._connection = connection
        self._run = connection.execute
        self._now = now
        self._unordered = frozenset(unordered)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, now: Callable[[], float], unordered: Collection[str] = ()) -> Iterator[Self]:
        """The desk at the queue file `path`; `now` gives seconds since 1970, `unordered` sources without order.

        Raises ConfigError if there is no such file, QueueError if it is damaged or not ours.
        """
        if not path.is_file():
            raise ConfigError(f"{path}: there is no queue here; name it with --queue, or run where the service runs")
        connection = connect(path)
        try:
            yield cls(connection, now=now, unordered=unordered)
        except sqlite3.Error as exc:
            raise QueueError(f"{path}: {exc}") from exc
        finally:
            connection.close()

    def newest(self, *, limit: int, before: int | None = None) -> list[Story]:
        """The last `limit` events received, newest first; those before receipt `before` if it is given."""
        before = self._run(_DESK["newest_receipt"]).fetchone()[0] + 1 if before is None else before
        return self._stories(_DESK["messages_before"], before, limit)

    def since(self, receipt: int, *, limit: int) -> list[Story]:
        """Up to `limit` events received after `receipt`, oldest first: pages of a walk that holds up no checkpoint."""
        return self._stories(_DESK["messages_after"], receipt, limit)

    def of_message(self, message_id: str) -> list[Story]:
        """Every event with that message id, of whichever source."""
        return self._stories(_DESK["receipts_of"], message_id)

    def story(self, receipt: int) -> Story | None:
        """The event with that receipt number, if it is still kept."""
        found = self._run(_DESK["story"], (receipt,)).fetchone()
        if found is None:
            return None
        sent = tuple(key for (key,) in self._run(SQL["sent_of"], (receipt,)))
        return _story(found, sent)

    def groups(self, *, limit: int = 100) -> list[Group]:
        """Dead letters by cause, most first."""
        found = self._run(_DESK["dead_groups"], (limit,))
        return [Group(count=count, reason=reason, detail=detail, first=first) for reason, detail, count, first in found]

    def dead(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[Story]:
        """Up to `limit` dead letters after receipt `after`, oldest first; only those of a cause, if it is given."""
        return self._stories(_DESK["dead_after"], after, reason, detail, limit)

    def requeue(self, receipts: Sequence[int]) -> int:
        """Make dead letters pending again, behind live traffic, and say how many were dead.

        What got through of them before is not sent again; the mapping is the one at work when they come up.
        """
        with self._transaction():
            return put_back(self._run, receipts, now_us=round(self._now() * _US), unordered=self._unordered)

    def discard(self, receipts: Sequence[int]) -> int:
        """Forget dead letters for good, and say how many were dead."""
        with self._transaction():
            return sum(self._discard_one(receipt) for receipt in receipts)

    def _discard_one(self, receipt: int) -> bool:
        source = self._run(_DESK["source_of"], (receipt,)).fetchone()
        if source is None or self._run(SQL["remove_dead"], (receipt,)).rowcount == 0:
            return False
        for name in ("remove_message", "forget_sent", "forget_kept_digest"):
            self._run(SQL[name], (receipt,))
        self._run(SQL["count"], (source[0], "discarded", 1))
        return True

    def _stories(self, sql: str, *values: object) -> list[Story]:
        receipts = [receipt for (receipt,) in self._run(sql, values)]
        found = (self.story(receipt) for receipt in receipts)
        return [story for story in found if story is not None]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")


def _story(found: tuple[Any, ...], sent: tuple[str, ...]) -> Story:
    receipt = found[0]
    outcome, reason, rule, detail, attempt, mapping, finished_us = found[9:16]
    dead_reason, dead_detail, dead_attempt, dead_mapping, died_us = found[16:]
    if died_us is not None:
        outcome, reason, rule, detail = "dead", dead_reason, "", dead_detail
        attempt, mapping, finished_us = dead_attempt, dead_mapping, died_us
    return Story(
        receipt=receipt,
        event=decode(stored_row(found[1:9])),
        outcome=outcome or "pending",
        reason=reason or "",
        rule=rule or "",
        detail=detail or "",
        attempt=attempt or 0,
        mapping=mapping or "",
        ended_at=None if finished_us is None else from_us(finished_us),
        sent=sent,
    )

"""`QueueAdmin` at a SQLite database. Each method of `adapter.queue.admin` is documented there.

Works beside the service that owns the queue, from any process if it is in a file: reads are short, and every change is
a short transaction of its own, which the service sees within a second. Never creates a file.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

from adapter.errors import QueueError
from adapter.model import Event, Reason
from adapter.queue.codec import from_us, is_of_user, to_us
from adapter.queue.contract import Deletion
from adapter.queue.copies import event_of
from adapter.queue.record_rows import deletion_of, failed_call, queue_position, rejection_record
from adapter.queue.records import (
    CauseGroup,
    EventRecord,
    FailedCall,
    Filter,
    QueuePosition,
    RecordPage,
    RejectionRecord,
    RequeuedRejection,
    has_wanted_cause,
)
from adapter.queue.sqlite.admin_writes import (
    ADMIN,
    discard,
    requeue_rejection,
    requeue_unmatched,
)
from adapter.queue.sqlite.connection import attach
from adapter.queue.sqlite.erase import delete_body, lanes_of
from adapter.queue.sqlite.mapping_history import NO_END, SqliteMappingHistory
from adapter.queue.sqlite.place import FilePlace, Place
from adapter.queue.sqlite.record_rows import cause_group, event_record
from adapter.queue.sqlite.requeue import requeue_dead
from adapter.queue.sqlite.seen_beside import SeenBeside
from adapter.queue.sqlite.state import SQL

_WINDOW = 10_000
"""Seqs looked through in one read."""
_WINDOWS_IN_A_LOOK = 10
"""So one page takes a fraction of a second, however rare the selected events are."""
_UNAUTHORISED = Reason.DELETION_UNAUTHORISED.value


class SqliteQueueAdmin(SqliteMappingHistory):
    """See the module; created by `open`. Not thread-safe. Every method raises QueueError if the file fails."""

    def __init__(self, connection: sqlite3.Connection, *, unordered: Collection[str]) -> None:
        super().__init__(connection.execute)
        self._unordered = frozenset(unordered)
        self._seen = SeenBeside(self._run)

    @classmethod
    def open(cls, path: Path, *, unordered: Collection[str] = ()) -> AbstractContextManager[Self]:
        """The admin of the queue file `path`: see `open_at`."""
        return cls.open_at(FilePlace(path), unordered=unordered)

    @classmethod
    @contextmanager
    def open_at(cls, place: Place, *, unordered: Collection[str] = ()) -> Iterator[Self]:
        """The admin of the queue at `place`; `unordered` are sources without order.

        Raises ConfigError if there is no queue, QueueError if it is damaged, not a queue of the adapter, or of another
        version: an admin never upgrades a file, because a service of an older version may be using it.
        """
        connection = attach(place)
        try:
            yield cls(connection, unordered=unordered)
        except sqlite3.Error as exc:
            raise QueueError(f"{place}: {exc}") from exc
        finally:
            connection.close()

    def page_before(self, wanted: Filter, *, limit: int, before: int) -> RecordPage:
        times = to_us(wanted.since), to_us(wanted.until)
        one, other = (*wanted.users, None, None)[:2]
        outcomes = f",{','.join(wanted.outcomes)}," if wanted.outcomes else None
        facts = (wanted.source, outcomes, one, *times, wanted.name, other, wanted.warned, wanted.type, wanted.rule)
        found: list[EventRecord] = []
        bottom = before
        for start, stop in islice(self._windows_down(before, wanted.after), _WINDOWS_IN_A_LOOK):
            most = limit - len(found) if wanted.cause is None else _WINDOW
            rows = self._run(ADMIN["messages_between"], (start, stop, most, *facts)).fetchall()
            seqs = (seq for seq, *why in rows if _has_cause(wanted, *why))
            records = (self.event(seq) for seq in islice(seqs, limit - len(found)))
            found += [record for record in records if record is not None]
            bottom = start
            if len(found) >= limit:
                bottom = found[-1].seq
                break
        is_all = next(self._windows_down(bottom, wanted.after), None) is None
        last = self._run(ADMIN["received_from"], (bottom,)).fetchone()
        return RecordPage(tuple(found), bottom, is_all, down_to=None if last is None else from_us(last[0]))

    def newest_seq(self) -> int:
        return int(self._run(ADMIN["newest_seq"]).fetchone()[0])

    def since(self, seq: int, *, limit: int) -> list[EventRecord]:
        return self._records(ADMIN["messages_after"], seq, limit)

    def of_message(self, message_id: str) -> list[EventRecord]:
        sources = [name for _, name in self._run(SQL["sources"]).fetchall()]
        seqs = self._seen.seqs_of_id(sources=sources, message_id=message_id)
        found = [record for seq in sorted(seqs) if (record := self.event(seq)) is not None]
        # The ids seen lead to it at once; only an event that is kept longer than its id needs a search of all.
        return found or self._looked_up(ADMIN["seqs_of_message_between"], message_id)

    def event(self, seq: int) -> EventRecord | None:
        found = self._run(ADMIN["event"], (seq,)).fetchone()
        if found is None:
            return None
        delivered_keys = tuple(key for (key,) in self._run(SQL["sent_of"], (seq,)))
        return event_record(found, delivered_keys)

    def position(self, record: EventRecord) -> QueuePosition | None:
        lanes = lanes_of(record.event)
        for lane in lanes:
            head = self._run(SQL["head_of"], (lane,)).fetchone()
            if head is None:
                continue
            seq = head[0]
            ahead = int(self._run(ADMIN["place_in_waiting"], (lane, record.seq)).fetchone()[0])
            if seq == record.seq or ahead:
                return queue_position(head, ahead=ahead, parked=lane in lanes[2:])
        return None

    def failures(self, seq: int) -> list[FailedCall]:
        return [failed_call(row) for row in self._run(ADMIN["failures"], (seq,))]

    def unmatched(self) -> Iterator[list[int]]:
        for start, stop in self._windows_down(self.newest_seq() + 1):
            yield [seq for (seq,) in self._run(ADMIN["unmatched_between"], (start, stop)).fetchall()]

    def groups(self) -> list[CauseGroup]:
        groups = [cause_group(row, rejected=False) for row in self._run(ADMIN["dead_groups"])]
        groups += [cause_group(row, rejected=True) for row in self._run(ADMIN["rejection_groups"])]
        return sorted(groups, key=lambda group: -group.count)

    def members(self, groups: Iterable[CauseGroup]) -> tuple[list[int], list[int]]:
        wanted = {(group.rejected, group.reason, group.detail) for group in groups}
        seqs, numbers = (
            [ident for ident, *cause in self._run(ADMIN[statement]) if (rejected, *cause) in wanted]
            for statement, rejected in (("dead_causes", False), ("rejection_causes", True))
        )
        return seqs, numbers

    def dead(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[EventRecord]:
        return self._records(ADMIN["dead_after"], after, reason, detail, limit)

    def rejections(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[RejectionRecord]:
        return [rejection_record(row) for row in self._run(ADMIN["rejections_after"], (after, reason, detail, limit))]

    def newest_rejections(
        self, *, limit: int, before: int | None = None, source: str | None = None
    ) -> list[RejectionRecord]:
        return [
            rejection_record(row)
            for row in self._run(ADMIN["newest_rejections"], (source, limit, NO_END if before is None else before))
        ]

    def rejection(self, number: int) -> RejectionRecord | None:
        found = self._run(ADMIN["rejection"], (number,)).fetchone()
        return None if found is None else rejection_record(found)

    def copied_event(self, kept: RejectionRecord) -> Event | None:
        found = self._run(ADMIN["copy_facts"], (kept.number,)).fetchone()
        return None if found is None else event_of(kept.rejection, found[0], received_us=found[1])

    def rejections_of(self, message_id: str) -> list[RejectionRecord]:
        numbers = [number for (number,) in self._run(ADMIN["rejections_of"], (message_id,)).fetchall()]
        return [found for number in numbers if (found := self.rejection(number)) is not None]

    def deletions(self, *, limit: int, user: str | None = None) -> list[Deletion]:
        return [deletion_of(row) for row in self._run(ADMIN["newest_deletions"], (user, limit))]

    def deletions_waiting(self) -> dict[str, int]:
        return {str(name): int(n) for name, n in self._run(SQL["waiting_deletions"], (_UNAUTHORISED,))}

    def requeue(self, seqs: Sequence[int]) -> int:
        due_us, unordered = self._stamp("steady_us"), self._unordered
        with self._transaction():
            # A microsecond apart, as `requeue_dead` does it, so that they become due in the order they were received.
            unmatched = sum(
                requeue_unmatched(self._run, self._seen, seq, due_us=due_us + n, unordered=unordered)
                for n, seq in enumerate(sorted(seqs))
            )
            return unmatched + requeue_dead(self._run, seqs, now_us=due_us, unordered=unordered)

    def requeue_rejection(self, number: int, event: Event) -> RequeuedRejection:
        with self._transaction():
            return requeue_rejection(
                self._run,
                self._seen,
                number,
                event,
                due_us=self._stamp("steady_us"),
                seen_us=self._stamp("trusted_us"),
                unordered=self._unordered,
            )

    def discard(self, seqs: Sequence[int]) -> int:
        with self._transaction():
            return sum(discard(self._run, seq) for seq in seqs)

    def discard_rejections(self, numbers: Sequence[int]) -> int:
        with self._transaction():
            return sum(self._run(SQL["remove_rejection"], (number,)).fetchone() is not None for number in numbers)

    def seqs_of_user(self, user: str) -> Iterator[list[int]]:
        for start, stop in self._windows_down(self.newest_seq() + 1):
            found = self._run(ADMIN["seqs_of_user_between"], (start, stop, user)).fetchall()
            if found:
                yield [seq for (seq,) in found]

    def rejections_of_user(self, user: str) -> Iterator[list[int]]:
        after = 0
        while page := self.rejections(after=after):
            after = page[-1].number
            yield [kept.number for kept in page if is_of_user(kept.rejection.body, user)]

    def erase(self, seqs: Sequence[int]) -> int:
        with self._transaction():
            times = {"due_us": self._stamp("steady_us"), "ended_us": self._stamp("trusted_us")}
            return sum(delete_body(self._run, seq, **times) for seq in seqs)

    def erase_from_disk(self) -> bool:
        """Copy everything committed from the write-ahead log to the file; False if a reader is in the way."""
        busy, _, _ = self._run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _looked_up(self, sql: str, value: str) -> list[EventRecord]:
        windows = self._windows_down(self.newest_seq() + 1)
        found = [record for start, stop in windows for record in self._records(sql, start, stop, value)]
        return sorted(found, key=lambda record: record.seq)

    def _windows_down(self, end: int, after: int = 0) -> Iterator[tuple[int, int]]:
        """Windows from seq `end` down to the seq after `after`: starts and stops, the stop not included."""
        oldest = max(after + 1, int(self._run(ADMIN["oldest_seq"]).fetchone()[0]))
        for stop in range(end, oldest, -_WINDOW):
            yield max(oldest, stop - _WINDOW), stop

    def _records(self, sql: str, *values: object) -> list[EventRecord]:
        seqs = [seq for (seq,) in self._run(sql, values).fetchall()]
        found = (self.event(seq) for seq in seqs)
        return [record for record in found if record is not None]

    def _stamp(self, name: str) -> int:
        """Now by the queue's own clock, as its owner stored it a few seconds ago. This process's clock may be hours
        ahead of it after a suspend, and requeued events must be due at once.
        """
        return int(self._run(SQL["state"], (name,)).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")


def _has_cause(wanted: Filter, reason: str, detail: str, rule: str) -> bool:
    return has_wanted_cause(wanted, reason=reason, detail=detail, rule=rule)

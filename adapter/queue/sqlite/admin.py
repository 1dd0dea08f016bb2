"""An operator's desk at a queue file: what arrived, what became of it, and putting back what did not get through.

Works beside the service that owns the file, from any process: reads are short, and every change is a short
transaction of its own, which the service sees within a second. Never opens a file that is not there.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

from adapter.errors import ConfigError, QueueError
from adapter.model import Event, Reason
from adapter.queue.codec import from_us, is_of_user, to_us
from adapter.queue.contract import Deletion
from adapter.queue.copies import event_of
from adapter.queue.records import Filter, Group, Looked, Rejected, Standing, Story, deletion_of, rejected_of, story_of
from adapter.queue.sqlite.admin_writes import (
    DESK,
    Readmitted,
    discard,
    readmit,
    receipts_of_id,
    reopen_unmatched,
)
from adapter.queue.sqlite.erase import delete_body, lanes_of
from adapter.queue.sqlite.file import attach
from adapter.queue.sqlite.requeue import put_back
from adapter.queue.sqlite.state import SQL

_US = 1_000_000
_WINDOW = 10_000
"""Receipts looked through in one read."""
_WINDOWS_IN_A_LOOK = 10
"""However rare what is looked for, one look takes a fraction of a second."""
_NO_END = 2**63 - 1
_UNAUTHORISED = Reason.DELETION_UNAUTHORISED.value


class Desk:
    """See the module; made by `open`. Not thread-safe. Every method raises QueueError if the file fails."""

    def __init__(self, connection: sqlite3.Connection, *, now: Callable[[], float], unordered: Collection[str]) -> None:
        self._run = connection.execute
        self._now = now
        self._unordered = frozenset(unordered)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, now: Callable[[], float], unordered: Collection[str] = ()) -> Iterator[Self]:
        """The desk at the queue file `path`; `now` gives seconds since 1970, `unordered` sources without order.

        Raises ConfigError if there is no such file, QueueError if it is damaged, not ours, or of another version: to
        look never upgrades a file, under which a service of an older version may run.
        """
        try:
            is_there = path.is_file()
        except OSError as cause:
            raise ConfigError(f"{path}: cannot be read: {cause.strerror}") from cause
        if not is_there:
            raise ConfigError(f"{path}: there is no queue here; name its settings with --config, or set ADAPTER_QUEUE")
        connection = attach(path)
        try:
            yield cls(connection, now=now, unordered=unordered)
        except sqlite3.Error as exc:
            raise QueueError(f"{path}: {exc}") from exc
        finally:
            connection.close()

    # -- events ----------------------------------------------------------------------------------------------------

    def look_down(self, wanted: Filter, *, limit: int, before: int) -> Looked:
        """Up to `limit` events received before receipt `before`, newest first, as far down as one look goes."""
        times = to_us(wanted.since), to_us(wanted.until)
        one, other = (*wanted.users, None, None)[:2]
        facts = (wanted.source, wanted.outcome, one, *times, wanted.name, other, wanted.warned)
        found: list[Story] = []
        bottom = before
        for start, stop in islice(self._windows_down(before), _WINDOWS_IN_A_LOOK):
            found += self._stories(DESK["messages_between"], start, stop, limit - len(found), *facts)
            bottom = start
            if len(found) >= limit:
                bottom = found[-1].receipt
                break
        is_all = next(self._windows_down(bottom), None) is None
        last = self._run(DESK["received_from"], (bottom,)).fetchone()
        return Looked(tuple(found), bottom, is_all, down_to=None if last is None else from_us(last[0]))

    def newest_receipt(self) -> int:
        """The receipt of the last event received, 0 if there is none."""
        return int(self._run(DESK["newest_receipt"]).fetchone()[0])

    def since(self, receipt: int, *, limit: int) -> list[Story]:
        """Up to `limit` events received after `receipt`, oldest first: pages of a walk that holds up no checkpoint."""
        return self._stories(DESK["messages_after"], receipt, limit)

    def of_message(self, message_id: str) -> list[Story]:
        """Every event with that message id, of whichever source."""
        sources = [name for _, name in self._run(SQL["sources"]).fetchall()]
        found_of = (receipts_of_id(self._run, source=source, message_id=message_id) for source in sources)
        receipts = set[int]().union(*found_of)
        found = [story for receipt in sorted(receipts) if (story := self.story(receipt)) is not None]
        # The ids seen lead there at once; only an event that is kept longer than its id is looked for among all.
        return found or self._looked_up(DESK["receipts_of_message_between"], message_id)

    def story(self, receipt: int) -> Story | None:
        """The event with that receipt number, if it is still kept."""
        found = self._run(DESK["story"], (receipt,)).fetchone()
        if found is None:
            return None
        sent = tuple(key for (key,) in self._run(SQL["sent_of"], (receipt,)))
        return story_of(found, sent)

    def standing(self, story: Story) -> Standing | None:
        """Where a pending event is; None if it ended meanwhile."""
        lanes = lanes_of(story.event)
        for lane in lanes:
            head = self._run(SQL["head_of"], (lane,)).fetchone()
            if head is None:
                continue
            receipt, due_us, attempt, *failure = head
            ahead = int(self._run(DESK["place_in_waiting"], (lane, story.receipt)).fetchone()[0])
            if receipt == story.receipt or ahead:
                # Tries and their failure are of the head: who waits behind it has had none.
                return Standing(
                    ahead=ahead,
                    parked=lane in lanes[2:],
                    due_at=from_us(due_us),
                    attempt=0 if ahead else attempt,
                    failure="" if ahead else ": ".join(filter(None, failure)),
                )
        return None

    def unmatched(self) -> Iterator[list[int]]:
        """The receipts of events that no rule took, in pages."""
        for start, stop in self._windows_down(self.newest_receipt() + 1):
            yield [receipt for (receipt,) in self._run(DESK["unmatched_between"], (start, stop)).fetchall()]

    # -- what did not get through ----------------------------------------------------------------------------------

    def groups(self) -> list[Group]:
        """Dead letters and rejections by cause, as it is stored, most first."""
        found = [(row, False) for row in self._run(DESK["dead_groups"])]
        found += [(row, True) for row in self._run(DESK["rejection_groups"])]
        groups = [
            Group(count=count, reason=reason, detail=detail, first=first, rejected=rejected)
            for (reason, detail, count, first), rejected in found
        ]
        return sorted(groups, key=lambda group: -group.count)

    def members(self, group: Group) -> list[int]:
        """The receipts of the dead letters of a group, or the numbers of its rejections."""
        statement = DESK["rejections_of_group" if group.rejected else "dead_of_group"]
        return [ident for (ident,) in self._run(statement, (group.reason, group.detail)).fetchall()]

    def dead(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[Story]:
        """Up to `limit` dead letters after receipt `after`, oldest first; only those of a cause, if it is given."""
        return self._stories(DESK["dead_after"], after, reason, detail, limit)

    def rejections(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[Rejected]:
        """Up to `limit` rejections after number `after`, oldest first; only those of a group, if it is given."""
        return [rejected_of(row) for row in self._run(DESK["rejections_after"], (after, reason, detail, limit))]

    def newest_rejections(self, *, limit: int, before: int = _NO_END, source: str | None = None) -> list[Rejected]:
        """The last `limit` rejections before number `before`, newest first; of one source, if it is given."""
        return [rejected_of(row) for row in self._run(DESK["newest_rejections"], (source, limit, before))]

    def rejection(self, number: int) -> Rejected | None:
        """The rejection with that number, if it is still kept."""
        found = self._run(DESK["rejection"], (number,)).fetchone()
        return None if found is None else rejected_of(found)

    def copied_event(self, kept: Rejected) -> Event | None:
        """The event that a rejection is, which only another with its id kept from being stored; None for others."""
        found = self._run(DESK["copy_facts"], (kept.number,)).fetchone()
        return None if found is None else event_of(kept.rejection, found[0], received_us=found[1])

    def rejections_of(self, message_id: str) -> list[Rejected]:
        """Every rejection of a message with that id."""
        numbers = [number for (number,) in self._run(DESK["rejections_of"], (message_id,)).fetchall()]
        return [found for number in numbers if (found := self.rejection(number)) is not None]

    def deletions(self, *, limit: int, user: str | None = None) -> list[Deletion]:
        """The last `limit` deletion requests, newest first; of one user, if it is given."""
        return [deletion_of(row) for row in self._run(DESK["newest_deletions"], (user, limit))]

    def deletions_waiting(self) -> dict[str, int]:
        """How many deletion requests of each source were kept because it may not delete."""
        return {str(name): int(n) for name, n in self._run(SQL["waiting_deletions"], (_UNAUTHORISED,))}

    # -- changes ---------------------------------------------------------------------------------------------------

    def requeue(self, receipts: Sequence[int]) -> int:
        """Make dead letters, and events that no rule took, pending again behind live traffic; how many were such.

        What got through of them before is not sent again; the mapping is the one at work when they come up.
        """
        due_us, unordered = self._stamp("steady_us"), self._unordered
        with self._transaction():
            # A microsecond apart, as `put_back` does it, so that they come up in the order they were received.
            unmatched = sum(
                reopen_unmatched(self._run, receipt, due_us=due_us + n, unordered=unordered)
                for n, receipt in enumerate(sorted(receipts))
            )
            return unmatched + put_back(self._run, receipts, now_us=due_us, unordered=unordered)

    def readmit(self, number: int, event: Event) -> Readmitted:
        """Put `event`, as which rejection `number` can be read now, behind live traffic."""
        with self._transaction():
            return readmit(self._run, number, event, due_us=self._stamp("steady_us"), unordered=self._unordered)

    def discard(self, receipts: Sequence[int]) -> int:
        """Forget dead letters for good, and say how many were dead."""
        with self._transaction():
            return sum(discard(self._run, receipt) for receipt in receipts)

    def discard_rejections(self, numbers: Sequence[int]) -> int:
        """Forget rejections for good, and say how many there were; in the balance they stay what they are: rejected."""
        with self._transaction():
            return sum(self._run(SQL["remove_rejection"], (number,)).fetchone() is not None for number in numbers)

    def receipts_of_user(self, user: str) -> Iterator[list[int]]:
        """The receipts of events whose user id or anonymous id is `user`, in pages."""
        for start, stop in self._windows_down(self.newest_receipt() + 1):
            found = self._run(DESK["receipts_of_user_between"], (start, stop, user)).fetchall()
            if found:
                yield [receipt for (receipt,) in found]

    def rejections_of_user(self, user: str) -> Iterator[list[int]]:
        """The numbers of rejections whose message is of `user` or, where it cannot be read, names that id; in pages."""
        after = 0
        while page := self.rejections(after=after):
            after = page[-1].number
            yield [kept.number for kept in page if is_of_user(kept.rejection.body, user)]

    def delete_bodies(self, receipts: Sequence[int]) -> int:
        """Take body and user away from events; what is pending or dead is dropped with that. How many there were."""
        with self._transaction():
            times = {"due_us": self._stamp("steady_us"), "ended_us": self._stamp("trusted_us")}
            return sum(delete_body(self._run, receipt, **times) for receipt in receipts)

    def empty_log(self) -> bool:
        """Bring all that was committed from the write-ahead log into the file; False if a reader is in the way."""
        busy, _, _ = self._run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    # -- mappings, and the file itself -----------------------------------------------------------------------------

    def mapping(self, version: str) -> str | None:
        """The text of the mapping with that version, if it was ever at work."""
        return self._text("mapping", version)

    def last_mapping(self, name: str) -> str | None:
        """The text that the mapping file `name` was last put to work with."""
        return self._text("last_mapping", name)

    def probe(self) -> None:
        """Write and sync, as storing an event does."""
        self._run(SQL["probe"], (self._now_us(),))

    def _text(self, statement: str, key: str) -> str | None:
        found = self._run(SQL[statement], (key,)).fetchone()
        return None if found is None else str(found[0])

    def _looked_up(self, sql: str, value: str) -> list[Story]:
        windows = self._windows_down(self.newest_receipt() + 1)
        found = [story for start, stop in windows for story in self._stories(sql, start, stop, value)]
        return sorted(found, key=lambda story: story.receipt)

    def _windows_down(self, end: int) -> Iterator[tuple[int, int]]:
        """From receipt `end` down: starts and stops, the stop not included."""
        oldest = int(self._run(DESK["oldest_receipt"]).fetchone()[0])
        for stop in range(end, oldest, -_WINDOW):
            yield max(oldest, stop - _WINDOW), stop

    def _stories(self, sql: str, *values: object) -> list[Story]:
        receipts = [receipt for (receipt,) in self._run(sql, values).fetchall()]
        found = (self.story(receipt) for receipt in receipts)
        return [story for story in found if story is not None]

    def _stamp(self, name: str) -> int:
        """Now by the queue's own clock, as its owner kept it a few seconds ago: ours may be hours ahead of it after a
        suspend, and what is put back must be due at once.
        """
        return int(self._run(SQL["state"], (name,)).fetchone()[0])

    def _now_us(self) -> int:
        return round(self._now() * _US)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")

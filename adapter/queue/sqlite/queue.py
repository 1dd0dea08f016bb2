"""The queue in one SQLite database, owned by this process: a file (WAL, every commit synced), or memory.

The database holds events, lanes and what became of them; who holds which lane is in memory, because a restart voids
every lease anyway. See `migrations/` for the tables and `queue/contract.py` for what is promised.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

from adapter.errors import QueueError
from adapter.model import Balance, Event, EventWarning, Lease, Outcome, Rejection, Retry
from adapter.queue.codec import restore, to_us
from adapter.queue.contract import ANY, Deletion, Pick, Stored
from adapter.queue.event_warnings import bounded
from adapter.queue.leases import Held, Leases
from adapter.queue.records import QueueOptions
from adapter.queue.shares import Shares
from adapter.queue.sqlite.archive import SqliteArchive
from adapter.queue.sqlite.balance import count_balance
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.deletions import Deletions
from adapter.queue.sqlite.disk_space import is_full_disk
from adapter.queue.sqlite.group_commit import GroupCommit
from adapter.queue.sqlite.inbox import SqliteInbox
from adapter.queue.sqlite.lanes import Head
from adapter.queue.sqlite.place import FilePlace, Place
from adapter.queue.sqlite.requeue import requeue_dead
from adapter.queue.sqlite.room import Room
from adapter.queue.sqlite.rows import SqliteRows
from adapter.queue.sqlite.seen import SEEN_SIZES
from adapter.queue.sqlite.settle import Settlement
from adapter.queue.sqlite.state import trusted_time
from adapter.queue.sqlite.upkeep import Upkeep

_MAX_DELAY_S = 3600.0
_OPTIONS = QueueOptions()


class SqliteQueue(SqliteArchive):
    """See `adapter.queue.contract` for what each method promises; made by `open`."""

    _trusted_time = staticmethod(trusted_time)
    _seen_sizes = SEEN_SIZES

    def __init__(
        self,
        place: Place,
        *,
        leave: Callable[[], None],
        connection: sqlite3.Connection,
        rows: SqliteRows,
        room: Room,
        now: Callable[[], float],
        unordered: frozenset[str],
        shares: Shares,
    ) -> None:
        commits = GroupCommit(connection, rows, failed=self._failed)
        super().__init__(commits, rows, room)
        self._place = place
        self._leave = leave
        self._connection = connection
        self._now = now
        self._unordered = unordered
        self._leases = Leases(now)
        self._deletions = Deletions(place, connection, self._commits, now=now, trusted=rows.trusted, ended=self._ended)
        self._loop = asyncio.get_running_loop()
        self._taking = asyncio.Lock()
        self._changed = asyncio.Event()
        self._upkeep = Upkeep(place, self._commits, rows, room, now=now, shares=shares)
        self._inbox = SqliteInbox(
            commits, rows, room, upkeep=self._upkeep, unordered=unordered, shares=shares, stored=self._put_done
        )
        self._keeping = asyncio.create_task(self._upkeep.run())

    @classmethod
    async def open(cls, path: Path, options: QueueOptions = _OPTIONS, *, now: Callable[[], float]) -> Self:
        """The queue in the file `path`: see `open_at`."""
        return await cls.open_at(FilePlace(path), options, now=now)

    @classmethod
    async def open_at(
        cls,
        place: Place,
        options: QueueOptions,
        *,
        now: Callable[[], float],
        wall: Callable[[], float] | None = None,
    ) -> Self:
        """Open or make the queue at `place`. `now` gives seconds since 1970 and never jumps; `wall` is the machine's
        clock, which may be wrong; None: `now` is right.

        Raises ConfigError if another process serves it or its place cannot be written, QueueError if it is damaged or
        not ours. Whatever was opened before the error is closed again.
        """
        with contextlib.ExitStack() as undo:
            try:
                leave = await asyncio.to_thread(place.own)
                undo.callback(leave)
                connection = await asyncio.to_thread(connect, place)
                undo.callback(connection.close)
                trusted = cls._trusted_time(connection, wall=wall or now, steady=now)
                rows = SqliteRows(
                    connection, now=now, trusted=trusted, retention=options.retention, seen_sizes=cls._seen_sizes
                )
                rows.void_far_dues(_MAX_DELAY_S)
                rows.bring_back_stamps()
                room = await asyncio.to_thread(partial(place.room, max_bytes=options.max_bytes))
                undo.callback(room.leave)
                queue = cls(
                    place,
                    leave=leave,
                    connection=connection,
                    rows=rows,
                    room=room,
                    now=now,
                    unordered=frozenset(options.unordered),
                    shares=Shares(options.max_pending, room.max_bytes, divided=options.shared),
                )
            except sqlite3.Error as exc:
                raise QueueError(f"{place}: cannot be used as a queue: {exc}") from exc
            undo.pop_all()
            return queue

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        return await self._inbox.put(events, rejections)

    async def probe(self) -> None:
        await self._inbox.probe()

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        end_s = self._loop.time() + wait_s
        while True:
            changed = self._changed
            leases, until_due_s = await self._take_now(sources, limit, lease_s, pick)
            left_s = end_s - self._loop.time()
            if leases or left_s <= 0:
                return leases
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s(left_s, until_due_s)):
                    await changed.wait()

    async def renew(self, lease: Lease, *, lease_s: float) -> bool:
        return self._leases.extend(lease.token, lease_s)

    def holds(self, lease: Lease) -> bool:
        return self._leases.holds(lease.token)

    def mark_delivered(self, lease: Lease, key: str) -> None:
        held = self._leases.get(lease.token)
        if held is not None and not held.gone:
            held.delivered_keys.add(key)
            marking = self._commits.write(partial(self._rows.mark_delivered, lease.seq, key), may_wait=lambda: True)
            marking.add_done_callback(_forget_error)

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        mapping: str = "",
        warnings: Sequence[EventWarning] = (),
        may_wait: bool = False,
    ) -> bool:
        held = self._leases.get(lease.token)
        if held is None or held.settling:
            return False
        held.settling = True

        def settled(changed: bool) -> None:
            self._leases.release(lease.token)
            self._inbox.pending -= changed and not isinstance(outcome, Retry)
            self._announce()

        try:
            return await self._commits.write(
                lambda: self._rows.settle(self._end(held, lease, outcome, mapping, warnings)),
                after=settled,
                # Whoever comes next in the lane waits for this settle.
                may_wait=partial(self._rows.is_last, held.lane) if may_wait else None,
            )
        except QueueError:
            held.settling = False
            raise

    async def make_due(self, heads: Mapping[int, int]) -> int:
        return await self._commits.write(lambda: self._rows.make_due(heads), after=lambda _: self._announce())

    async def requeue(self, seqs: Collection[int]) -> int:
        def work() -> int:
            run, now_us = self._connection.execute, round(self._now() * 1e6)
            return requeue_dead(run, seqs, now_us=now_us, unordered=self._unordered)

        return await self._commits.write(work, after=self._requeued)

    async def balance(self) -> Balance:
        balance = await asyncio.to_thread(count_balance, self._place)
        self._inbox.pending = balance.pending  # operators requeue events beside us
        return balance

    async def delete_requested(self, *, wait_s: float) -> Sequence[Deletion]:
        return await self._deletions.carry_out(wait_s)

    async def close(self) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        with contextlib.suppress(QueueError):
            await self._commits.write(self._rows.keep_time)
        await self._commits.close()
        self._connection.close()
        self._room.leave()
        self._leave()

    def _end(
        self, held: Held, lease: Lease, outcome: Outcome, mapping: str, warnings: Sequence[EventWarning]
    ) -> Settlement:
        return Settlement(
            lane=held.lane,
            seq=held.seq,
            source=lease.event.source,
            outcome=outcome,
            mapping=mapping,
            received_us=to_us(lease.event.received_at),
            size_bytes=held.size_bytes,
            has_sent=bool(held.delivered_keys or lease.delivered_keys),
            warnings=bounded(warnings, beside=lease.event.warnings) if warnings or held.is_warned else None,
        )

    def _failed(self, exc: Exception) -> None:
        if is_full_disk(exc):
            self._room.give_way()

    def _requeued(self, count: int) -> None:
        self._inbox.pending += count
        self._announce()

    def _put_done(self, stored: Stored) -> None:
        if stored.deletions:
            self._deletions.asked()
        self._announce()

    def _ended(self, seqs: Collection[int]) -> None:
        self._leases.end(seqs)
        self._announce()

    def _announce(self) -> None:
        """Wake every take that waits; one that is looking right now finds its event set before it waits on it."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _take_now(
        self, sources: Collection[str], limit: int, lease_s: float, pick: Pick
    ) -> tuple[list[Lease], float | None]:
        # One at a time from looking to holding, so that no two takes find the same lane.
        async with self._taking:
            busy = self._leases.lanes()
            heads, until_due_s = await self._commits.read(
                lambda: self._rows.find(list(sources), limit=limit, busy=busy, pick=pick)
            )
            return [self._lease(head, lease_s) for head in heads], until_due_s

    def _patience_s(self, left_s: float, until_due_s: float | None) -> float:
        """How long to wait for a change before looking again: a lane comes due, a lease runs out, unannounced."""
        waits = [left_s]
        if until_due_s is not None:
            waits.append(until_due_s)
        expiry_s = self._leases.next_expiry_s()
        if expiry_s is not None:
            waits.append(max(0.0, expiry_s - self._now()))
        return min(waits)

    def _lease(self, head: Head, lease_s: float) -> Lease:
        event, is_damaged = restore(head.row)
        return Lease(
            event=event,
            seq=head.seq,
            attempt=head.attempt,
            retried_s=head.retried_us / 1e6,
            delivered_keys=head.delivered_keys,
            due_at_s=head.due_us / 1e6,
            expires_at=datetime.fromtimestamp(self._now() + lease_s, UTC),
            token=self._leases.hold(
                head.lane, seq=head.seq, lease_s=lease_s, size_bytes=len(head.row.body), is_warned=head.is_warned
            ),
            is_damaged=is_damaged,
            lane=head.lane,
        )


def _forget_error(done: asyncio.Future[None]) -> None:
    """A key that could not be kept may repeat a call, and no more is lost; the settle after it says why."""
    if not done.cancelled():
        done.exception()

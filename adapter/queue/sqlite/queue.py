"""The queue in one SQLite database, owned by this process: a file (WAL, every commit synced), or memory.

The database holds events, lanes and outcomes. Leases are in memory, because a restart voids every lease anyway. See
`migrations/` for the tables and `queue/contract.py` for the contract.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from adapter.errors import QueueError
from adapter.queue.archive import QueueArchive
from adapter.queue.contract import Balance, Deletion, Stored
from adapter.queue.group_commit import GroupCommit
from adapter.queue.inbox import QueueInbox
from adapter.queue.leased_queue import LeasedQueue
from adapter.queue.records import QueueOptions
from adapter.queue.room import Room
from adapter.queue.shares import Shares
from adapter.queue.sqlite.balance import count_balance
from adapter.queue.sqlite.connection import Transactions, connect
from adapter.queue.sqlite.deletions import Deletions
from adapter.queue.sqlite.disk_space import is_full_disk
from adapter.queue.sqlite.place import FilePlace, Place
from adapter.queue.sqlite.requeue import requeue_dead
from adapter.queue.sqlite.rows import SqliteRows
from adapter.queue.sqlite.seen import SEEN_SIZES
from adapter.queue.sqlite.state import trusted_time
from adapter.queue.sqlite.upkeep import Upkeep

_MAX_DELAY_S = 3600.0
_OPTIONS = QueueOptions()


class SqliteQueue(LeasedQueue, QueueArchive):
    """See `adapter.queue.contract` for the methods; created by `open`."""

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
        commits = GroupCommit(Transactions(connection), rows, failed=self._failed)
        self._upkeep = Upkeep(place, commits, rows, room, now=now, shares=shares)
        inbox = QueueInbox(
            commits,
            rows,
            room,
            storing=self._upkeep.storing,
            unordered=unordered,
            shares=shares,
            stored=self._put_done,
        )
        LeasedQueue.__init__(self, commits, rows, inbox=inbox, now=now)
        QueueArchive.__init__(self, commits, rows, room)
        self._rows = rows
        self._place = place
        self._leave = leave
        self._connection = connection
        self._unordered = unordered
        self._deletions = Deletions(place, connection, commits, now=now, trusted=rows.trusted, ended=self._ended)
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
        """Open or create the queue at `place`. `now` returns seconds since 1970 and never jumps; `wall` is the
        machine's clock, which may be wrong; None: `now` is right.

        Raises ConfigError if another process serves it or its place cannot be written, QueueError if it is damaged or
        is not a queue of the adapter. Everything that was opened before the error is closed again.
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

    async def requeue(self, seqs: Collection[int]) -> int:
        def work() -> int:
            run, now_us = self._connection.execute, round(self._now() * 1e6)
            return requeue_dead(run, seqs, now_us=now_us, unordered=self._unordered)

        return await self._commits.write(work, after=self._requeued)

    async def balance(self) -> Balance:
        balance = await asyncio.to_thread(count_balance, self._place)
        self._inbox.pending = balance.pending  # operators requeue events from other processes
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

    def _failed(self, exc: Exception) -> None:
        if is_full_disk(exc):
            self._room.give_way()

    def _put_done(self, stored: Stored) -> None:
        if stored.deletions:
            self._deletions.request_stored()
        self._announce()

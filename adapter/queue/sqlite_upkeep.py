"""Keeps the queue file in its bounds: what is older than its retention goes, and near the limit of the disk more."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

from adapter.errors import QueueError
from adapter.queue.group_commit import GroupCommit
from adapter.queue.sqlite_balance import last_rejection_beyond
from adapter.queue.sqlite_room import Room
from adapter.queue.sqlite_rows import SqliteRows

_EVERY_S = 5.0
_AT_ONCE = 500
# What could still be kept is not given up many at a time.
_THIN_AT_ONCE = 100
_REJECTIONS_EVERY = 12


class Upkeep:
    """See the module. `rows` belong to the thread of `commits`; `now` gives seconds since 1970 and never jumps, and
    `unfinished` how many events are pending or dead.
    """

    def __init__(
        self,
        path: Path,
        commits: GroupCommit,
        rows: SqliteRows,
        room: Room,
        *,
        now: Callable[[], float],
        unfinished: Callable[[], int],
    ) -> None:
        self._path = path
        self._commits = commits
        self._rows = rows
        self._room = room
        self._now = now
        self._unfinished = unfinished

    async def run(self) -> None:
        """Go on until cancelled."""
        for times in itertools.count(1):
            await asyncio.sleep(_EVERY_S)
            with contextlib.suppress(QueueError):  # a disk in trouble shows itself to `put` and `probe`
                while await self._commits.write(lambda: self._rows.prune(_AT_ONCE)):
                    pass
                await self._commits.read(self._rows.free_pages)
                await self.make_room()
                if times % _REJECTIONS_EVERY == 0:
                    await self.bound_rejections()

    async def bound_rejections(self) -> None:
        """Rejections have a hundredth of the disk, the newest ones: bad messages must not drive out the history."""
        most_bytes = self._room.max_bytes // 100
        last = await asyncio.to_thread(last_rejection_beyond, self._path, most_bytes)
        while last and await self._commits.write(lambda: self._rows.forget_rejections(last, _AT_ONCE)):
            pass

    def _needs_room(self, used_bytes: int) -> bool:
        return used_bytes > self._room.thin_bytes or self._room.is_out_of_disk

    async def make_room(self) -> None:
        """Near `max_disk`, and when the disk itself is full, history goes first, the oldest, then rejections; only what
        is pending or dead can fill it.
        """
        used = await self._commits.read(self._rows.used_bytes)
        while self._needs_room(used) and await self._commits.write(lambda: self._rows.thin_out(_THIN_AT_ONCE)):
            used = await self._commits.read(self._rows.used_bytes)
            if self._room.is_out_of_disk:
                await self._commits.read(self._rows.free_pages)
                await asyncio.to_thread(self._room.recover)
        history_s = await self._commits.read(self._rows.history_s)
        held = used
        if history_s is not None:
            held = min(used, self._unfinished() * await self._commits.read(self._rows.event_bytes))
        self._room.uses(used, held_bytes=held, history_s=history_s, now_s=self._now())

"""Keeps the queue file in its limits: deletes what is older than its retention, and more near the limit of the disk."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from functools import partial

from adapter.errors import QueueError
from adapter.model import Rejection
from adapter.queue.codec import Row
from adapter.queue.group_commit import GroupCommit
from adapter.queue.room import Room
from adapter.queue.shares import Shares
from adapter.queue.sqlite.balance import rejections_beyond
from adapter.queue.sqlite.place import Place
from adapter.queue.sqlite.rows import SqliteRows

_EVERY_S = 5.0
_AT_ONCE = 500
# History within its retention is deleted in small steps, so that no more goes than must.
_THIN_AT_ONCE = 100
_REJECTIONS_EVERY = 12
# The size is read again once this part of the disk was stored since the last reading.
_WAKE_SHARE = 50


class Upkeep:
    """See the module. `rows` belong to the thread of `commits`; `now` gives seconds since 1970 and never jumps."""

    def __init__(
        self,
        place: Place,
        commits: GroupCommit,
        rows: SqliteRows,
        room: Room,
        *,
        now: Callable[[], float],
        shares: Shares,
    ) -> None:
        self._place = place
        self._commits = commits
        self._rows = rows
        self._room = room
        self._now = now
        self._shares = shares
        self._stored_bytes = 0
        self._rejected_bytes = 0
        self._wake = asyncio.Event()

    def storing(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> None:
        """Called before these are stored. A fast sender must not pass a limit between two checks."""
        events_bytes = sum(len(row.body) for row in rows)
        rejections_bytes = sum(len(rejection.body) for rejection in rejections)
        self._stored_bytes += events_bytes + rejections_bytes
        self._rejected_bytes += rejections_bytes
        if self._stored_bytes > self._room.max_bytes // _WAKE_SHARE:
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        for times in itertools.count(1):
            with contextlib.suppress(TimeoutError):
                # `asyncio.wait_for` of Python 3.11 ignores a cancellation at the moment at which the wait ends.
                async with asyncio.timeout(_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            self._stored_bytes = 0
            with contextlib.suppress(QueueError):  # `put` and `probe` report a failing disk
                while await self._commits.write(lambda: self._rows.prune(_AT_ONCE)):
                    pass
                await self._keep_ids()
                await self._commits.read(self._rows.free_pages)
                await self.bound_shares()
                await self.make_room()
                if times % _REJECTIONS_EVERY == 0 or self._rejected_bytes > self._most_rejected_bytes:
                    await self.bound_rejections()

    @property
    def _most_rejected_bytes(self) -> int:
        return self._room.max_bytes // 100

    async def _keep_ids(self) -> None:
        """Work on the ids seen, a slice at a time: other jobs run in between."""
        while await self._commits.read(self._rows.take_in_ids):
            pass
        for keep in (self._rows.save_ids, self._rows.merge_ids):
            while await self._commits.write(keep):
                pass

    async def bound_rejections(self) -> None:
        """Limit rejections to a hundredth of the disk, the newest ones: bad messages must not displace history, nor one
        source's those of others.
        """
        self._rejected_bytes = 0
        beyond = await asyncio.to_thread(rejections_beyond, self._place, self._most_rejected_bytes)
        for source, last in beyond.items():
            while await self._commits.write(partial(self._rows.forget_rejections, source, last=last, limit=_AT_ONCE)):
                pass

    async def bound_shares(self) -> None:
        """Discard the oldest dead letters without a user of a source that is near its share: they can never be
        delivered. All others stay until an operator decides.
        """
        for source in list(self._rows.held):
            after: int | None = 0
            while after is not None and self._shares.excess(self._rows.held, source, self._shares.margin):
                discard = partial(self._rows.discard_undeliverable, source, after=after, limit=_AT_ONCE)
                after = await self._commits.write(discard)

    def _needs_room(self, used_bytes: int) -> bool:
        return used_bytes > self._room.thin_bytes or self._room.is_out_of_disk

    async def make_room(self) -> None:
        """Near `max_disk`, and on a full disk, delete the oldest history first, then rejections. So only pending and
        dead events can fill the disk.
        """
        used = await self._commits.read(self._rows.used_bytes)
        while self._needs_room(used) and await self._commits.write(lambda: self._rows.thin_out(_THIN_AT_ONCE)):
            used = await self._commits.read(self._rows.used_bytes)
            if self._room.is_out_of_disk:
                await self._commits.read(self._rows.free_pages)
                await asyncio.to_thread(self._room.recover)
        history_s = await self._commits.read(self._rows.history_s)
        held = sum(usage.size_bytes for usage in self._rows.held.values())
        held_bytes = used if history_s is None else min(used, held)
        self._room.uses(used, held_bytes=held_bytes, history_s=history_s, now_s=self._now())

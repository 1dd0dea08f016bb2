"""Stores what ingest received, while the queue has room."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import astuple

from adapter.errors import QueueFull
from adapter.model import Event, Rejection
from adapter.queue.codec import Row, encode
from adapter.queue.contract import Stored
from adapter.queue.group_commit import GroupCommit
from adapter.queue.room import Room
from adapter.queue.shares import Shares, Usage
from adapter.queue.transaction import Staged

_PIECE = 250
"""Messages that are encoded without a pause, about 3 ms, and stored as one piece. Other tasks run between two pieces.
"""


class InboxRows(Protocol):
    """What ingest needs of a queue's database, on the thread of its `GroupCommit`."""

    @property
    def held(self) -> Mapping[str, Usage]:
        """What each source holds, by name. May be called from any thread."""
        ...

    def put(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Staged[Stored]:
        """Store messages with the others of this group."""
        ...

    def probe(self) -> None:
        """Write something, and leave nothing of it."""
        ...

    def pending(self) -> int:
        """The number of pending events, without reading each."""
        ...


class QueueInbox:
    """As `adapter.queue.contract.Inbox` promises it.

    `storing` is called with the rows that are about to be stored, `stored` with the result of each put once it is
    committed. `pending` is the number of pending events.
    """

    def __init__(
        self,
        commits: GroupCommit,
        rows: InboxRows,
        room: Room,
        *,
        storing: Callable[[Sequence[Row], Sequence[Rejection]], None],
        unordered: Collection[str],
        shares: Shares,
        stored: Callable[[Stored], None],
    ) -> None:
        self.pending = rows.pending()
        self._commits = commits
        self._rows = rows
        self._room = room
        self._storing = storing
        self._unordered = unordered
        self._shares = shares
        self._stored = stored

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        await self._make_sure_of_room(len(events))
        # Encoded before they join a group: an event that cannot be stored fails its own caller only.
        rows = self._encoded(events[:_PIECE])
        for start in range(_PIECE, len(events), _PIECE):
            await asyncio.sleep(0)
            rows += self._encoded(events[start : start + _PIECE])
        self._shares.admit(self._rows.held, rows)
        self._storing(rows, rejections)
        if len(rows) + len(rejections) <= _PIECE:
            return await self._submit(rows, rejections)
        # Continues if the caller is cancelled, as a single piece does.
        return await asyncio.shield(self._store_in_pieces(rows, rejections))

    async def _store_in_pieces(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Stored:
        """Store pieces one after the other. After a piece that failed no later one is stored, so that the events keep
        their order when the sender sends all of them again.
        """
        pieces = [(rows[start : start + _PIECE], ()) for start in range(0, len(rows), _PIECE)]
        refused = [((), rejections[start : start + _PIECE]) for start in range(0, len(rejections), _PIECE)]
        return _sum_of([await self._submit(*piece) for piece in (*pieces, *refused)])

    async def probe(self) -> None:
        await self._make_sure_of_room(1)
        await self._commits.write(self._rows.probe)

    async def _make_sure_of_room(self, count: int) -> None:
        """Raises QueueFull if there is no room for `count` more events."""
        if self.pending + count > self._shares.max_events:
            raise QueueFull(f"{self._shares.max_events} events are pending, the most this queue takes (limits.pending)")
        if self._room.is_full and not await asyncio.to_thread(self._room.recover):
            raise self._room.refusal()

    def _encoded(self, events: Sequence[Event]) -> list[Row]:
        return [encode(event, ordered=event.source not in self._unordered) for event in events]

    def _submit(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> asyncio.Future[Stored]:
        work = partial(self._rows.put, rows, rejections)
        return self._commits.write(work, after=self._put_done, messages=len(rows) + len(rejections))

    def _put_done(self, stored: Stored) -> None:
        self.pending += stored.stored - stored.deletions - stored.dropped
        self._stored(stored)


def _sum_of(pieces: Sequence[Stored]) -> Stored:
    return Stored(*(sum(counts) for counts in zip(*map(astuple, pieces), strict=True)))

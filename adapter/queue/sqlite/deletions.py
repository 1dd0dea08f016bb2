"""Carries out deletion requests in the queue file, beside ingest and delivery. Theory of operation.

First the pending events: the user's lanes lead to them at once. Then everything that is kept, one window of seqs at a
time. An index of users would cost every event that is ever stored, and one walk serves every open request. Reading has
a connection of its own, for which no commit waits; each change is a small job in a group of others. A request is marked
as done when everything is deleted: after a crash before that, the walk starts again and finds what is left.
"""

import asyncio
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

from adapter.errors import QueueError
from adapter.queue.codec import from_us, is_asked, lanes_of_user
from adapter.queue.contract import Deletion
from adapter.queue.group_commit import GroupCommit
from adapter.queue.record_rows import deletion_of
from adapter.queue.sqlite.connection import opened
from adapter.queue.sqlite.erase import delete_body, empty_log
from adapter.queue.sqlite.place import Place
from adapter.queue.sqlite.state import SQL, US

_WINDOW = 10_000
"""Seqs looked through in one read."""
_PAGE = 100
"""Bodies deleted in one job: about 10 ms, for which the other jobs of its group wait."""
_AT_ONCE = 500
"""Requests that one walk carries out."""
_LOG_TRIES = 20
_LOG_AGAIN_S = 0.5

_Asked: TypeAlias = tuple[int, int]
"""The seq of an event, or the number of a rejection, and the number of the request that deletes it."""


class Deletions:
    """See the module. `connection` belongs to the thread of `commits`; everything else to the event loop.

    `ended` is called with the seqs of events that must not be delivered any more.
    """

    def __init__(
        self,
        place: Place,
        connection: sqlite3.Connection,
        commits: GroupCommit,
        *,
        now: Callable[[], float],
        trusted: Callable[[], float],
        ended: Callable[[Collection[int]], None],
    ) -> None:
        self._place = place
        self._run = connection.execute
        self._commits = commits
        self._now = now
        self._trusted = trusted
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        # Requests that a restart interrupted are carried out now.
        self._asked.set()
        self._lanes_emptied_to = 0

    def request_stored(self) -> None:
        """Called when a request was stored."""
        self._asked.set()

    async def carry_out(self, wait_s: float) -> list[Deletion]:
        """See `Archive.delete_requested`."""
        if not self._asked.is_set():
            # Then read all the same: an operator may have requeued a request, from another process.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._asked.wait()
        self._asked.clear()
        try:
            return await self._carry_out()
        except BaseException:
            self._lanes_emptied_to = 0
            self._asked.set()
            raise

    async def _carry_out(self) -> list[Deletion]:
        requests = await self._open_after(0)
        if not requests:
            return []
        if len(requests) == _AT_ONCE:
            self._asked.set()
        async with self._reading() as read:
            await self._empty_lanes(read)
            await self._walk_events(read, requests[-1].number)
            await self._walk_rejections(read, requests)
        await self._empty_log()
        return await self._commits.write(lambda: self._end(requests))

    async def _open_after(self, number: int) -> list[Deletion]:
        found = await self._commits.read(lambda: self._run(SQL["open_deletions"], (number, _AT_ONCE)).fetchall())
        return [deletion_of(row) for row in found]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator["_Read"]:
        try:
            read = _Read(self._place)
            try:
                yield read
            finally:
                read.close()
        except sqlite3.Error as exc:
            raise QueueError(f"{self._place}: {exc}") from exc

    # -- events ----------------------------------------------------------------------------------------------------

    async def _empty_lanes(self, read: "_Read") -> None:
        """Delete pending events first, or they would be delivered while the walk is elsewhere."""
        for request in await self._open_after(self._lanes_emptied_to):
            lanes = lanes_of_user(request.source, request.user)
            while found := await read.all(SQL["in_lanes"], *lanes, request.number, request.user, _WINDOW):
                await self._take_away([(seq, request.number) for (seq,) in found])
            self._lanes_emptied_to = request.number

    async def _walk_events(self, read: "_Read", last: int) -> None:
        [(first,)] = await read.all(SQL["first_message"])
        for start in range(first, last, _WINDOW):
            began_s = self._loop.time()
            if self._asked.is_set():
                await self._empty_lanes(read)
            await self._take_away(await read.all(SQL["asked_between"], start, min(start + _WINDOW, last)))
            # As much rest as work, because ingest and delivery need the machine too.
            await asyncio.sleep(self._loop.time() - began_s)

    async def _take_away(self, asked: Sequence[_Asked]) -> None:
        for start in range(0, len(asked), _PAGE):
            page = asked[start : start + _PAGE]
            await self._commits.write(partial(self._take_page, page), after=self._ended)

    def _take_page(self, page: Sequence[_Asked]) -> list[int]:
        times = {"due_us": round(self._now() * US), "ended_us": round(self._trusted() * US)}
        gone = [(seq, request) for seq, request in page if delete_body(self._run, seq, **times)]
        for request, events in Counter(request for _, request in gone).items():
            self._run(SQL["count_deleted"], (events, 0, request))
        return [seq for seq, _ in gone]

    # -- rejections ------------------------------------------------------------------------------------------------

    async def _walk_rejections(self, read: "_Read", requests: Sequence[Deletion]) -> None:
        of_source: defaultdict[str, list[Deletion]] = defaultdict(list)
        for request in requests:
            of_source[request.source].append(request)
        after = 0
        while rows := await read.all(SQL["rejections_from"], after, _PAGE):
            after = rows[-1][0]
            asked = await asyncio.to_thread(_rejections_asked, rows, of_source)
            if asked:
                await self._commits.write(partial(self._forget, asked))

    def _forget(self, asked: Sequence[_Asked]) -> None:
        for number, request in asked:
            if self._run(SQL["remove_rejection"], (number,)).fetchone() is not None:
                self._run(SQL["count_deleted"], (0, 1, request))

    # -- the end ---------------------------------------------------------------------------------------------------

    async def _empty_log(self) -> None:
        """Leave no copy in the write-ahead log. If readers are always in the way, later commits overwrite it."""
        for _ in range(_LOG_TRIES):
            if await self._commits.read(lambda: empty_log(self._run)):
                return
            await asyncio.sleep(_LOG_AGAIN_S)

    def _end(self, requests: Sequence[Deletion]) -> list[Deletion]:
        now_us = round(self._trusted() * US)
        return [
            deletion_of(self._run(SQL["end_deletion"], (now_us, request.number)).fetchone()) for request in requests
        ]


class _Read:
    """Reads on a thread of its own, one read at a time. A read that was cancelled ends before the file is closed."""

    def __init__(self, place: Place) -> None:
        self._connection = opened(place)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue-deletions")

    async def all(self, sql: str, *values: object) -> list[Any]:
        """All rows of `sql`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self._connection.execute(sql, values).fetchall())

    def close(self) -> None:
        """Close the file, after the read in progress."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)


def _rejections_asked(
    rows: Sequence[tuple[int, str, bytes, int]], of_source: Mapping[str, Sequence[Deletion]]
) -> list[_Asked]:
    """Those of the rows, of the statement `rejections_from`, that a request takes away, and the first that does."""
    found: list[_Asked] = []
    for number, source, body, received_us in rows:
        at = from_us(received_us)
        for request in of_source.get(source, ()):
            if is_asked(request, source=source, received_at=at, rejected=body):
                found.append((number, request.number))
                break
    return found

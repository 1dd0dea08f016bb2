"""Carries out deletion requests, beside ingest and delivery. The theory is in `sqlite/deletions.py`.

What differs: before a walk it waits for the puts in progress, without blocking others. A put takes its lock of
`message` before it draws its numbers. So a message with a number below that of a request is in the table then, or never
will be.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from adapter.errors import QueueError
from adapter.queue.codec import from_us, is_asked, lanes_of_user
from adapter.queue.contract import Deletion
from adapter.queue.group_commit import GroupCommit
from adapter.queue.postgres.claims import Claims
from adapter.queue.postgres.erase import delete_bodies
from adapter.queue.postgres.message_row import packed
from adapter.queue.postgres.reading import ReadSession
from adapter.queue.postgres.record_rows import deletion_of
from adapter.queue.postgres.state import SQL, PostgresWriterState

_WINDOW = 10_000
"""Seqs looked through in one read."""
_PAGE = 100
"""Bodies deleted in one job: about 10 ms, for which the other jobs of its group wait."""
_AT_ONCE = 500
"""Requests that one walk carries out."""
_PUTTING_AGAIN_S = 0.05

_Asked: TypeAlias = tuple[int, int]
"""The seq of an event, or the number of a rejection, and the number of the request that deletes it."""


class PostgresDeletions:
    """See the module. `delivered` are the sources that this process wants to deliver; `ended` is called with the seqs
    of events that must not be delivered any more. A walk that waits longer than `patience_s` for a put fails.
    """

    def __init__(
        self,
        reading: ReadSession,
        commits: GroupCommit,
        state: PostgresWriterState,
        *,
        claims: Claims,
        delivered: Callable[[], Collection[str]],
        patience_s: float,
        ended: Callable[[Collection[int]], None],
    ) -> None:
        self._reading = reading
        self._commits = commits
        self._run = state.run
        self._now_us = state.now_us
        self._claims = claims
        self._delivered = delivered
        self._patience_s = patience_s
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
            # Then read all the same: another process may have stored a request.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._asked.wait()
        self._asked.clear()
        had = self._claims.held
        try:
            return await self._carry_out()
        except BaseException:
            self._lanes_emptied_to = 0
            self._asked.set()
            raise
        finally:
            # Release the claims that were taken for this alone.
            await self._claims.release(set(self._claims.held) - {*had, *self._delivered()})

    async def _carry_out(self) -> list[Deletion]:
        requests = await self._open_after(0)
        if not requests:
            return []
        if len(requests) == _AT_ONCE:
            self._asked.set()
        await self._wait_for_puts()
        await self._empty_lanes()
        await self._walk_events(requests[-1].number, {request.source for request in requests})
        await self._walk_rejections(requests)
        return await self._commits.write(lambda: self._end(requests))

    async def _wait_for_puts(self) -> None:
        end_s = self._loop.time() + self._patience_s
        putting = {one for (one,) in await self._reading.all("putting")}
        while putting:
            if self._loop.time() > end_s:
                held_up_by = await self._reading.all("still_putting", transactions=list(putting))
                if held_up_by:
                    raise QueueError(_held_up(held_up_by))
            await asyncio.sleep(_PUTTING_AGAIN_S)
            putting &= {one for (one,) in await self._reading.all("putting")}

    async def _open_after(self, number: int) -> list[Deletion]:
        found = await self._reading.all("open_deletions", after=number, limit=_AT_ONCE)
        requests = [deletion_of(row) for row in found]
        # Who delivers a source carries out its requests, so that what is under way there is let go.
        ours = {
            source for source in {one.source for one in requests} if await self._claims.claim([source], briefly=True)
        }
        return [request for request in requests if request.source in ours]

    # -- events ----------------------------------------------------------------------------------------------------

    async def _empty_lanes(self) -> None:
        """What is pending goes first, or it would be delivered while the walk is elsewhere."""
        for request in await self._open_after(self._lanes_emptied_to):
            asked = {
                "lanes": list(lanes_of_user(request.source, request.user)),
                "before": request.number,
                "user": packed(request.user),
                "limit": _WINDOW,
            }
            while found := await self._reading.all("in_lanes", **asked):
                await self._take_away([(seq, request.number) for (seq,) in found])
            self._lanes_emptied_to = request.number

    async def _walk_events(self, last: int, sources: Collection[str]) -> None:
        [(first,)] = await self._reading.all("first_message")
        for start in range(first, last, _WINDOW):
            began_s = self._loop.time()
            if self._asked.is_set():
                await self._empty_lanes()
            window = {"start": start, "stop": min(start + _WINDOW, last), "sources": list(sources)}
            await self._take_away(await self._reading.all("asked_between", **window))
            # As much rest as work, for the machine has other things to do.
            await asyncio.sleep(self._loop.time() - began_s)

    async def _take_away(self, asked: Sequence[_Asked]) -> None:
        for start in range(0, len(asked), _PAGE):
            page = dict(asked[start : start + _PAGE])
            await self._commits.write(partial(self._take_page, page), after=self._ended)

    def _take_page(self, page: Mapping[int, int]) -> list[int]:
        now_us = self._now_us()
        gone = delete_bodies(self._run, list(page), due_us=now_us, ended_us=now_us)
        for request, events in Counter(page[seq] for seq in gone).items():
            self._run(SQL["count_deleted"], {"events": events, "rejections": 0, "seq": request})
        return gone

    # -- rejections ------------------------------------------------------------------------------------------------

    async def _walk_rejections(self, requests: Sequence[Deletion]) -> None:
        of_source: defaultdict[str, list[Deletion]] = defaultdict(list)
        for request in requests:
            of_source[request.source].append(request)
        after = 0
        while rows := await self._reading.all("rejections_from", after=after, limit=_PAGE):
            after = rows[-1][0]
            asked = await asyncio.to_thread(_rejections_asked, rows, of_source)
            if asked:
                await self._commits.write(partial(self._forget, asked))

    def _forget(self, asked: Sequence[_Asked]) -> None:
        of = dict(asked)
        gone = self._run(SQL["remove_rejection"], {"ids": list(of)}).fetchall()
        for request, rejections in Counter(of[number] for number, _ in gone).items():
            self._run(SQL["count_deleted"], {"events": 0, "rejections": rejections, "seq": request})

    # -- the end ---------------------------------------------------------------------------------------------------

    def _end(self, requests: Sequence[Deletion]) -> list[Deletion]:
        values = {"now_us": self._now_us(), "seqs": [request.number for request in requests]}
        done = [deletion_of(found) for found in self._run(SQL["end_deletions"], values).fetchall()]
        return sorted(done, key=lambda request: request.number)


def _held_up(transactions: Sequence[tuple[int | None, str, int]]) -> str:
    """What to do about transactions that end too late: of each the process, its program, and its age in seconds."""
    named = ", ".join(
        "a prepared transaction (pg_prepared_xacts)"
        if pid is None
        else f"process {pid} ({program}, open for {seconds} s)"
        for pid, program, seconds in transactions
    )
    todo = "end it, for example with pg_terminate_backend"
    return f"PostgreSQL: deletion requests wait for a transaction that may store messages: {named}; {todo}"


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

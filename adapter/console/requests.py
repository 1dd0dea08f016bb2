"""What the operations of the API share: use a console in a thread, read a body, end with a reply."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TypeAlias, TypeVar

from aiohttp import hdrs, web

from adapter.console import params
from adapter.console.console import Export, QueueConsole
from adapter.console.params import BadRequest
from adapter.errors import QueueError
from adapter.http.json_api import DATA_HEADERS, Handler, error_response
from adapter.http.responses import SERVER, Response
from adapter.ingest.decode import Body
from adapter.ingest.limits import RequestLimits
from adapter.ingest.requests import BodyReader
from adapter.model import JsonObject

T = TypeVar("T")
OpenConsole: TypeAlias = Callable[[], AbstractContextManager[QueueConsole]]

_EXPORT_HEADERS = {"Content-Type": "application/x-ndjson", **DATA_HEADERS}
_THREADS = 2
"""Threads that operators' requests may use at a time, of the few that the service has."""


class EarlyReply(Exception):  # noqa: N818 - an answer, not a fault
    """Ends a handler with `response`."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


async def answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    """The answer of `handler`, also if the request was invalid or the handler ended early."""
    try:
        return await handler(request)
    except BadRequest as exc:
        return error_response(400, "invalid_request", str(exc))
    except EarlyReply as exc:
        return exc.response


class Requests:
    """One for the API of a service: its threads are limited over all operations."""

    def __init__(self, open_console: OpenConsole, limits: RequestLimits) -> None:
        self._open_console = open_console
        self._free = asyncio.Semaphore(_THREADS)
        self._bodies = BodyReader(limits)

    def opened(self) -> AbstractContextManager[QueueConsole]:
        """A console for a thread. Called on the event loop, where delivery's state is read."""
        return self._open_console()

    async def ask(self, work: Callable[[QueueConsole], T]) -> T:
        """The result of `work` with a console that is opened for it alone."""
        opening = self.opened()

        def opened() -> T:
            with opening as console:
                return work(console)

        return await self.in_thread(opened)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The result of `work`, called in a thread; waits for a free one."""
        async with self._free:
            return await asyncio.to_thread(work)

    async def lines(self, request: web.Request, work: Callable[[QueueConsole], Export]) -> web.StreamResponse:
        """The lines of `work` as a stream, read as fast as the client reads."""
        with ExitStack() as stack:
            # The connection stays open, but no read is open between pages, so the queue's log can be emptied.
            opening = self.opened()
            console = await self.in_thread(lambda: stack.enter_context(opening))
            export = await self.in_thread(lambda: work(console))
            left_out = {} if export.left_out is None else {"X-Left-Out": str(export.left_out)}
            headers = {**_EXPORT_HEADERS, hdrs.SERVER: SERVER, **left_out}
            if request.method == hdrs.METH_HEAD:
                return web.Response(headers=headers)
            # Before the headers are sent, so that a queue that fails at once is answered 503.
            lines = await self.in_thread(lambda: next(export.pages, None))
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            try:
                while lines is not None:
                    await response.write(b"".join(lines))
                    lines = await self.in_thread(lambda: next(export.pages, None))
            except QueueError:
                # The part that was sent must not look complete.
                if request.transport is not None:
                    request.transport.abort()
            return response

    async def change(self, request: web.Request) -> JsonObject:
        """The body of a request without a query. Raises BadRequest or EarlyReply."""
        params.read(query(request), {})
        return await self.body(request)

    async def body(self, request: web.Request) -> JsonObject:
        """The JSON object in the body. Raises BadRequest or EarlyReply."""
        arrived = await self._bodies.arrived(request)
        if isinstance(arrived, Response):
            raise EarlyReply(web.Response(status=arrived.status, body=arrived.body, headers=arrived.headers))
        if isinstance(arrived.body, Body) and arrived.body.is_single:
            [message] = arrived.body.messages
            if isinstance(message, dict):
                return message
        raise BadRequest("the body must be one JSON object")


def query(request: web.Request) -> list[tuple[str, str]]:
    """The query's names and values, in order."""
    return list(request.query.items())

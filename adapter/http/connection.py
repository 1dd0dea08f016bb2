"""aiohttp's connection, with defences against senders that are slow, silent or many (slowloris and floods).

It adds a time and a size limit for the header of a request, a time limit for reading an answer, a limit of connections,
and errors that quote nothing of the request. A valid request costs one comparison more for each read.
"""

import asyncio
from heapq import nsmallest
from http import HTTPStatus
from typing import Any, cast

from aiohttp import hdrs, web
from aiohttp.http_parser import HttpRequestParser

from adapter.http.limits import ConnectionEvents, ConnectionLimits
from adapter.http.prepared import PreparedResponse
from adapter.http.request_parser import RequestParser
from adapter.http.responses import SERVER, Reply, closing_response, respond

# The rest of a refused body is read no longer than this before its connection is closed.
_LINGER_S = 0.5
_ROOM_OF = 64
"""One of so many connections is closed when there are too many, so that not every new one must search for room."""
_AHEAD = 2
"""So many requests of one connection may wait. Each takes memory, and no sender pipelines."""
_BY_STATUS = {
    HTTPStatus.NOT_FOUND: Reply.UNKNOWN_PATH,
    HTTPStatus.METHOD_NOT_ALLOWED: Reply.WRONG_METHOD,
    HTTPStatus.EXPECTATION_FAILED: Reply.EXPECTATION,
}
"""Errors that aiohttp itself answers before a handler is called; any other such error is a malformed request."""


class ConnectionFactory:
    """Creates the connections of `server`, and knows the open ones. A factory of protocols.

    At the limit, idle connections make room: first those that never sent a whole request, then those that were idle for
    longest. Only if all of them have a request in progress is a new connection answered 503.
    """

    def __init__(self, server: web.Server, limits: ConnectionLimits, events: ConnectionEvents) -> None:
        self.limits = limits
        self.events = events
        self._server = server
        self._loop = asyncio.get_running_loop()
        # By age, which decides between equal times.
        self._open: dict[Connection, None] = {}
        self._look_at_s = 0.0

    def __call__(self) -> "Connection":
        return Connection(
            self,
            self._server,
            loop=self._loop,
            access_log=None,
            # Ingest inflates bodies up to a limit, and needs the raw bytes for signatures.
            auto_decompress=False,
            keepalive_timeout=self.limits.idle_s,
            lingering_time=_LINGER_S,
        )

    def at_once(self) -> int:
        """How many new connections may be in progress now."""
        return self.limits.at_once(len(self._open))

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for one more, made if needed; the connection then counts until `release`."""
        if len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open[connection] = None
        return True

    def release(self, connection: "Connection") -> None:
        """The connection was closed, or never admitted."""
        self._open.pop(connection, None)

    def _make_room(self) -> bool:
        now_s = self._loop.time()
        # A search reads all connections, which many new ones at once must not repeat in vain.
        if now_s < self._look_at_s:
            return False
        idle = (connection for connection in self._open if connection.is_idle)
        leaving = nsmallest(1 + self.limits.connections // _ROOM_OF, idle, key=Connection.worth)
        for connection in leaving:
            self._open.pop(connection, None)
            connection.force_close()
        if not leaving:
            self._look_at_s = now_s + 0.1
            return False
        self.events.closed("room", len(leaving))
        return True


class Connection(web.RequestHandler):
    """One connection, from accept to close."""

    __slots__ = ("_factory", "_header_bytes", "_header_timer", "_is_stopped", "_pause_timer", "_wire", "_write_timer")

    def __init__(self, factory: ConnectionFactory, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._factory = factory
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._pause_timer: asyncio.TimerHandle | None = None
        self._is_stopped = False
        self._wire: asyncio.Transport | None = None
        self._max_msg_queue_size, self._msg_queue_resume_size = _AHEAD, _AHEAD // 2
        parser = HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_line_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=_AHEAD,
        )
        self._parser: Any = RequestParser(parser, self._stop_reading)

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress, though a part of a header may have arrived."""
        return self._waiter is not None and not self._waiter.done()

    def worth(self) -> tuple[bool, float]:
        """Lower for a connection that is better to close: whether it ever sent a request, and when it last did."""
        return self._request_count > 0, self._next_keepalive_close_time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection was accepted: admit it, or refuse it because there is no room."""
        self._wire = cast("asyncio.Transport", transport)
        if not self._factory.admit(self):
            self.transport = self._wire
            self._refuse(Reply.CROWDED)
            return
        super().connection_made(transport)
        self._header_timer = self._loop.call_later(self._factory.limits.header_s, self._header_took_too_long)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection was closed: release everything."""
        self._factory.release(self)
        for timer in (self._header_timer, self._write_timer, self._pause_timer):
            if timer is not None:
                timer.cancel()
        self._wire = None
        super().connection_lost(exc)

    async def start(self) -> None:
        """Answer one request after the other; the peer has time to read the end of the last answer."""
        try:
            await super().start()
        finally:
            if self._wire is not None and self._wire.get_write_buffer_size() and self._write_timer is None:
                self._write_timer = self._loop.call_later(self._factory.limits.write_s, self._reading_took_too_long)

    def data_received(self, data: bytes) -> None:
        """Bytes of a header, which are timed and counted here, or of a body, which ingest times and counts."""
        if self._is_stopped:
            self._drop(len(data))
            return
        if self._parser is None:
            return
        requests, is_header = self._request_count, self._parser.is_between_requests
        super().data_received(data)
        if self._request_count != requests:
            if self._header_timer is not None:
                self._header_timer.cancel()
                self._header_timer = None
            self._header_bytes = 0
        elif is_header:
            self._header_goes_on(len(data))

    def _header_goes_on(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._factory.limits.header_bytes:
            self._refuse(Reply.LARGE_HEADER)
        elif self._header_timer is None and (self.is_idle or not self._request_count):
            self._header_timer = self._loop.call_later(self._factory.limits.header_s, self._header_took_too_long)

    def _header_took_too_long(self) -> None:
        self._header_timer = None
        if self._header_bytes:
            self._refuse(Reply.SLOW_HEADER)
        else:
            self.force_close()
            self._factory.events.closed("silent", 1)

    def pause_writing(self) -> None:
        """The peer does not read its answer."""
        super().pause_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._write_timer = self._loop.call_later(self._factory.limits.write_s, self._reading_took_too_long)

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _reading_took_too_long(self) -> None:
        if self._wire is not None:
            # A normal close would wait until everything is read.
            self._wire.abort()
            self._factory.events.closed("unread", 1)

    def _stop_reading(self, is_incomplete: bool) -> None:
        """The input was malformed: further input is dropped, and the connection closes after the answer."""
        self._is_stopped = True
        self._header_bytes = 0
        if is_incomplete:
            self.close()

    def _drop(self, size: int) -> None:
        """A little is read all the same: the system discards an answer if unread input remains at the end."""
        self._header_bytes += size
        if self._header_bytes > self._factory.limits.header_bytes:
            self._pause_transport_reading()

    def _pause_transport_reading(self) -> None:
        """Stop reading. That the peer has closed would not be noticed, so there is a time limit."""
        super()._pause_transport_reading()
        if self._pause_timer is None:
            self._pause_timer = self._loop.call_later(self._factory.limits.pause_s, self._pause_took_too_long)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Continue reading. aiohttp calls this for each body twice, though reading was rarely paused."""
        parser = self._parser
        if self._reading_paused or self._buffer_paused or parser is None or parser.may_hold_input:
            super().resume_reading(resume_parser)

    def _resume_transport_reading(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
        super()._resume_transport_reading()

    def _pause_took_too_long(self) -> None:
        if self._wire is not None:
            self._wire.abort()
            self._factory.events.closed("paused", 1)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer: as JSON also if aiohttp itself refused, and without the versions of our software."""
        if isinstance(resp, PreparedResponse) and not self._upgraded:
            # The same as aiohttp would do, without four more coroutines.
            await resp.prepare(request)
            return resp, False
        if isinstance(resp, web.HTTPException):
            resp = self._in_our_words(resp)
        if request.method == hdrs.METH_CONNECT:
            # The following input may be meant for another server.
            resp.force_close()
        resp.headers.setdefault(hdrs.SERVER, SERVER)
        return await super().finish_response(request, resp, start_time)

    def _in_our_words(self, refused: web.HTTPException) -> web.Response:
        """aiohttp's own text may quote the request."""
        reply = _BY_STATUS.get(HTTPStatus(refused.status), Reply.MALFORMED)
        response = respond(reply, allow=refused.headers.get(hdrs.ALLOW, ""))
        self._factory.events.refused(response.status, reply.value)
        return web.Response(body=response.body, status=response.status, headers=response.headers)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to bytes that are not HTTP, or to a bug in the adapter. aiohttp's own would quote the request."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun, so another cannot follow")
        reply = Reply.MALFORMED if status == HTTPStatus.BAD_REQUEST else Reply.FAULT
        if reply is Reply.FAULT:
            self.log_exception("a handler failed", exc_info=exc)
        refusal = respond(reply)
        self._factory.events.refused(refusal.status, reply.value)
        response = web.Response(body=refusal.body, status=refusal.status, headers=refusal.headers)
        response.force_close()
        return response

    def _refuse(self, reply: Reply) -> None:
        """Answer without a request, and close; if the connection was let in, it is read for a moment, see `_drop`."""
        if self.transport is None or self.transport.is_closing():
            return self.force_close()
        self.transport.write(closing_response(reply))
        self._factory.events.refused(respond(reply).status, reply.value)
        if reply is Reply.CROWDED:
            return self.force_close()
        self._stop_reading(is_incomplete=False)
        self.transport.write_eof()
        self._loop.call_later(_LINGER_S, self.force_close)
        return None

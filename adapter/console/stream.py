"""`GET /api/stream`: what is new, as Server-Sent Events.

A stream ends after a quarter of an hour and when the service stops; its reader reconnects with the last `id` as
`after`. The first bytes are padding, for proxies that hold back the beginning of an answer.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from adapter.console import params
from adapter.console.params import BadRequest
from adapter.console.requests import query
from adapter.console.stream_hub import TOPICS, StreamHub, StreamListener
from adapter.http.json_api import DATA_HEADERS, Operations, error_response
from adapter.http.responses import SERVER

_PADDING: Final = b":" + b" " * 2046 + b"\n\n"
_HEARTBEAT: Final = b":\n\n"
_HEADERS: Final = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    **DATA_HEADERS,
    hdrs.SERVER: SERVER,
    "X-Accel-Buffering": "no",
}


class StreamApi:
    """See the module. `is_draining` is true while the service stops."""

    def __init__(self, hub: StreamHub, *, is_draining: Callable[[], bool], monotonic_s: Callable[[], float]) -> None:
        self._hub = hub
        self._is_draining = is_draining
        self._monotonic_s = monotonic_s

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {"/stream": {"GET": self.stream}}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """What is new, until the stream ends."""
        given = params.read(query(request), {"after": params.cursor, "topics": _topics})
        after = given.get("after") or _last_event_id(request)
        if self._is_draining():
            return error_response(503, "stopping", "the service is stopping", headers={hdrs.RETRY_AFTER: "5"})
        if self._hub.is_full():
            text = f"{self._hub.limits.listeners} streams are open, and no more are served; GET /api/tail has the same"
            return error_response(429, "too_many_streams", text, headers={hdrs.RETRY_AFTER: "5"})
        if request.method == hdrs.METH_HEAD:
            return web.Response(headers=_HEADERS)
        listener = StreamListener(
            given.get("topics", TOPICS), lambda: _unsent(request), most_unsent=self._hub.limits.unsent_bytes
        )
        try:
            await self._hub.join(listener, after)
            return await self._send(request, listener)
        finally:
            self._hub.leave(listener)

    async def _send(self, request: web.Request, listener: StreamListener) -> web.StreamResponse:
        limits, clock = self._hub.limits, self._monotonic_s
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        sent_at_s = clock()
        end_s = sent_at_s + limits.longest_s
        try:
            await response.write(_PADDING)
            while not (self._is_draining() or listener.is_gone or clock() >= end_s):
                news = await listener.take(limits.turn_s)
                self._hub.check()
                is_last = listener.is_behind
                if not news and clock() - sent_at_s >= limits.heartbeat_s:
                    news = _HEARTBEAT
                if news:
                    await response.write(news)
                    sent_at_s = clock()
                if is_last:
                    break
        except ConnectionError:
            # The listener has disconnected.
            return response
        return response


def _unsent(request: web.Request) -> int | None:
    transport = request.transport
    return None if transport is None or transport.is_closing() else transport.get_write_buffer_size()


def _topics(value: str) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(value.split(",")))
    if not set(topics) <= set(TOPICS):
        raise BadRequest(f"some of {', '.join(TOPICS)}, with commas between")
    return topics


def _last_event_id(request: web.Request) -> str | None:
    """The place where a browser's own `EventSource` continues. An id of another service is ignored."""
    value = request.headers.get("Last-Event-ID", "")
    try:
        return params.cursor(value)
    except BadRequest:
        return None

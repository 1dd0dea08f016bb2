"""A sender that costs little itself: prepared bytes over plain connections, one request at a time on each."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit


class _Connection(asyncio.Protocol):
    """Sends the next body of `left` as soon as the answer to the one before is whole."""

    def __init__(self, head: bytes, left: list[bytes], ended: "asyncio.Future[None]") -> None:
        self._head = head
        self._left = left
        self._ended = ended
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._ended.set_exception(AssertionError(f"answered {head[:60]!r} {body[:200]!r}"))
            self._transport.close()
            return
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(exc or ConnectionError("closed by the server"))

    def _next(self) -> None:
        if not self._left:
            self._ended.set_result(None)
            self._transport.close()
            return
        body = self._left.pop()
        self._transport.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    return int(lower[start : lower.find(b"\r\n", start) if b"\r\n" in lower[start:] else None])


async def send(url: str, bodies: Sequence[bytes], *, connections: int) -> float:
    """Seconds until every one of `bodies` was answered 200. Raises AssertionError for any other answer."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    left = list(reversed(bodies))
    loop = asyncio.get_running_loop()
    ended: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for end in ended:
        await loop.create_connection(
            lambda end=end: _Connection(head.encode(), left, end),  # type: ignore[misc]
            parts.hostname or "",
            parts.port or 80,
        )
    await asyncio.gather(*ended)
    return time.perf_counter() - started

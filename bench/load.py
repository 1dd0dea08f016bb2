"""A sender with little cost of its own: prepared bytes over plain connections, one request at a time on each."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import quantiles
from typing import TypeAlias, cast
from urllib.parse import urlsplit

_Stream: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection(asyncio.Protocol):
    """Sends the next body of `left` as soon as the answer to the one before is complete."""

    def __init__(self, head: bytes, left: list[bytes], ended: "asyncio.Future[None]") -> None:
        self._head = head
        self._left = left
        self._ended = ended
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
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
        self._send(self._left.pop())

    def _send(self, body: bytes) -> None:
        self._transport.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)


class _Pace:
    """When each body is due, and the waiting times of answered ones since then, in milliseconds."""

    def __init__(self, per_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        # The loop's own clock may not advance during a turn.
        self._dues = itertools.count(time.perf_counter() + 0.1, 1 / per_s)
        self.waits_ms: list[float] = []

    def at_its_time(self, send: Callable[[bytes], None], body: bytes) -> float:
        """Schedule the body for when it is due, or now if that is past; returns when."""
        due_s = next(self._dues)
        self._loop.call_later(max(0.0, due_s - time.perf_counter()), send, body)
        return due_s

    def answered(self, due_s: float) -> None:
        """The request that was due then is answered now."""
        self.waits_ms.append((time.perf_counter() - due_s) * 1000)


class _PacedConnection(_Connection):
    """Sends the next body when it is due, or after the answer before it, if that is later."""

    def __init__(self, pace: _Pace, head: bytes, left: list[bytes], ended: "asyncio.Future[None]") -> None:
        super().__init__(head, left, ended)
        self._pace = pace
        self._due_s: float | None = None

    def _next(self) -> None:
        if self._due_s is not None:
            self._pace.answered(self._due_s)
        super()._next()

    def _send(self, body: bytes) -> None:
        self._due_s = self._pace.at_its_time(super()._send, body)


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    return int(lower[start : lower.find(b"\r\n", start) if b"\r\n" in lower[start:] else None])


async def send(url: str, bodies: Sequence[bytes], *, connections: int) -> float:
    """Seconds until every one of `bodies` was answered 200. Raises AssertionError for any other answer."""
    started_s = time.perf_counter()
    await asyncio.gather(*await _sending(url, list(reversed(bodies)), connections))
    return time.perf_counter() - started_s


async def send_for(seconds: float, url: str, bodies: Sequence[bytes], *, connections: int) -> int:
    """How many of `bodies` were answered 200 that were sent within so many seconds; there are more than that takes."""
    left = list(reversed(bodies))
    ended = await _sending(url, left, connections)
    await asyncio.sleep(seconds)
    count = len(bodies) - len(left)
    assert left, f"all {count} bodies were sent sooner"
    left.clear()
    await asyncio.gather(*ended)
    return count


async def paced_waits_ms(url: str, bodies: Sequence[bytes], *, connections: int, per_s: float) -> list[float]:
    """The waiting time of each of `bodies` from when it was due until its answer, so that a stall counts for all of
    them.

    So many are due a second, whether those before are answered or not.
    """
    pace = _Pace(per_s)
    make = partial(_PacedConnection, pace)
    await asyncio.gather(*await _sending(url, list(reversed(bodies)), connections, make))
    return pace.waits_ms


async def _sending(
    url: str,
    left: list[bytes],
    connections: int,
    make: "Callable[[bytes, list[bytes], asyncio.Future[None]], _Connection]" = _Connection,
) -> "list[asyncio.Future[None]]":
    """For each connection, a future that completes with the last answer; bodies are taken from the end of `left`."""
    head, parts = _head(url), urlsplit(url)
    loop = asyncio.get_running_loop()
    ended: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for end in ended:
        await loop.create_connection(partial(make, head, left, end), parts.hostname or "", parts.port or 80)
    return ended


async def waits_ms(url: str, bodies: Sequence[bytes], *, connections: int, is_each_new: bool) -> list[float]:
    """The waiting time of each of `bodies` for its answer, sent over so many connections that were opened before.

    With `is_each_new` each has a connection of its own, and its wait begins before that is opened.
    """
    head = _head(url)
    left = iter(bodies)
    waits: list[float] = []

    async def one(kept: _Stream | None) -> None:
        for body in left:
            started_s = time.perf_counter()
            stream = kept or await _open(url)
            await _exchange(stream, head + str(len(body)).encode() + b"\r\n\r\n" + body)
            waits.append((time.perf_counter() - started_s) * 1000)
            if kept is None:
                stream[1].close()
        if kept is not None:
            kept[1].close()

    streams = [None if is_each_new else await _open(url) for _ in range(connections)]
    await asyncio.gather(*(one(stream) for stream in streams))
    return waits


async def _exchange(stream: _Stream, request: bytes) -> None:
    reader, writer = stream
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 200"):
        writer.close()
        raise AssertionError(f"answered {answer!r}")
    await reader.readexactly(_length(answer))


def _head(url: str) -> bytes:
    """The request up to its length."""
    parts = urlsplit(url)
    return (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    ).encode()


async def _open(url: str) -> _Stream:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


def p99(waits: Sequence[float]) -> float:
    """The 99th percentile."""
    return quantiles(waits, n=100)[98]

"""A Browsee with every fault of a server, a proxy or a network: raw bytes on a socket, in this process.

Each user's first calls are treated in one way, named by the user; later ones are answered as Browsee does, and
recorded. Reads calls as aiohttp's client writes them; it is not for other clients.
"""

import asyncio
import gzip
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import orjson

from adapter.model import JsonObject
from reliability.checks import Seen

Treatment: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Writes an answer, or a fault in its place; the connection is closed afterwards."""

SUCCESS = b'{"status":"success"}'
BOMB_BYTES = 200_000_000
HUGE_BYTES = 1_000_000_000
_CHUNK = b"x" * 65536


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def drip(writer: asyncio.StreamWriter) -> None:
    """One byte a second, for ever."""
    for byte in _answer("200 OK", SUCCESS * 100):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def endless_header(writer: asyncio.StreamWriter) -> None:
    """Header lines without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        writer.write(b"X-%d: %s\r\n" % (number, _CHUNK[:100]))
        await writer.drain()


async def huge_body(writer: asyncio.StreamWriter) -> None:
    """A gigabyte where twenty bytes are expected."""
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE_BYTES}\r\n\r\n".encode())
    for _ in range(HUGE_BYTES // len(_CHUNK)):
        writer.write(_CHUNK)
        await writer.drain()


async def bomb(writer: asyncio.StreamWriter) -> None:
    """A small body that inflates to a large one (gzip bomb)."""
    writer.write(_answer("200 OK", gzip.compress(b" " * BOMB_BYTES, 1), "Content-Encoding: gzip"))
    await writer.drain()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Half an answer, then a connection reset."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()


async def garbage(writer: asyncio.StreamWriter) -> None:
    """Bytes that are not HTTP."""
    writer.write(bytes(range(256)) * 4)
    await writer.drain()


async def web_page(writer: asyncio.StreamWriter) -> None:
    """A proxy's page, with status 200."""
    writer.write(_answer("200 OK", b"<html>Sign in to the network</html>", "Content-Type: text/html"))
    await writer.drain()


async def swallow(writer: asyncio.StreamWriter) -> None:
    """Success, but nothing is recorded."""
    writer.write(_answer("200 OK", SUCCESS))
    await writer.drain()


class HostileBrowsee:
    """Created by `served`. `calls` are the recorded ones, `strangers` counts connections to the target of its
    redirects.
    """

    def __init__(self, treatments: Mapping[str, Treatment], *, times: int) -> None:
        self.url = ""
        self.calls: list[Seen] = []
        self.strangers = 0
        self._treatments = {**treatments, "redirect": self._redirect}
        self._times = times
        self._met: Counter[str] = Counter()
        self._elsewhere = ""

    @classmethod
    @asynccontextmanager
    async def served(cls, treatments: Mapping[str, Treatment], *, times: int = 2) -> AsyncIterator["HostileBrowsee"]:
        """Users whose calls get a treatment `times` times; `redirect` is always among them."""
        hostile = cls(treatments, times=times)
        elsewhere = await asyncio.start_server(hostile._count_stranger, "127.0.0.1", 0)
        server = await asyncio.start_server(hostile._serve, "127.0.0.1", 0, limit=1 << 20)
        hostile.url = _url(server)
        hostile._elsewhere = _url(elsewhere)
        try:
            yield hostile
        finally:
            for each in (server, elsewhere):
                each.close()

    async def kept(self) -> list[Seen]:
        """The recorded calls, in the form of the judge."""
        return list(self.calls)

    async def _count_stranger(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.strangers += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(await _call(reader), writer):
                pass
        writer.close()

    async def _one(self, body: JsonObject, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; True if the connection may be used again."""
        body.pop("apiKey", None)
        user = str(body.get("userId"))
        treatment = self._treatments.get(user)
        self._met[user] += 1
        if treatment is not None and self._met[user] <= self._times:
            await treatment(writer)
            return False
        self.calls.append(Seen(str(body.get("event")), user, 200, body, time.time()))
        writer.write(_answer("200 OK", SUCCESS))
        await writer.drain()
        return True

    async def _redirect(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_answer("307 Temporary Redirect", b"", f"Location: {self._elsewhere}/latest/meta-data"))
        await writer.drain()


async def _call(reader: asyncio.StreamReader) -> JsonObject:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    body: JsonObject = orjson.loads(await reader.readexactly(length))
    return body


def _url(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

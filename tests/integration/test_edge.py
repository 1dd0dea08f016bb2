"""Connections over raw sockets: what is no HTTP, what is ambiguous, and peers that are slow, silent or too many."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypeAlias

import pytest

from adapter.http.limits import ConnectionLimits
from adapter.ingest.limits import RequestLimits
from adapter.observe.ingest_telemetry import ConnectionsClosed, RequestRefused
from tests.integration.ingest_server import Served, serving

Stream: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

BODY = b'{"type":"page","userId":"u"}'
START = b"POST /webhooks/shop/shop-key HTTP/1.1\r\n"
HOST = b"Host: adapter\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IN_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
GOOD = START + HOST + LENGTH + b"\r\n" + BODY
QUICK = ConnectionLimits(header_s=0.1, write_s=0.1, idle_s=0.3, pause_s=0.2)

AMBIGUOUS = {
    "two lengths": LENGTH + b"Content-Length: 5\r\n\r\n" + BODY,
    "one length twice": LENGTH * 2 + b"\r\n" + BODY,
    "a list of lengths": b"Content-Length: 28, 28\r\n\r\n" + BODY,
    "a length with a sign": b"Content-Length: +28\r\n\r\n" + BODY,
    "a negative length": b"Content-Length: -1\r\n\r\n" + BODY,
    "length and chunks": LENGTH + CHUNKED + b"\r\n" + IN_CHUNKS,
    "chunks and length": CHUNKED + LENGTH + b"\r\n" + IN_CHUNKS,
    "chunked is not last": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + IN_CHUNKS,
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\n\r\n" + IN_CHUNKS,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n" + IN_CHUNKS,
    "a folded header": b"X-A: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY,
    "a bare CR": b"X-A: a\rX-B: b\r\n" + LENGTH + b"\r\n" + BODY,
    "a NUL": b"X-A: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
    "two hosts": b"Host: other\r\n" + LENGTH + b"\r\n" + BODY,
    "two content types": b"Content-Type: a/b\r\n" * 2 + LENGTH + b"\r\n" + BODY,
    "a header of 9 KB": b"X-A: " + b"a" * 9000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "200 headers": b"X-A: a\r\n" * 200 + LENGTH + b"\r\n" + BODY,
}
NO_HTTP = {
    "no host": START + LENGTH + b"\r\n" + BODY,
    "a path of 9 KB": b"POST /webhooks/shop/" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + LENGTH + b"\r\n" + BODY,
    "bare line feeds": (START + HOST + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + BODY,
    "another protocol": START.replace(b"HTTP/1.1", b"HTTP/3.7") + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 300,
    "noise": bytes(range(256)),
    "chunks in HTTP/1.0": START.replace(b"1.1", b"1.0") + HOST + CHUNKED + b"\r\n" + IN_CHUNKS,
}
UNUSUAL = {
    "an unknown Expect": (START + HOST + LENGTH + b"Expect: secret-1\r\n\r\n" + BODY, "417 unknown_expectation"),
    "an Expect where nothing is": (
        b"GET /secret-1 HTTP/1.1\r\n" + HOST + b"Expect: x\r\n\r\n",
        "417 unknown_expectation",
    ),
    "CONNECT": (b"CONNECT secret-1:443 HTTP/1.1\r\n" + HOST + b"\r\n", "404 not_found"),
    "OPTIONS of all": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "404 not_found"),
    "TRACE": (b"TRACE /secret-1 HTTP/1.1\r\n" + HOST + b"X-A: secret-1\r\n\r\n", "404 not_found"),
    "an unknown method": (b"PROPFIND /secret-1 HTTP/1.1\r\n" + HOST + b"\r\n", "404 not_found"),
    "a whole URL": (b"GET http://secret-1/secret-1 HTTP/1.1\r\n" + HOST + b"\r\n", "404 not_found"),
    "a path of dots": (b"GET /../../secret-1 HTTP/1.1\r\n" + HOST + b"\r\n", "404 not_found"),
    "an upgrade": (
        b"GET /secret-1 HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "404 not_found",
    ),
}


def code_of(answered: bytes) -> str:
    """The status and the code of an answer as it came."""
    found = re.match(rb'HTTP/1\.\d (\d+) .*"code":"(\w+)"', answered, re.DOTALL)
    return b" ".join(found.groups()).decode() if found else repr(answered)


@asynccontextmanager
async def connected(served: Served, sent: bytes = b"") -> AsyncIterator[Stream]:
    """A connection on which `sent` was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the service closes the connection."""
    return await asyncio.wait_for(reader.read(), 5)


@pytest.mark.parametrize(
    "sent",
    [*(START + HOST + rest for rest in AMBIGUOUS.values()), *NO_HTTP.values()],
    ids=[*AMBIGUOUS, *NO_HTTP],
)
async def test_what_two_could_read_differently_is_read_by_nobody(sent: bytes) -> None:
    """A proxy in front and the adapter never see two requests in one: 400, closed, and nothing of it said or kept."""
    async with serving() as served:
        answered = await asyncio.wait_for(served.raw(sent + GOOD), 5)
        assert code_of(answered) == "400 malformed_request"
        assert answered.count(b"HTTP/1.") == 1
        assert b"shop-key" not in answered
        assert served.telemetry == [RequestRefused(400, "malformed_request", "")]
        assert served.inbox.events == []


@pytest.mark.parametrize(("sent", "expected"), UNUSUAL.values(), ids=UNUSUAL)
async def test_what_aiohttp_refuses_is_answered_as_json(sent: bytes, expected: str) -> None:
    """Counted, without a word of the sender's, and without the versions of what runs here."""
    async with serving() as served, connected(served, sent) as (reader, _):
        answered = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        assert code_of(answered) == expected
        assert b"secret-1" not in answered
        assert b"\r\nServer: browsee-adapter\r\n" in answered
        status, code = expected.split()
        assert [(shown.status, shown.code) for shown in served.telemetry if isinstance(shown, RequestRefused)] == [
            (int(status), code)
        ]
        assert served.inbox.events == []


async def test_what_follows_connect_is_not_read() -> None:
    """It was meant for somebody else, so the connection ends with its answer."""
    async with serving() as served, connected(served, UNUSUAL["CONNECT"][0] + GOOD) as (reader, _):
        await closed(reader)
        assert served.inbox.events == []


async def test_noise_behind_a_request_at_work_takes_nothing_from_it() -> None:
    """The request is answered, then the noise, once; what comes behind the noise is not read."""
    async with serving() as served, connected(served) as (reader, writer):
        served.inbox.gate.clear()
        writer.write(GOOD)
        await asyncio.wait_for(served.inbox.waiting.wait(), 5)
        for _ in range(5):
            writer.write(b"noise\r\n\r\n" + GOOD)
            await asyncio.sleep(0)
        served.inbox.gate.set()
        answered = await closed(reader)
        assert [code_of(part) for part in re.split(rb"(?=HTTP/1\.)", answered)[2:]] == ["400 malformed_request"]
        assert len(served.inbox.events) == 1


async def test_a_connection_is_not_left_unread_for_ever() -> None:
    """That the peer has gone would not be noticed while nothing is read from it."""
    async with serving(connections=QUICK) as served, connected(served) as (reader, writer):
        served.inbox.gate.clear()
        writer.write(GOOD)
        await asyncio.wait_for(served.inbox.waiting.wait(), 5)
        writer.write(bytes(10_000_000))
        with suppress(ConnectionError):
            assert await closed(reader) == b""
        assert ConnectionsClosed("paused", 1) in served.telemetry
        served.inbox.gate.set()


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/webhooks/shop", b"Authorization: Bearer shop-key\r\n"),
        ("/webhooks/shop", b"X-Write-Key: shop-key\r\n"),
        ("/v1/track", b"X-Write-Key: shop-key\r\n"),
        ("/webhooks/signed/signed-key", b"X-Signature: 0000000000000000000000000000000000000000\r\n"),
    ],
)
async def test_a_credential_comes_once(path: str, header: bytes) -> None:
    """Twice is refused, even if both agree: who looks at one of them alone is not misled."""
    async with serving() as served:
        head = f"POST {path} HTTP/1.1\r\nHost: adapter\r\nConnection: close\r\n".encode() + LENGTH
        assert code_of(await served.raw(head + header * 2 + b"\r\n" + BODY)) == "401 unauthorized"


async def test_headers_are_not_collected_without_end() -> None:
    """Each within its limit, and together more than any sender has."""
    async with serving() as served, connected(served, START + HOST) as (reader, writer):
        for number in range(5):
            writer.write(b"X-%d: %s\r\n" % (number, b"a" * 8000))
            await writer.drain()
        assert code_of(await closed(reader)) == "400 header_too_large"


@pytest.mark.parametrize("before", [b"", GOOD], ids=["at first", "after a request"])
async def test_a_header_that_never_ends_is_cut(before: bytes) -> None:
    """Slowloris: each byte comes in time, and all of them never; the time is that of the whole header."""
    async with serving(connections=QUICK) as served, connected(served, before) as (reader, writer):
        if before:
            await reader.readuntil(b'{"success":true}')

        async def trickle() -> None:
            for byte in START * 100:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        assert code_of(await closed(reader)) == "503 slow_header"
        trickling.cancel()


async def test_who_says_nothing_is_let_go() -> None:
    """A connection without a request ends by itself, without an answer: there is nothing to answer."""
    async with serving(connections=QUICK) as served, connected(served) as (reader, _):
        assert await closed(reader) == b""
        assert served.telemetry == [ConnectionsClosed("silent", 1)]


async def test_a_connection_is_kept_for_the_next_request_and_not_for_ever() -> None:
    """Longer than a header may take, for a sender that has none just now; then it ends by itself."""
    async with serving(connections=QUICK) as served, connected(served) as (reader, writer):
        for _ in range(2):
            writer.write(GOOD)
            await reader.readuntil(b'{"success":true}')
            await asyncio.sleep(QUICK.header_s * 1.5)
        assert await closed(reader) == b""


async def test_a_body_is_not_timed_as_a_header() -> None:
    """Only ingest's own limit counts once the header is there."""
    async with serving(connections=QUICK) as served, connected(served, GOOD[:-5]) as (reader, writer):
        await asyncio.sleep(QUICK.header_s * 2)
        writer.write(GOOD[-5:])
        assert b'{"success":true}' in await reader.readuntil(b"}")


async def test_who_does_not_read_its_answers_is_cut() -> None:
    """They would pile up for as long as it sends."""
    # A preflight is answered with what it asks for, so little sent makes much to read.
    asked = b"OPTIONS /v1/track HTTP/1.1\r\nHost: x\r\nOrigin: a\r\nAccess-Control-Request-Headers: %s\r\n\r\n" % (
        b"a" * 7000
    )
    async with serving(connections=QUICK) as served:
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(peer, ("127.0.0.1", served.port))

            async def pour() -> None:
                while True:
                    await loop.sock_sendall(peer, asked * 32)

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(pour(), 20)
        assert ConnectionsClosed("unread", 1) in served.telemetry


async def test_idle_connections_make_room() -> None:
    """First those that never sent a request, then the one whose last was longest ago; active senders stay."""
    async with serving(connections=ConnectionLimits(connections=3)) as served, AsyncExitStack() as stack:
        known, silent, begun = [await stack.enter_async_context(connected(served, sent)) for sent in (GOOD, b"", START)]
        await known[0].readuntil(b'{"success":true}')
        for leaving, _ in (silent, begun, known):
            reader, _ = await stack.enter_async_context(connected(served, GOOD))
            assert b'{"success":true}' in await reader.readuntil(b"}")
            assert await closed(leaving) == b""
        assert served.telemetry.count(ConnectionsClosed("room", 1)) == 3


async def test_when_all_are_busy_a_newcomer_is_turned_away() -> None:
    """503, so that it retries; active senders are answered."""
    async with serving(connections=ConnectionLimits(connections=2)) as served, AsyncExitStack() as stack:
        served.inbox.gate.clear()
        busy = []
        for _ in range(2):
            served.inbox.waiting.clear()
            busy.append(await stack.enter_async_context(connected(served, GOOD)))
            await asyncio.wait_for(served.inbox.waiting.wait(), 5)
        newcomer, _ = await stack.enter_async_context(connected(served))
        assert code_of(await closed(newcomer)) == "503 too_many_connections"
        assert RequestRefused(503, "too_many_connections", "") in served.telemetry
        served.inbox.gate.set()
        for reader, _ in busy:
            assert b'{"success":true}' in await reader.readuntil(b"}")


async def test_bodies_that_arrive_together_are_held_to_a_limit() -> None:
    """Each within its own limit and slow: beyond what fits a sender is asked to come again, and the rest arrive."""
    limits = RequestLimits(body_bytes=300_000)
    head = START + HOST + b"Content-Length: 300000\r\nExpect: 100-continue\r\n\r\n"
    async with serving(limits=limits) as served, AsyncExitStack() as stack:
        answers = []
        for _ in range(18):
            reader, writer = await stack.enter_async_context(connected(served, head))
            await reader.readuntil(b"100 Continue\r\n\r\n")
            writer.write(b" " * 290_000)
            await writer.drain()
            answers.append(asyncio.create_task(reader.readuntil(b"}")))
        first, _ = await asyncio.wait(answers, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert {code_of(done.result() + b"}") for done in first} == {"503 too_much_at_once"}
        for task in set(answers) - first:
            task.cancel()

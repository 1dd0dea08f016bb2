"""The answer that nearly every sender gets, byte for byte: put together once, and equal to what aiohttp would send."""

import asyncio
import logging
import re
import socket
import struct

import pytest

from tests.integration.ingest_server import serving
from tests.integration.test_edge import BODY, GOOD, HOST, LENGTH, START, closed, connected

ORIGIN = b"Origin: https://shop.example\r\n"
KEPT = [
    b"HTTP/1.1 200 OK",
    b"Content-Type: application/json",
    b"Server: browsee-adapter",
    b"Content-Length: 16",
]
CORS = [
    b"Access-Control-Allow-Origin: https://shop.example",
    b"Access-Control-Allow-Credentials: true",
    b"Access-Control-Expose-Headers: Retry-After, X-RateLimit-Reset",
    b"Vary: Origin",
]
DATE = rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"


def lines_of(answered: bytes) -> list[bytes]:
    """The lines of its header without the date, in alphabetical order, which must be there once; its body is right."""
    head, _, body = answered.partition(b"\r\n\r\n")
    assert body == b'{"success":true}'
    lines = head.split(b"\r\n")
    dates = [line for line in lines if re.fullmatch(DATE, line)]
    assert len(dates) == 1, lines
    return sorted(line for line in lines if line not in dates)


@pytest.mark.parametrize(
    ("sent", "more", "stays"),
    [
        (GOOD, [], True),
        (START + HOST + LENGTH + b"Connection: keep-alive\r\n\r\n" + BODY, [], True),
        (START + HOST + LENGTH + b"Expect: 100-continue\r\n\r\n" + BODY, [], True),
        (START + HOST + LENGTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + BODY, [], True),
        (b"POST /v1/track HTTP/1.1\r\nX-Write-Key: shop-key\r\n" + HOST + LENGTH + b"\r\n" + BODY, [], True),
        (b"POST /v1/track HTTP/1.1\r\nX-Write-Key: shop-key\r\n" + HOST + ORIGIN + LENGTH + b"\r\n" + BODY, CORS, True),
        (START + HOST + LENGTH + b"Connection: close\r\n\r\n" + BODY, [b"Connection: close"], False),
    ],
    ids=["webhook", "keep-alive", "Expect", "an upgrade", "SDK", "page", "close"],
)
async def test_each_request_gets_its_own_answer(sent: bytes, more: list[bytes], stays: bool) -> None:
    """A page's headers are in the page's answer alone, and a connection that is to close says so and closes."""
    async with serving() as served, connected(served) as (reader, writer):
        for _ in range(2 if stays else 1):
            writer.write(sent)
            answered = await asyncio.wait_for(reader.readuntil(b'{"success":true}'), 5)
            assert lines_of(answered.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) == sorted(KEPT + more)
        if stays:
            writer.write(GOOD)
            assert lines_of(await reader.readuntil(b'{"success":true}')) == sorted(KEPT)
            return
        assert await closed(reader) == b""


@pytest.mark.parametrize(
    ("header", "more"),
    [(b"", []), (b"Connection: keep-alive\r\n", [b"Connection: keep-alive"])],
    ids=["", "keep-alive"],
)
async def test_an_old_sender_gets_an_old_answer(header: bytes, more: list[bytes]) -> None:
    """HTTP/1.0 closes unless both sides say that the connection stays."""
    old = START.replace(b"1.1", b"1.0") + HOST + header + LENGTH + b"\r\n" + BODY
    async with serving() as served, connected(served, old) as (reader, writer):
        answered = await asyncio.wait_for(reader.readuntil(b'{"success":true}'), 5)
        assert lines_of(answered) == sorted([b"HTTP/1.0 200 OK", *KEPT[1:], *more])
        if not more:
            assert await closed(reader) == b""
            return
        writer.write(GOOD)
        assert lines_of(await reader.readuntil(b'{"success":true}')) == sorted(KEPT)


async def test_requests_that_come_together_are_answered_in_turn() -> None:
    """Each is answered once, and none waits for more input, however the bytes were cut."""
    async with serving() as served, connected(served) as (reader, writer):
        for cut in (0, 10, len(GOOD) - 5, len(GOOD) + 10):
            together = GOOD * 5
            writer.write(together[:cut])
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(together[cut:])
            for _ in range(5):
                answered = await asyncio.wait_for(reader.readuntil(b'{"success":true}'), 5)
                assert lines_of(answered) == sorted(KEPT)
        assert len(served.inbox.events) == 20


async def test_who_has_gone_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    """What it sent is stored, others are served, and it is no fault to be logged."""
    async with serving() as served:
        served.inbox.gate.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(GOOD)
        await asyncio.wait_for(served.inbox.waiting.wait(), 5)
        # Closed with a reset, so that the service learns it before it answers.
        held: socket.socket = writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        async with connected(served) as (other, sending):
            sending.write(START + HOST + LENGTH + b"\r\n" + BODY)
            served.inbox.gate.set()
            assert lines_of(await asyncio.wait_for(other.readuntil(b'{"success":true}'), 5)) == sorted(KEPT)
        assert len(served.inbox.events) == 2
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

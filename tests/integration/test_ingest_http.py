"""The edges of HTTP: sizes, methods, unknown paths, and bodies that never come whole."""

import asyncio
import gzip
import io
import json
import zlib
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from aiohttp import web

from adapter.ingest.limits import RequestLimits
from adapter.ingest.sources import Source
from adapter.model import Reason, Secret
from adapter.observe.ingest_telemetry import RequestRefused
from tests.integration.ingest_server import Served, serving

PATH = "/webhooks/shop/shop-key"
SMALL = RequestLimits(body_bytes=1000, inflated_bytes=2000, message_bytes=500, messages=5, read_s=0.05)
HEAD = b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def padded(size: int) -> bytes:
    """A message of exactly `size` bytes."""
    frame = '{"type":"track","event":"A","userId":"u","a":"%s"}'
    return (frame % ("x" * (size - len(frame) + 2))).encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (padded(500), 200, None),
        (b" " * 500 + padded(500), 200, None),
        (b" " * 501 + padded(500), 413, "too_large"),
        (gzip.compress(b" " * 1500 + padded(500)), 200, None),
        (gzip.compress(b" " * 1501 + padded(500)), 413, "too_large"),
        (zlib.compress(b"[" * 10_000_000, 9), 413, "too_large"),
        (b"[" + b'{"type":"a"},' * 4 + b'{"type":"a"}]', 200, None),
        (b"[" + b"{}," * 5 + b"{}]", 413, "too_many_messages"),
        (b"{}\n" * 6, 413, "too_many_messages"),
        (padded(501), 400, "invalid_event"),
    ],
    ids=["at message limit", "at body limit", "beyond", "at inflated limit", "beyond, inflated", "bomb", "at count",
         "beyond count", "lines beyond count", "message beyond"],
)  # fmt: skip
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_the_limits(body: bytes, status: int, code: str | None, chunked: bool) -> None:
    """413 before and after inflating, with and without a length, and nothing of it is kept."""
    async with serving(limits=SMALL) as served:
        answered, said, _ = await served.send(
            "POST", PATH, data=io.BytesIO(body) if chunked else body, chunked=chunked or None
        )
        assert (answered, said.get("code")) == (status, code)
        assert bool(served.inbox.events) is (status == 200)
        assert [rejection.reason for rejection in served.inbox.rejections] == [Reason.TOO_LARGE] * (status == 400)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b" " * 1501, f"at most {SMALL.body_bytes} bytes are taken"),
        (gzip.compress(b" " * 2500), f"at most {SMALL.inflated_bytes} bytes are taken after decompression"),
        (b"[" + b"{}," * 5 + b"{}]", f"at most {SMALL.messages} are taken"),
        (padded(501), f"a message must be at most {SMALL.message_bytes} bytes of JSON"),
    ],
    ids=["body", "inflated", "count", "message"],
)
async def test_a_refusal_for_size_names_the_limit(body: bytes, limit: str) -> None:
    """The sender's batch size follows from it."""
    async with serving(limits=SMALL) as served:
        _, said, _ = await served.send("POST", PATH, data=body)
        assert limit in str(said), said


@pytest.mark.parametrize(
    ("path", "status"), [(PATH, 200), ("/v1/batch?writeKey=shop-key", 200), ("/v1/batch", 413), ("/v1/m", 413)]
)
async def test_large_bodies_are_for_who_shows_a_key_first(path: str, status: int) -> None:
    """A key in the body is seen only after the body was read, so such bodies are limited to 5 MB."""
    async with serving() as served:
        body = b" " * 5_000_000 + padded(500)
        answered, said, _ = await served.send("POST", path, data=io.BytesIO(body))
        assert (answered, said["success"]) == (status, status == 200)


async def test_bodies_without_a_key_take_no_room_from_others() -> None:
    """However many are held open; and one event is taken although its body comes late, whatever others send."""
    async with serving(limits=replace(SMALL, body_bytes=100_000, read_s=5)) as served, AsyncExitStack() as stack:
        for path in [b"/v1/batch"] * 10 + [PATH.encode()] * 17:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
            writer.write(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" % path)
            await writer.drain()
            writer.write(b" " * 99_000)
            await writer.drain()
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        stack.callback(writer.close)
        body = padded(500)
        writer.write(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (PATH.encode(), len(body)))
        await asyncio.sleep(0.05)
        writer.write(body)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")


async def test_slow_bodies_of_one_source_leave_room_to_the_others() -> None:
    """One key holds open all it may; a large batch of another source is taken, and one of the same is not."""
    sources = (Source("page", (Secret("page-key"),)), Source("shop", (Secret("shop-key"),)))
    large = b" " * 90_000 + padded(500)
    async with serving(*sources, limits=RequestLimits(body_bytes=100_000)) as served, AsyncExitStack() as stack:

        async def begin(source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
            head = f"POST /webhooks/{source}/{source}-key HTTP/1.1\r\nHost: a\r\nContent-Length: {len(large)}"
            writer.write(head.encode() + b"\r\nExpect: 100-continue\r\n\r\n")
            await reader.readuntil(b"100 Continue\r\n\r\n")
            writer.write(large[:-1])
            await writer.drain()
            return reader, writer

        async def answered(source: str) -> bytes:
            reader, writer = await begin(source)
            writer.write(large[-1:])
            return await reader.readuntil(b"}")

        for _ in range(20):
            await begin("page")
        for _ in range(3):
            assert (await answered("shop")).startswith(b"HTTP/1.1 200 ")
        refused = await answered("page")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"too_much_at_once" in refused


async def test_a_length_too_large_is_refused_unread() -> None:
    """A sender that says it has a gigabyte need not send it."""
    async with serving(limits=SMALL) as served:
        answered = await served.raw(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", [PATH, "/v1/batch?writeKey=shop-key"])
async def test_a_small_body_of_millions_of_values_is_not_read(path: str) -> None:
    """20 KB of gzip within every limit of size would hold up all senders for seconds."""
    async with serving() as served:
        status, said, _ = await served.send("POST", path, data=gzip.compress(b"[" + b"[]," * 6_000_000 + b"[]]", 1))
        assert (status, said["code"]) == (413, "too_large")


async def test_more_than_the_default_of_aiohttp_is_taken() -> None:
    """Segment's batches are up to 4 MB; aiohttp alone would take 1 MiB."""
    body = json.dumps([{"type": "page", "userId": "u", "a": "x" * 1000}] * 4000).encode()
    async with serving() as served:
        assert (await served.send("POST", PATH, data=io.BytesIO(body)))[0] == 200
        assert served.inbox.totals.stored == 4000


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/webhooks/shop", "POST, PUT, PATCH"),
        ("DELETE", PATH, "POST, PUT, PATCH"),
        ("OPTIONS", PATH + "/", "POST, PUT, PATCH"),
        ("HEAD", PATH, "POST, PUT, PATCH"),
        ("GET", "/v1/track", "POST, OPTIONS"),
        ("PUT", "/v1/b/", "POST, OPTIONS"),
    ],
)
async def test_a_wrong_method_names_the_right_ones(method: str, path: str, allow: str) -> None:
    """405 with Allow and the body of every error; RudderStack can be set to GET, which carries no event."""
    async with serving() as served:
        status, said, headers = await served.send(method, path)
        assert (status, headers["allow"]) == (405, allow)
        assert method == "HEAD" or said["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/", "/webhooks", "/webhooks/a/b/c", "/v1", "/v1/nothing", "/v1/track/x", "/%2e%2e/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_reported(method: str, path: str) -> None:
    """404 with the body of every error, and what stood in the path goes nowhere."""
    async with serving() as served:
        status, said, _ = await served.send(method, path)
        assert (status, said["success"], said["code"], bool(said["message"])) == (404, False, "not_found", True)
        assert path == "/" or path not in str(served.telemetry)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"slow_body"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b"slow_body"),
        (HEAD + b"\r\n", b"unparseable_body"),
    ],
    ids=["stops", "stops within a chunk", "no body"],
)
async def test_a_body_that_never_comes_whole(sent: bytes, code: bytes) -> None:
    """It is waited for as long as `read_s`, then the sender is asked to come again; nothing of it is stored."""
    async with serving(limits=SMALL) as served:
        assert b'"code":"' + code in await served.raw(sent)
        assert served.inbox.events == []


async def _begin(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose headers were read, and of whose body there is one byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"1\r\n{\r\n")
    return reader, writer


async def test_a_body_that_breaks_is_not_waited_for() -> None:
    """A chunk that is none ends the body at once."""
    async with serving(limits=SMALL) as served:
        reader, writer = await _begin(served)
        writer.write(b"nonsense\r\n")
        assert b'"code":"incomplete_body"' in await reader.read()
        writer.close()
        assert not served.inbox.rejections


async def test_a_sender_that_goes_away_within_its_body_breaks_nothing() -> None:
    """Nothing of what it sent is stored, and it is counted as what it is, no fault of ours."""
    async with serving() as served:
        _, writer = await _begin(served)
        writer.close()
        await asyncio.wait_for(served.emitted.wait(), 5)
        assert served.telemetry == [RequestRefused(400, "incomplete_body", "/webhooks/shop")]
        assert not served.inbox.rejections


async def test_a_sender_may_ask_before_it_sends() -> None:
    """curl asks so before a large body; without `100 Continue` it would wait a second."""
    async with serving() as served:
        body = b'{"type":"page","userId":"u"}'
        sent = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        assert (await served.raw(sent)).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_what_others_serve_is_found() -> None:
    """The 404 is for unknown paths, although it is registered before the others' routes."""

    async def found(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path})

    async with serving(beside=[web.get("/healthz", found), web.get("/api/{name}", found)]) as served:
        for path in ("/healthz", "/api/events"):
            assert (await served.send("GET", path))[:2] == (200, {"path": path})


async def test_one_connection_goes_on_after_errors() -> None:
    """A refused request leaves the connection usable for the next, as senders keep theirs open."""
    async with serving(limits=SMALL) as served:
        for body in (b"{", padded(2000), b'{"type":"page","userId":"u"}'):
            await served.send("POST", PATH, data=body)
        assert len(served.inbox.events) == 1

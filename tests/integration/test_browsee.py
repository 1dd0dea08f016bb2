"""The client against servers that answer well, badly, slowly, endlessly or not at all. Real sockets throughout."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
import pytest

from adapter.deliver.browsee import AnswerLimits, Browsee, encode
from adapter.deliver.policy import Accepted, Answer, RefusedByBrowsee, classify
from adapter.errors import ConfigError
from adapter.model import Call, Reason, Secret

KEY = Secret("k-0123456789")
CALL = Call(key="track/CLICKED/0", kind="track", body={"event": "CLICKED", "userId": "u"}, rule="clicks")
QUICK = AnswerLimits(connect_s=0.5, total_s=0.5, max_answer_bytes=1024)
SUCCESS = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"status":"success"}'

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head, await reader.readexactly(int(length.split(b":")[1]))


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A raw server; yields its URL. A connection that the client has left ends quietly."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api/v1/"


async def sent_to(serve: Serve, *, limits: AnswerLimits = QUICK) -> Answer:
    async with server(serve) as url, Browsee(url, limits=limits) as browsee:
        return await browsee.send(CALL, KEY)


def always(answer: bytes) -> Serve:
    """A server that reads one request, answers with these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    return serve


async def drip(writer: asyncio.StreamWriter, chunk: bytes, *, every_s: float) -> None:
    """Write `chunk` for ever, until the client goes."""
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(every_s)


async def test_a_call_is_posted_with_the_key_and_its_answer_comes_back() -> None:
    """The request is the documented one; the key is in the body and nowhere else."""
    seen: list[tuple[bytes, bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(SUCCESS)

    answer = await sent_to(serve)
    assert (answer.status, answer.body, answer.failure) == (200, b'{"status":"success"}', None)
    assert answer.seconds > 0
    [(head, body)] = seen
    assert head.startswith(b"POST /api/v1/track HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in head.lower()
    assert KEY.reveal().encode() not in head
    assert orjson.loads(body) == {"apiKey": KEY.reveal(), "event": "CLICKED", "userId": "u"}


async def test_calls_share_a_connection_and_go_to_the_path_of_their_kind() -> None:
    """Keep-alive: two calls one after the other need one connection."""
    paths: list[bytes] = []
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            head, _ = await read_request(reader)
            paths.append(head.split(b" ")[1])
            writer.write(SUCCESS)

    identify = Call(key="identify//0", kind="identify", body={"userId": "u"}, rule="users")
    async with server(serve) as url, Browsee(url, limits=QUICK) as browsee:
        assert (await browsee.send(CALL, KEY)).status == 200
        assert (await browsee.send(identify, KEY)).status == 200
    assert paths == [b"/api/v1/track", b"/api/v1/identify"]
    assert len(connections) == 1


async def test_a_closed_connection_is_never_a_second_send() -> None:
    """A server that reads a call and hangs up may have taken it: sending it again is not for the client to decide."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await read_request(reader))[1])
        if len(requests) == 1:
            writer.write(SUCCESS)
            requests.append((await read_request(reader))[1])

    async with server(serve) as url, Browsee(url, limits=QUICK) as browsee:
        assert (await browsee.send(CALL, KEY)).status == 200
        assert (await browsee.send(CALL, KEY)).failure == Reason.UNREACHABLE
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("raw", "status", "failure"),
    [
        pytest.param(b"", None, Reason.UNREACHABLE, id="hangs-up"),
        pytest.param(b"\x16\x03\x01\x00\xff" * 40, None, Reason.GARBAGE, id="tls-on-a-plain-port"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", None, Reason.GARBAGE, id="another-protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", None, Reason.GARBAGE, id="status-that-is-no-number"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", None, Reason.GARBAGE, id="long-header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n", None, Reason.GARBAGE, id="5000-headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", None, Reason.GARBAGE, id="negative-length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", 200, Reason.GARBAGE, id="half-a-body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", None, Reason.GARBAGE, id="bad-chunk"
        ),
        pytest.param(
            b"HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{", 400, Reason.GARBAGE, id="a-status-outlives-its-body"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 200, None, id="not-inflated"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nSet-Cookie: \x01=;;=\r\n\r\n", 200, None, id="cookies-are-not-read"),
    ],
)
async def test_garbage_is_an_answer_not_an_exception(raw: bytes, status: int | None, failure: Reason | None) -> None:
    """Whatever bytes come, `send` returns, with the status if that much was HTTP."""
    answer = await sent_to(always(raw))
    assert (answer.status, answer.failure) == (status, failure)


async def test_a_redirect_is_not_followed() -> None:
    """Following one would post the key to wherever an answer points, a metadata address for example."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            requests.append(head)
            writer.write(b"HTTP/1.1 307 R\r\nLocation: /latest/meta-data\r\nContent-Length: 0\r\n\r\n")

    assert (await sent_to(serve)).status == 307
    assert len(requests) == 1


async def test_an_endless_body_is_read_to_the_limit_only() -> None:
    """A body of a gigabyte costs `max_answer_bytes`, and its connection."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            await drip(writer, b"1" * 65536, every_s=0)
        finally:
            closed.set()

    async with server(serve) as url, Browsee(url, limits=QUICK) as browsee:
        answer = await browsee.send(CALL, KEY)
        await asyncio.wait_for(closed.wait(), 5)
    assert (answer.status, len(answer.body), answer.failure) == (200, 1024, Reason.GARBAGE)


async def test_a_gzip_bomb_is_not_inflated() -> None:
    """Ten megabytes squeezed into ten kilobytes stay ten kilobytes, of which one is read."""
    bomb = gzip.compress(b" " * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    answer = await sent_to(always(head + bomb))
    assert (answer.status, answer.body, answer.failure) == (200, bomb[:1024], Reason.GARBAGE)


@pytest.mark.parametrize(
    ("first", "dripped", "status"),
    [
        pytest.param(b"", b"", None, id="says-nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", None, id="one-byte-of-header-at-a-time"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", None, id="continues-for-ever"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"1", 200, id="one-byte-of-body-at-a-time"),
        pytest.param(b"HTTP/1.1 429 Slow\r\nContent-Length: 500\r\n\r\n", b"1", 429, id="a-429-with-a-slow-body"),
    ],
)
async def test_every_wait_ends(first: bytes, dripped: bytes, status: int | None) -> None:
    """A server that never finishes is a timeout after `total_s`, with the status if it came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(first)
        await drip(writer, dripped, every_s=0.02)

    answer = await sent_to(serve)
    assert (answer.status, answer.failure) == (status, Reason.TIMEOUT)
    assert 0.4 < answer.seconds < 3


async def test_a_reset_is_unreachable() -> None:
    """A connection torn down with RST while we wait."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.transport.abort()

    assert (await sent_to(serve)).failure == Reason.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1", id="nobody-listens"),
        pytest.param("http://no-such-host.invalid", id="no-such-name"),
        pytest.param("http://" + "a" * 70 + ".invalid", id="a-name-that-dns-cannot-ask-for"),
    ],
)
async def test_no_server_is_unreachable(url: str) -> None:
    """Refused connections and names that do not resolve are failures to wait out, not exceptions."""
    async with Browsee(url, limits=AnswerLimits(connect_s=5, total_s=5)) as browsee:
        answer = await browsee.send(CALL, KEY)
    assert (answer.status, answer.failure) == (None, Reason.UNREACHABLE)


async def test_plain_http_on_the_other_side_of_tls_is_unreachable() -> None:
    """A TLS handshake that fails is a connection that could not be made."""
    async with server(always(SUCCESS)) as url, Browsee(url.replace("http", "https"), limits=QUICK) as browsee:
        answer = await browsee.send(CALL, KEY)
    assert answer.status is None
    assert answer.failure in {Reason.UNREACHABLE, Reason.TIMEOUT}


async def test_cancelling_passes_through() -> None:
    """A worker that is stopped stops at once; cancellation is no answer."""
    reached = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        reached.set()
        await drip(writer, b"", every_s=0.02)

    async with server(serve) as url, Browsee(url) as browsee:
        sending = asyncio.create_task(browsee.send(CALL, KEY))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_an_answer_that_quotes_the_key_loses_it() -> None:
    """A refusal's message is stored; the key must not get there with it."""
    found = b'{"status":"failure","message":"unknown apiKey k-0123456789"}'
    answer = await sent_to(always(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(found) + found))
    assert answer.body == b'{"status":"failure","message":"unknown apiKey ***"}'


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"Content-Encoding: gzip\r\n", gzip.compress(b'{"status":"success"}'), id="gzip"),
        pytest.param(b"", gzip.compress(b'{"status":"success"}'), id="gzip-without-its-header"),
        pytest.param(b"", b'\xef\xbb\xbf{"status":"success"}', id="byte-order-mark"),
        pytest.param(b"", b'{"status":"success","message":"caf\xe9"}', id="a-bad-byte"),
    ],
)
async def test_a_success_in_odd_bytes_is_a_success(head: bytes, body: bytes) -> None:
    """Compressed, with a byte order mark, or with a byte that is no UTF-8: sent once, not for 72 h."""
    answer = await sent_to(always(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)))
    assert classify(answer, now=datetime.now(UTC)) == Accepted()


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"failure","message":"unknown apiKey \\u006b-0123456789"}',
        b'{"status":"failure","message":"unknown apiKey \\u006B\\u002d0123456789"}',
        b'\xef\xbb\xbf{"status":"failure","message":"unknown apiKey \\u006b-0123456789"}',
        b'{"status":"failure","message":"\xe9 unknown apiKey \\u006b-0123456789"}',
        b'{"status":"failure","message":"cut off \\u006b-0123456789',
        gzip.compress(b'{"status":"failure","message":"unknown apiKey \\u006b-0123456789"}'),
    ],
    ids=["one-escape", "several", "byte-order-mark", "a-bad-byte", "cut-off", "gzip"],
)
async def test_an_answer_that_quotes_the_key_with_escapes_loses_it(body: bytes) -> None:
    """The key is blotted after decoding, and what is said beside it stays."""
    answer = await sent_to(always(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    assert b"0123456789" not in answer.body
    assert b"***" in answer.body
    if not body.startswith(b'{"status":"failure","message":"cut'):
        verdict = classify(answer, now=datetime.now(UTC))
        assert isinstance(verdict, RefusedByBrowsee)
        assert verdict.message.endswith("unknown apiKey ***")


async def test_only_the_headers_that_matter_are_kept() -> None:
    """An answer is kept in memory while its event is judged; it stays small."""
    answer = await sent_to(
        always(b"HTTP/1.1 429 Slow\r\nRETRY-AFTER: 7\r\nX-Other: " + b"a" * 500 + b"\r\nContent-Length: 0\r\n\r\n")
    )
    assert answer == Answer(429, {"retry-after": "7"}, b"", None, answer.seconds)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"event": "A", "apiKey": "other"}, {"event": "A", "apiKey": "k-0123456789"}, id="key-wins"),
        pytest.param({"n": 2**70}, {"n": 1180591620717411303424, "apiKey": "k-0123456789"}, id="huge-integer"),
    ],
)
def test_every_body_can_be_sent(body: dict[str, object], expected: dict[str, object]) -> None:
    """What a sender may send can be written, and no mapping can send as another project."""
    # orjson would read an integer beyond 64 bits as a float.
    assert json.loads(encode(body, KEY)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "api.browsee.io/api/v1",
        "ftp://api.browsee.io",
        "https://",
        "https:///api/v1",
        "http://[::1",
        "http://api.browsee.io:port/",
        "https://api.browsee.io/api/v1?x=1",
        "https://user:hunter2@api.browsee.io/",
        "",
    ],
)
def test_a_bad_address_is_refused_when_it_is_read(url: str) -> None:
    """Found at start, with the setting's name and without a password in it."""
    with pytest.raises(ConfigError, match=r"browsee\.url") as caught:
        Browsee(url)
    assert "hunter2" not in str(caught.value)

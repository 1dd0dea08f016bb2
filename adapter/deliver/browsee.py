"""The client of Browsee's Track and Identify API: one call in, one answer out, whatever the network does.

It trusts nothing that comes back: redirects are not followed, header and body are read and inflated up to a size,
cookies are forgotten, and every wait has an end. It never decides what an answer means (`policy` does), never sends
twice, and is the only place where a project's key meets a call.
"""

import contextlib
import errno
import json
import re
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

import aiohttp
import orjson
from yarl import URL

from adapter.deliver.policy import NO_JSON, Answer, Failure, read_json
from adapter.errors import ConfigError
from adapter.model import Call, JsonObject, Reason, Secret

# Node closes an idle connection after 5 s by default (server.keepAliveTimeout). Letting go first means that a call is
# not written to a connection that is just being closed, which would have to be sent again without knowing whether it
# had arrived.
KEEPALIVE_S = 4.0
# A key shorter than this is not a real one, and blotting it out would spoil the answer it happens to be part of.
MIN_BLOTTED_CHARS = 8

_KEPT_HEADERS = ("retry-after", "date")
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "browsee-adapter",
}
# The first that fits is what happened; together they take in all that aiohttp and the sockets under it raise.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (TimeoutError, Reason.TIMEOUT),
    (aiohttp.ClientPayloadError, Reason.GARBAGE),
    (aiohttp.ClientResponseError, Reason.GARBAGE),
    (aiohttp.ClientError, Reason.UNREACHABLE),
    (OSError, Reason.UNREACHABLE),
    (ValueError, Reason.UNREACHABLE),  # a host name that DNS cannot be asked for
)
_CAUSES = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection closed without an answer",
    errno.EHOSTUNREACH: "the host of browsee.url cannot be reached",
    errno.ENETUNREACH: "no network",
    errno.ETIMEDOUT: "no connection in time",
}
_GZIP = b"\x1f\x8b"
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_RAISED = tuple(kind for kind, _ in _FAILURES)


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long we wait for Browsee and how much of it we read: `max_headers` lines of `max_header_bytes` at most.

    `connections` only guards against a fault of ours: how many calls are under way is for the pace to say.
    """

    connect_s: float = 5.0
    total_s: float = 30.0
    max_answer_bytes: int = 64 * 1024
    max_header_bytes: int = 8190
    max_headers: int = 64
    connections: int = 256


class Browsee:
    """Browsee's API at `url`. Use it as `async with Browsee(url) as browsee`: connections live as long as the block.

    Raises ConfigError if `url` is not an http or https address with a host, and nothing else in it but a path.
    """

    def __init__(self, url: str, *, limits: AnswerLimits | None = None) -> None:
        base = _base_url(url)
        self._urls = {"track": base / "track", "identify": base / "identify"}
        self._limits = limits or AnswerLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        limits = self._limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limits.connections, keepalive_timeout=KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            max_line_size=limits.max_header_bytes,
            max_field_size=limits.max_header_bytes,
            max_headers=limits.max_headers,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, call: Call, key: Secret) -> Answer:
        """Send `call` once for the project of `key`. Never raises for what the network or Browsee does.

        The answer's body has at most `max_answer_bytes`, and `***` where it quoted the key.
        """
        if self._session is None:
            raise RuntimeError("Browsee.send outside of `async with`")
        body = encode(call.body, key)
        started = time.monotonic()
        status, headers, raw = None, dict[str, str](), bytearray()
        failure: Failure | None = None
        cause = ""
        try:
            async with self._session.post(self._urls[call.kind], data=body, allow_redirects=False) as response:
                status, headers = response.status, _kept(response.headers)
                failure = await _read(response, raw, self._limits.max_answer_bytes)
        except _RAISED as exc:
            failure, cause = _failure(exc), _cause(exc)
        body = readable(bytes(raw), self._limits.max_answer_bytes, key)
        return Answer(status, headers, body, failure, time.monotonic() - started, cause)


def encode(body: JsonObject, key: Secret) -> bytes:
    """The bytes to post: `body` with the project's key, which nothing in the body can replace."""
    keyed = {**body, "apiKey": key.reveal()}
    try:
        return orjson.dumps(keyed)
    except TypeError:
        # What orjson will not write and the decoder lets in: integers beyond 64 bits, very deep nesting.
        return json.dumps(keyed, separators=(",", ":")).encode()


async def _read(response: aiohttp.ClientResponse, raw: bytearray, max_bytes: int) -> Failure | None:
    """Read the body into `raw`, so that what came is there even if the rest does not come."""
    while chunk := await response.content.readany():
        raw += chunk[: max_bytes - len(raw)]
        if len(raw) >= max_bytes:
            # The connection is given up with the rest of the body on it.
            response.close()
            return Reason.GARBAGE
    return None


def _failure(exc: Exception) -> Failure:
    return next(failure for kind, failure in _FAILURES if isinstance(exc, kind))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}


def _cause(exc: Exception) -> str:
    """What kept an answer from coming, for people; empty where the kind of failure says it all."""
    error = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return "the certificate of browsee.url is not valid"
    if isinstance(error, ssl.SSLError):
        return "no TLS at browsee.url"
    if isinstance(error, socket.gaierror):
        return "the host of browsee.url is not known"
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "connection closed without an answer"
    return _CAUSES.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def readable(raw: bytes, max_bytes: int, key: Secret) -> bytes:
    """The body without compression, which we did not ask for, up to `max_bytes`, and with `***` for the key, however
    it is escaped.
    """
    if raw.startswith(_GZIP):
        inflating = zlib.decompressobj(wbits=31)
        with contextlib.suppress(zlib.error):
            inflated = inflating.decompress(raw, max_bytes)
            # One that is larger than an answer may be, or cut off, is left as it came: it is no answer.
            raw = inflated if inflating.eof else raw
    if len(key.reveal()) < MIN_BLOTTED_CHARS:
        return raw
    if b"\\" in raw:
        raw = _unescaped(raw)
    for spelling in _spellings(key.reveal()):
        if spelling in raw:
            raw = raw.replace(spelling, b"***")
    return raw


@lru_cache(maxsize=16)
def _spellings(value: str) -> tuple[bytes, bytes]:
    """A key as text and as JSON has it."""
    return value.encode(), orjson.dumps(value)[1:-1]


def _unescaped(raw: bytes) -> bytes:
    """`raw` with no more escapes than JSON needs; as it is if it is no JSON that can be written again."""
    body = read_json(raw)
    if body is NO_JSON:
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), raw)
    try:
        return orjson.dumps(body)
    except TypeError:
        return b"null"


def _base_url(text: str) -> URL:
    allowed = "write it as https://api.browsee.io/api/v1"
    try:
        url = URL(text)
    except ValueError:
        raise ConfigError(f"browsee.url: this is not an address; {allowed}") from None
    if url.user is not None or url.password is not None:
        # Not quoted: it holds a password.
        raise ConfigError(f"browsee.url: it holds a user or password; the key has a setting of its own; {allowed}")
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ConfigError(f"browsee.url: found `{text}`; {allowed}")
    return url

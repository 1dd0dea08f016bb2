"""The client of Browsee's Track and Identify API: one call in, one answer out, whatever the network does.

It trusts no answer: redirects are not followed, header and body are read and inflated up to a size, cookies are
discarded, and every wait has a limit. It never decides what an answer means (`policy` does), never sends twice, and is
the only place where a project's key is added to a call.
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

# Node closes an idle connection after 5 s by default (server.keepAliveTimeout). The client closes it earlier. Otherwise
# a call could be written to a connection that is just being closed, and would have to be sent again without knowing
# whether it arrived.
KEEPALIVE_S = 4.0
# A shorter key is not a real one, and masking it would garble answers that contain it by chance.
MIN_BLOTTED_CHARS = 8

_KEPT_HEADERS = ("retry-after", "date")
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "browsee-adapter",
}
# The first match counts. Together they cover everything that aiohttp and its sockets raise.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (TimeoutError, Reason.TIMEOUT),
    (aiohttp.ClientPayloadError, Reason.GARBAGE),
    (aiohttp.ClientResponseError, Reason.GARBAGE),
    (aiohttp.ClientError, Reason.UNREACHABLE),
    (OSError, Reason.UNREACHABLE),
    (ValueError, Reason.UNREACHABLE),  # a host name that is not valid in DNS
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
    """The longest waits for Browsee, and the largest answer: at most `max_headers` lines of `max_header_bytes`.

    `connections` only guards against a bug in the adapter: `concurrency` limits the calls in flight.
    """

    connect_s: float = 5.0
    total_s: float = 30.0
    max_answer_bytes: int = 64 * 1024
    max_header_bytes: int = 8190
    max_headers: int = 64
    connections: int = 256


class Browsee:
    """Browsee's API at `url`. Use it as `async with Browsee(url) as browsee`: connections live as long as the block.

    Raises ConfigError if `url` is not an http or https address of a host with an optional path and no other part.
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

        The answer's body has at most `max_answer_bytes`; `***` replaces the key.
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
    """The bytes to post: `body` with the project's key, which no field of the body can replace."""
    keyed = {**body, "apiKey": key.reveal()}
    try:
        return orjson.dumps(keyed)
    except TypeError:
        # Values that the decoder accepts and orjson does not write: integers beyond 64 bits, very deep nesting.
        return json.dumps(keyed, separators=(",", ":")).encode()


async def _read(response: aiohttp.ClientResponse, raw: bytearray, max_bytes: int) -> Failure | None:
    """Read the body into `raw`, so that a part of it is available if the rest does not arrive."""
    while chunk := await response.content.readany():
        raw += chunk[: max_bytes - len(raw)]
        if len(raw) >= max_bytes:
            # The connection is closed with the rest of the body unread.
            response.close()
            return Reason.GARBAGE
    return None


def _failure(exc: Exception) -> Failure:
    return next(failure for kind, failure in _FAILURES if isinstance(exc, kind))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}


def _cause(exc: Exception) -> str:
    """Why no answer came, for people; empty if the kind of failure says everything."""
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
    """The body, inflated if it came compressed without being asked for, up to `max_bytes`, and with `***` for the key
    in any form of escaping.
    """
    if raw.startswith(_GZIP):
        inflating = zlib.decompressobj(wbits=31)
        with contextlib.suppress(zlib.error):
            inflated = inflating.decompress(raw, max_bytes)
            # A body that is cut off or too large is kept as received: it cannot be a valid answer.
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
    """A key as text and as escaped in JSON."""
    return value.encode(), orjson.dumps(value)[1:-1]


def _unescaped(raw: bytes) -> bytes:
    """`raw` without needless JSON escapes; unchanged if it is not JSON that can be written again."""
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
        # Not quoted: the address contains a password.
        raise ConfigError(f"browsee.url: it holds a user or password; the key has a setting of its own; {allowed}")
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ConfigError(f"browsee.url: found `{text}`; {allowed}")
    return url

"""A request of aiohttp → the values that the rest of ingest works with. Judges nothing but sizes and time."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import hdrs, web

from adapter.ingest.answers import Answer, Situation, answer
from adapter.ingest.auth import claimed_in_body, claimed_keys
from adapter.ingest.decode import Body, TooLarge, decode, inflate
from adapter.ingest.dialect import Network, client_address
from adapter.ingest.limits import Limits
from adapter.model import Problem


class Arrived(NamedTuple):
    """A request's bytes, inflated where they can be, and what they say."""

    plain: bytes
    body: Body | Problem


async def arrived(request: web.Request, limits: Limits) -> Arrived | Answer:
    """What a request brought, within the limits of it as sent, as inflated, and in time."""
    raw = await _read(request, max_bytes=limits.body_bytes, read_s=limits.read_s)
    if isinstance(raw, Answer):
        return raw
    plain = inflate(raw, max_bytes=limits.inflated_bytes)
    match plain:
        case TooLarge():
            return answer(Situation.TOO_LARGE)
        case Problem():
            return Arrived(raw, plain)
        case _:
            return Arrived(plain, decode(plain))


async def _read(request: web.Request, *, max_bytes: int, read_s: float) -> bytes | Answer:
    """The bytes as sent; never more than `max_bytes` of them are kept."""
    content = request.content
    if content.is_eof():
        # Came along with the headers, as nearly all do.
        raw = content.read_nowait()
        return raw if len(raw) <= max_bytes else answer(Situation.TOO_LARGE)
    if (request.content_length or 0) > max_bytes:
        return answer(Situation.TOO_LARGE)
    held = bytearray()
    try:
        async with asyncio.timeout(read_s):
            while len(held) <= max_bytes and (chunk := await content.readany()):
                held += chunk
    except TimeoutError:
        return answer(Situation.SLOW)
    except (ConnectionError, web.RequestPayloadError):
        return answer(Situation.INCOMPLETE)
    return bytes(held) if len(held) <= max_bytes else answer(Situation.TOO_LARGE)


def claims(request: web.Request, *, path_key: str | None = None) -> frozenset[str]:
    """Every key that the request claims outside of its body."""
    headers = request.headers
    return claimed_keys(
        path_key=path_key,
        # Parsing a query costs more than looking for one.
        query=request.query.getall("writeKey", ()) if "?" in request.raw_path else (),
        authorizations=headers.getall(hdrs.AUTHORIZATION, ()),
        write_keys=headers.getall("X-Write-Key", ()),
    )


def claims_within(body: Body | Problem) -> frozenset[str]:
    """The key that the body claims: a batch's on its envelope, that of a bare message on itself."""
    if isinstance(body, Problem):
        return frozenset()
    return claimed_in_body(body.messages[0] if body.is_single else body.envelope)


def client(request: web.Request, trusted: Sequence[Network]) -> str | None:
    """The address the request came from, through the proxies that are `trusted`."""
    return client_address(request.remote, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), trusted)

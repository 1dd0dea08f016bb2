"""A request of aiohttp → the values that the rest of ingest works with. Judges nothing but sizes and time."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import StreamReader, hdrs, web

from adapter.ingest.answers import Answer, Situation, answer
from adapter.ingest.auth import claimed_in_body, claimed_keys
from adapter.ingest.decode import LARGE_BYTES, Body, TooLarge, decode, inflating, is_compressed, is_crammed
from adapter.ingest.dialect import Network, client_address
from adapter.ingest.limits import Limits, Room
from adapter.model import Problem

_BODIES_AT_ONCE = 16
"""So many bodies of the largest size may be arriving at once; what is sent with its header does not count."""


class Arrived(NamedTuple):
    """A request's bytes, inflated where they can be, and what they say."""

    plain: bytes
    body: Body | Problem


class BodyReader:
    """Where bodies are read: within the limits of `Limits`, and large ones one after the other.

    Reading JSON cannot be interrupted, so others get their turn before and after each; however many large bodies come,
    who sends a small one waits for one of them at most.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = Room(_BODIES_AT_ONCE * limits.body_bytes)
        self._turn = asyncio.Lock()

    async def arrived(self, request: web.Request) -> Arrived | Answer:
        """What a request brought, within the limits of it as sent, as inflated, and in time."""
        raw = await _read(request, self._room, max_bytes=self._limits.body_bytes, read_s=self._limits.read_s)
        if isinstance(raw, Answer):
            return raw
        plain = await self._inflated(raw) if is_compressed(raw) else raw
        match plain:
            case TooLarge():
                return answer(Situation.TOO_LARGE)
            case Problem():
                return Arrived(raw, plain)
            case _ if len(plain) >= LARGE_BYTES:
                return await self._read_large(plain)
            case _:
                return Arrived(plain, decode(plain))

    async def _inflated(self, raw: bytes) -> bytes | Problem | TooLarge:
        steps = inflating(raw, max_bytes=self._limits.inflated_bytes)
        try:
            # All that most senders compress is inflated in one.
            next(steps)
            async with self._turn:
                while True:
                    await asyncio.sleep(0)
                    next(steps)
        except StopIteration as end:
            found: bytes | Problem | TooLarge = end.value
            return found

    async def _read_large(self, plain: bytes) -> Arrived | Answer:
        async with self._turn:
            await asyncio.sleep(0)
            return answer(Situation.TOO_LARGE) if is_crammed(plain) else Arrived(plain, decode(plain))


async def _read(request: web.Request, room: Room, *, max_bytes: int, read_s: float) -> bytes | Answer:
    """The bytes as sent; never more than `max_bytes` of them are kept."""
    content = request.content
    if content.is_eof():
        return _read_at_once(content, max_bytes=max_bytes)
    if (request.content_length or 0) > max_bytes:
        return answer(Situation.TOO_LARGE)
    held = bytearray()
    try:
        async with asyncio.timeout(read_s):
            while len(held) <= max_bytes and (chunk := await content.readany()):
                if not room.take(len(chunk)):
                    return answer(Situation.BUSY)
                held += chunk
    except TimeoutError:
        return answer(Situation.SLOW)
    except (ConnectionError, web.RequestPayloadError):
        return answer(Situation.INCOMPLETE)
    finally:
        room.give_back(len(held))
    return bytes(held) if len(held) <= max_bytes else answer(Situation.TOO_LARGE)


def _read_at_once(content: StreamReader, *, max_bytes: int) -> bytes | Answer:
    """What came along with the headers, as nearly all bodies do."""
    try:
        raw = content.read_nowait()
    except web.RequestPayloadError:
        return answer(Situation.INCOMPLETE)
    return raw if len(raw) <= max_bytes else answer(Situation.TOO_LARGE)


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

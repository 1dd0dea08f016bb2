"""A request of aiohttp → the values that the rest of ingest uses. Checks sizes and times only."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from aiohttp import StreamReader, hdrs, web
from msgspec import Struct

from adapter.http.client_address import Network, client, network_of
from adapter.http.responses import Reply, Response, respond
from adapter.ingest.auth import claimed_in_body, claimed_keys
from adapter.ingest.context import RequestBody
from adapter.ingest.decode import Body, decode
from adapter.ingest.inflate import (
    LARGE_BYTES,
    MOST_VALUES,
    TooLarge,
    has_too_many_values,
    inflated,
    inflating,
    is_compressed,
    values_limit,
)
from adapter.ingest.limits import BodyBudget, RequestLimits
from adapter.ingest.turns import Turns
from adapter.model import Problem

_BODIES_AT_ONCE = 16
"""Arriving bodies, and large ones until they are answered, share this many times `UNKNOWN_BODY_BYTES`."""
_FREE_BYTES = 16_384
"""So much of each body is outside that share: a sender of one event is not refused because others send many."""
_OBJECTS_BYTES = 1_000_000
"""So much JSON of large bodies is held as objects at once, or one body that is larger: about 10 MB of memory."""
UNKNOWN_BODY_BYTES = 5_000_000
UNKNOWN_INFLATED_BYTES = 20_000_000
"""The limit of a body that may contain its key. Segment's library in pages sends 500 KB at most, RudderStack's 4 MB."""

_T = TypeVar("_T")


class BodyReader:
    """Reads bodies: within the limits of `RequestLimits`, and large ones one after the other.

    Three rules bound the memory. Bodies share a budget from their first byte beyond `_FREE_BYTES` until they are
    answered; a body that exceeds it gets 503 with Retry-After. If the budget is `divided`, a source may hold half of
    what the other sources leave of it. Bodies without a key before them share a smaller budget, of which an address may
    hold half of what the others leave. Large bodies are inflated and read in turns, see turns.py, so that few are held
    as objects. Reading JSON cannot be interrupted, so other requests are served before and after each.
    """

    def __init__(
        self, limits: RequestLimits, *, divided: bool = False, trusted_proxies: Sequence[Network] = ()
    ) -> None:
        self._known = limits
        self._unknown = replace(
            limits,
            body_bytes=min(limits.body_bytes, UNKNOWN_BODY_BYTES),
            inflated_bytes=min(limits.inflated_bytes, UNKNOWN_INFLATED_BYTES),
            values=min(limits.values, MOST_VALUES),
        )
        share_bytes = _BODIES_AT_ONCE * self._unknown.body_bytes
        # One body of the largest size must fit into the half that one source may hold.
        self._room_of_known = BodyBudget(max(share_bytes, (1 + divided) * limits.body_bytes), divided=divided)
        self._room_of_unknown = BodyBudget(share_bytes // 2, divided=True)
        self._trusted_proxies = trusted_proxies
        self._turns = Turns(_OBJECTS_BYTES)

    async def arrived(self, request: web.Request) -> RequestBody | Response:
        """The body of a request, for a caller that only looks at it."""
        received = self.at_once(request, owner="")
        return await self.use(request, received, as_is, owner="") if isinstance(received, Unopened) else received

    def at_once(self, request: web.Request, *, owner: str | None) -> "RequestBody | Response | Unopened":
        """The body of a request that arrived with its headers and is small, as almost all are; or why there is none.

        Any other body takes time: see `use`, which has the same `owner`.
        """
        content, limits = request.content, self._unknown if owner is None else self._known
        if not content.is_eof():
            return Unopened(None)
        try:
            raw = content.read_nowait()
        except web.RequestPayloadError:
            return respond(Reply.INCOMPLETE)
        return _open_at_once(raw, limits) if len(raw) <= limits.body_bytes else _too_large(limits)

    async def use(
        self,
        request: web.Request,
        unopened: "Unopened",
        work: Callable[[RequestBody], Awaitable[_T]],
        *,
        owner: str | None,
    ) -> _T | Response:
        """The result of `work` for a body that `at_once` left `unopened`, or why there is none.

        `owner` is the source whose valid key came before the body; None if there was no key.
        """
        limits = self._unknown if owner is None else self._known
        if unopened.raw is not None:
            return await self._open_in_turn(unopened.raw, work, limits)
        if (request.content_length or 0) > limits.body_bytes:
            return _too_large(limits)
        if owner is None:
            share = _Share(self._room_of_unknown, network_of(client(request, self._trusted_proxies)))
        else:
            share = _Share(self._room_of_known, owner)
        try:
            raw = await _read(request.content, share, limits)
            if isinstance(raw, Response):
                return raw
            received = _open_at_once(raw, limits)
            if isinstance(received, RequestBody):
                return await work(received)
            return await self._open_in_turn(raw, work, limits)
        finally:
            share.give_back()

    async def _open_in_turn(
        self, raw: bytes, work: Callable[[RequestBody], Awaitable[_T]], limits: RequestLimits
    ) -> _T | Response:
        turn = await self._turns.next(limits.read_s)
        if turn is None:
            return respond(Reply.BUSY)
        try:
            await asyncio.sleep(0)
            plain = await _inflated_in_steps(raw, limits) if is_compressed(raw) else raw
            if isinstance(plain, Problem):
                return await work(RequestBody(raw, plain))
            if isinstance(plain, TooLarge):
                return respond(Reply.TOO_LARGE, hint=plain.limit)
            if has_too_many_values(plain, max_values=limits.values):
                return respond(Reply.TOO_LARGE, hint=values_limit(limits.values))
            await turn.hold(len(plain))
            await asyncio.sleep(0)
            arrived = RequestBody(plain, decode(plain), turn.pass_on)
            await asyncio.sleep(0)
            return await work(arrived)
        finally:
            turn.end()


class Unopened(Struct, frozen=True):
    """A body that cannot be decoded at once: `raw` is all of it, None if it has not arrived."""

    raw: bytes | None


class _Share:
    """The part of a `BodyBudget` that one body of `owner` holds."""

    def __init__(self, room: BodyBudget, owner: str) -> None:
        self._room = room
        self._owner = owner
        self._taken_bytes = 0

    def grow_to(self, size_bytes: int) -> bool:
        """Whether the body may be so large; if so, that much is held."""
        more_bytes = max(0, size_bytes - _FREE_BYTES) - self._taken_bytes
        if not self._room.take(self._owner, more_bytes):
            return False
        self._taken_bytes += more_bytes
        return True

    def give_back(self) -> None:
        self._room.give_back(self._owner, self._taken_bytes)


async def as_is(arrived: RequestBody) -> RequestBody:
    """The body unchanged, for a caller that does no work with it."""
    return arrived


def _open_at_once(raw: bytes, limits: RequestLimits) -> RequestBody | Unopened:
    """The contents of `raw` if it is small. Most compressed bodies are inflated at once."""
    plain = inflated(raw, max_bytes=min(LARGE_BYTES, limits.inflated_bytes)) if is_compressed(raw) else raw
    if isinstance(plain, Problem):
        return RequestBody(raw, plain)
    if isinstance(plain, TooLarge) or len(plain) >= LARGE_BYTES:
        return Unopened(raw)
    return RequestBody(plain, decode(plain))


async def _inflated_in_steps(raw: bytes, limits: RequestLimits) -> bytes | Problem | TooLarge:
    steps = inflating(raw, max_bytes=limits.inflated_bytes, max_values=limits.values)
    try:
        while True:
            next(steps)
            await asyncio.sleep(0)
    except StopIteration as end:
        found: bytes | Problem | TooLarge = end.value
        return found


async def _read(content: StreamReader, share: _Share, limits: RequestLimits) -> bytes | Response:
    """The bytes as sent; never more than `limits.body_bytes` of them are kept, nor more than `share` allows."""
    held = bytearray()
    try:
        async with asyncio.timeout(limits.read_s):
            while len(held) <= limits.body_bytes and (chunk := await content.readany()):
                if not share.grow_to(len(held) + len(chunk)):
                    return respond(Reply.BUSY)
                held += chunk
    except TimeoutError:
        return respond(Reply.SLOW)
    except (ConnectionError, web.RequestPayloadError):
        return respond(Reply.INCOMPLETE)
    return bytes(held) if len(held) <= limits.body_bytes else _too_large(limits)


def _too_large(limits: RequestLimits) -> Response:
    return respond(Reply.TOO_LARGE, hint=f"at most {limits.body_bytes} bytes are taken")


def claims(request: web.Request, *, path_key: str | None = None) -> frozenset[str]:
    """Every key that the request claims outside of its body."""
    headers = request.headers
    authorizations, write_keys = headers.getall(hdrs.AUTHORIZATION, ()), headers.getall("X-Write-Key", ())
    # Parsing a query costs more than checking whether there is one.
    query = request.query.getall("writeKey", ()) if "?" in request.raw_path else ()
    if path_key and not authorizations and not write_keys and not query:
        return frozenset((path_key,))
    return claimed_keys(path_key=path_key, query=query, authorizations=authorizations, write_keys=write_keys)


def claims_within(body: Body | Problem) -> frozenset[str]:
    """The key that the body claims: that of a batch in its envelope, that of a bare message in the message."""
    if isinstance(body, Problem):
        return frozenset()
    return claimed_in_body(body.messages[0] if body.is_single else body.envelope)

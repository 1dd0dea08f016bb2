"""The HTTP side of ingest: request → source → body → `Intake` → answer. Never maps, never sends to Browsee.

A sender is answered 200 after its messages are durable and not before. Everything that could be wrong with a request
is a value on the way (an `Answer`, a `Problem`); a handler raises nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeAlias

from aiohttp import hdrs, web

from adapter.ingest.answers import Answer, Situation, answer, cors, preflight
from adapter.ingest.auth import Keyring, claimed_in_body, claimed_keys
from adapter.ingest.decode import Body, TooLarge, decode, inflate
from adapter.ingest.dialect import SDK_PATHS, WEBHOOK, Dialect, client_address
from adapter.ingest.intake import STORED, Intake, Parts
from adapter.ingest.read import Arrival
from adapter.ingest.signature import verify
from adapter.ingest.sources import Source
from adapter.model import Problem
from adapter.observe.happenings import RequestRefused

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WEBHOOK_METHODS = ("POST", "PUT", "PATCH")
_SDK_METHODS = ("POST", "OPTIONS")
# aiohttp tries them in this order: the form that we tell users to set up comes first.
_WEBHOOK_PATHS = ("/webhooks/{source}/{key}", "/webhooks/{source}", "/webhooks/{source}/{key}/", "/webhooks/{source}/")
_KEPT = frozenset({Situation.UNPARSEABLE, Situation.INVALID})
"""Errors of which something was received, if only as a rejection."""


def routes(parts: Parts) -> list[web.RouteDef]:
    """Every path that ingest answers, and 404 for each that nobody does, wherever the others are added.

    To be served with `auto_decompress=False`: what is compressed is inflated here, to a limit.
    """
    ingest = _Ingest(parts)
    found = [web.route(hdrs.METH_ANY, "/{path:.*}", ingest.unknown)]
    for path in _WEBHOOK_PATHS:
        found += [web.route(method, path, ingest.webhook) for method in _WEBHOOK_METHODS]
        found.append(web.route(hdrs.METH_ANY, path, partial(ingest.wrong_method, _WEBHOOK_METHODS)))
    handlers: dict[str, Handler] = {name: partial(ingest.sdk, dialect) for name, dialect in SDK_PATHS.items()}
    handlers["m"] = ingest.discard
    for name, handler in handlers.items():
        for path in (f"/v1/{name}", f"/v1/{name}/"):
            found.append(web.post(path, handler))
            found.append(web.options(path, ingest.preflight))
            found.append(web.route(hdrs.METH_ANY, path, partial(ingest.wrong_method, _SDK_METHODS)))
    return found


class _Arrived(NamedTuple):
    """A request's bytes, inflated where they can be, and what they say."""

    plain: bytes
    body: Body | Problem


class _Ingest:
    """The handlers of aiohttp, and what they share."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._intake = Intake(parts)
        self._keyring = Keyring(parts.sources)
        self._names = frozenset(source.name for source in parts.sources)

    async def webhook(self, request: web.Request) -> web.Response:
        """A platform's webhook. Its key is asked for before its body is read."""
        return self._respond(request, await self._take_webhook(request))

    async def sdk(self, dialect: Dialect, request: web.Request) -> web.Response:
        """An SDK pointed at us. Its key may be in the body alone."""
        return self._respond(request, await self._take_sdk(dialect, request), is_read_by_pages=True)

    async def discard(self, request: web.Request) -> web.Response:
        """Metrics that analytics.js sends of itself: no events, so they are thanked for and let go."""
        arrived = await self._body(request)
        return self._respond(request, arrived if isinstance(arrived, Answer) else STORED, is_read_by_pages=True)

    async def preflight(self, request: web.Request) -> web.Response:
        """A browser's question whether a page may post here: any page may, for the key decides."""
        headers = preflight(
            request.headers.get("Origin"),
            methods=", ".join(_SDK_METHODS),
            requested_headers=request.headers.get("Access-Control-Request-Headers"),
        )
        return web.Response(headers=headers)

    async def wrong_method(self, allowed: tuple[str, ...], request: web.Request) -> web.Response:
        """A path of ours, but not with this method."""
        told = answer(Situation.WRONG_METHOD, allow=", ".join(allowed))
        return self._respond(request, told, is_read_by_pages=allowed is _SDK_METHODS)

    async def unknown(self, request: web.Request) -> web.Response:
        """A path of nobody's."""
        return self._respond(request, answer(Situation.UNKNOWN_PATH))

    async def _take_webhook(self, request: web.Request) -> Answer:
        source = self._keyring.source_of(_claims(request, request.match_info.get("key")))
        if source is None or source.name != request.match_info["source"]:
            return answer(Situation.UNAUTHORIZED)
        arrived = await self._body(request)
        if isinstance(arrived, Answer):
            return arrived
        if source.signing_secrets and not _is_signed(request, source, arrived.plain):
            return answer(Situation.UNAUTHORIZED)
        return await self._intake.take(source, self._arrival(source, WEBHOOK, arrived, None), *arrived)

    async def _take_sdk(self, dialect: Dialect, request: web.Request) -> Answer:
        claims = _claims(request, None)
        if claims and self._sdk_source(claims) is None:
            return answer(Situation.UNAUTHORIZED)
        arrived = await self._body(request)
        if isinstance(arrived, Answer):
            return arrived
        source = self._sdk_source(claims | _claims_within(arrived.body))
        if source is None:
            return answer(Situation.UNAUTHORIZED)
        return await self._intake.take(source, self._arrival(source, dialect, arrived, request), *arrived)

    def _sdk_source(self, claims: frozenset[str]) -> Source | None:
        """Whose `claims` are; None also for a source that signs: no SDK can sign, so none may speak for it."""
        source = self._keyring.source_of(claims)
        return None if source is None or source.signing_secrets else source

    def _arrival(self, source: Source, dialect: Dialect, arrived: _Arrived, request: web.Request | None) -> Arrival:
        """What the messages have in common; `request` is None if neither its peer nor its page is the user's."""
        limit = self._parts.limits.message_bytes
        return Arrival(
            source=source.name,
            received_at=self._parts.clock(),
            dialect=dialect,
            envelope=arrived.body.envelope if isinstance(arrived.body, Body) else {},
            peer=None if request is None else self._client(request),
            has_origin=request is not None and hdrs.ORIGIN in request.headers,
            # Measuring a message costs encoding it, and in a body this small none is too large.
            max_message_bytes=limit if len(arrived.plain) > limit else None,
        )

    def _client(self, request: web.Request) -> str | None:
        proxies = self._parts.trusted_proxies
        return client_address(request.remote, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), proxies)

    async def _body(self, request: web.Request) -> _Arrived | Answer:
        """What a request says, within the limits of it as sent, as inflated, and in time."""
        if self._parts.is_draining():
            return answer(Situation.STOPPING)
        limits = self._parts.limits
        raw = await _read(request, max_bytes=limits.body_bytes, read_s=limits.read_s)
        if isinstance(raw, Answer):
            return raw
        plain = inflate(raw, max_bytes=limits.inflated_bytes)
        match plain:
            case TooLarge():
                return answer(Situation.TOO_LARGE)
            case Problem():
                return _Arrived(raw, plain)
            case _:
                return _Arrived(plain, decode(plain))

    def _named(self, request: web.Request) -> str:
        """The path without its key: by its form, unless a source of ours is named. Anybody writes the rest."""
        source = request.match_info.get("source")
        if source in self._names:
            return f"/webhooks/{source}"
        resource = request.match_info.route.resource
        return "" if resource is None else resource.canonical

    def _respond(self, request: web.Request, told: Answer, *, is_read_by_pages: bool = False) -> web.Response:
        if told.status != 200 and told.situation not in _KEPT:
            self._parts.emit(RequestRefused(told.status, told.situation.value, self._named(request)))
        headers = told.headers
        if is_read_by_pages:
            headers = {**headers, **cors(request.headers.get(hdrs.ORIGIN))}
        return web.Response(body=told.body, status=told.status, headers=headers)


async def _read(request: web.Request, *, max_bytes: int, read_s: float) -> bytes | Answer:
    """The bytes as sent; never more than `max_bytes` of them are kept."""
    content = request.content
    if content.is_eof():
        # Came along with the headers, as nearly all do.
        raw = content.read_nowait()
        return raw if len(raw) <= max_bytes else answer(Situation.TOO_LARGE)
    if (request.content_length or 0) > max_bytes:
        return answer(Situation.TOO_LARGE)
    arrived = bytearray()
    try:
        async with asyncio.timeout(read_s):
            while len(arrived) <= max_bytes and (chunk := await content.readany()):
                arrived += chunk
    except TimeoutError:
        return answer(Situation.SLOW)
    except (ConnectionError, web.RequestPayloadError):
        return answer(Situation.INCOMPLETE)
    return bytes(arrived) if len(arrived) <= max_bytes else answer(Situation.TOO_LARGE)


def _claims(request: web.Request, path_key: str | None) -> frozenset[str]:
    headers = request.headers
    return claimed_keys(
        path_key=path_key,
        query=request.query.getall("writeKey", ()) if "?" in request.raw_path else (),
        authorizations=headers.getall(hdrs.AUTHORIZATION, ()),
        write_keys=headers.getall("X-Write-Key", ()),
    )


def _is_signed(request: web.Request, source: Source, plain: bytes) -> bool:
    return verify(source.signing_secrets, request.headers.getall("X-Signature", ()), plain)


def _claims_within(body: Body | Problem) -> frozenset[str]:
    if isinstance(body, Problem):
        return frozenset()
    return claimed_in_body(body.messages[0] if body.is_single else body.envelope)

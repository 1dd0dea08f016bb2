"""The HTTP side of ingest: request → source → body → `Intake` → answer. Never maps, never sends to Browsee.

A sender is answered 200 after its messages are durable and not before. Every fault of a request is a value on the way
(a `Reply`, a `Problem`); a handler never raises.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

import orjson
from aiohttp import hdrs, web

from adapter.http.client_address import client
from adapter.http.json_api import Handler, page_beside_console
from adapter.http.prepared import PreparedResponse
from adapter.http.responses import Reply, Response, respond, status_of
from adapter.ingest.audiences import audience_answer
from adapter.ingest.auth import Denial, Keyring, denial
from adapter.ingest.context import RequestBody, RequestContext
from adapter.ingest.cors import cors, preflight
from adapter.ingest.decode import Body
from adapter.ingest.dialect import SDK_PATHS, WEBHOOK, Dialect
from adapter.ingest.fields import may_need_cleaning
from adapter.ingest.intake import STORED, IngestDeps, Intake
from adapter.ingest.paths import CALLS, CONSOLE_HINT, METRICS, PIXELS, SETTINGS, WEBHOOKS, hint
from adapter.ingest.requests import BodyReader, as_is, claims, claims_within
from adapter.ingest.sdk_bootstrap import GIF, pixel_body, rudder_source_config, segment_settings
from adapter.ingest.signature import verify
from adapter.ingest.sources import Source
from adapter.ingest.traceparent import traceparent
from adapter.model import JsonObject, Problem
from adapter.observe.ingest_telemetry import RequestRefused
from adapter.observe.metrics import ANSWER

_T = TypeVar("_T")

_KEPT = frozenset({Reply.UNPARSEABLE, Reply.INVALID})
"""Errors after which something was received, if only as a rejection."""


def routes(parts: IngestDeps) -> list[web.RouteDef]:
    """Every path that ingest answers, and 404 for all unknown paths, wherever other routes are added.

    To be served with `auto_decompress=False`: compressed bodies are inflated here, up to a limit.
    """
    ingest = _Ingest(parts)
    found = [web.route(hdrs.METH_ANY, "/{path:.*}", ingest.unknown)]
    for path in WEBHOOKS:
        found += _resource(ingest, path, dict.fromkeys(("POST", "PUT", "PATCH"), ingest.webhook))
    posted: dict[str, Handler] = {path: partial(ingest.sdk, dialect) for path, dialect in CALLS.items()}
    posted |= dict.fromkeys(METRICS, ingest.discard)
    fetched: dict[str, Handler] = dict.fromkeys(PIXELS, ingest.pixel)
    fetched |= {**dict.fromkeys(SETTINGS, ingest.settings), "/sourceConfig": ingest.source_config}
    for method, handlers in (("POST", posted), ("GET", fetched)):
        for path, handler in handlers.items():
            for spelling in (path, path + "/"):
                found += _resource(ingest, spelling, {method: handler}, is_for_pages=True)
    return found


def _resource(
    ingest: "_Ingest", path: str, handlers: Mapping[str, Handler], *, is_for_pages: bool = False
) -> list[web.RouteDef]:
    """The routes of one path: its own methods, the preflight of a page, and 405 for the rest."""
    allowed = ", ".join((*handlers, "OPTIONS") if is_for_pages else handlers)
    found = [web.route(method, path, handler) for method, handler in handlers.items()]
    if is_for_pages:
        found.append(web.options(path, partial(ingest.preflight, allowed)))
    wrong = partial(ingest.wrong_method, allowed, is_for_pages=is_for_pages)
    return [*found, web.route(hdrs.METH_ANY, path, wrong)]


class _Ingest:
    """The handlers of aiohttp, and what they share."""

    def __init__(self, parts: IngestDeps) -> None:
        self._parts = parts
        self._intake = Intake(parts)
        self._bodies = BodyReader(parts.limits, divided=len(parts.sources) > 1, trusted_proxies=parts.trusted_proxies)
        self._keyring = Keyring(parts.sources, used=lambda name: parts.key_uses.note(name, parts.clock()))
        self._names = frozenset(source.name for source in parts.sources)
        self._now = parts.monotonic_s
        self._stored = PreparedResponse(STORED)
        self._times = {reply: parts.histogram(ANSWER, str(status_of(reply)), reply.value) for reply in Reply}

    async def webhook(self, request: web.Request) -> web.Response:
        """A platform's webhook. Its key is checked before its body is read."""
        began_s = self._now()
        return self._respond(request, await self._take_webhook(request), began_s)

    async def sdk(self, dialect: Dialect, request: web.Request) -> web.Response:
        """An SDK that sends directly. Its key may be in the body alone."""
        began_s = self._now()
        return self._respond(request, await self._take_sdk(dialect, request), began_s, is_for_pages=True)

    async def discard(self, request: web.Request) -> web.Response:
        """Metrics that analytics.js sends about itself: they are not events, so they are answered 200 and discarded."""
        began_s = self._now()
        received = await self._use(request, as_is, owner=None)
        if isinstance(received, Response):
            return self._respond(request, received, began_s, is_for_pages=True)
        # Not in the histogram of answers that follow a commit.
        return web.Response(body=STORED.body, headers={**STORED.headers, **_cors(request)})

    async def pixel(self, request: web.Request) -> web.Response:
        """An image whose address contains an event; not with HEAD, which programs send that check links. Always an
        image: a page or mail shows any other answer as broken.
        """
        began_s = self._now()
        if request.method == hdrs.METH_GET:
            self._report(request, await self._take_pixel(request), began_s)
        # Not cached, or the next event would not be sent.
        return web.Response(
            body=GIF, headers={"Content-Type": "image/gif", "Cache-Control": "no-store", **_cors(request)}
        )

    async def settings(self, request: web.Request) -> web.Response:
        """The settings that analytics.js fetches before it sends."""
        # The key may be spelled as Jitsu does: its libraries fetch no settings, but users copy the key.
        key = request.match_info["key"].partition(":")[0]
        source = self._sdk_source(frozenset({key} - {""}))
        # aiohttp returns bytes that are not UTF-8 as lone surrogates, which are not JSON.
        host = request.host.encode(errors="replace").decode()
        return self._fetched(request, source, segment_settings(key=key, host=host))

    async def source_config(self, request: web.Request) -> web.Response:
        """The source configuration that rudder-sdk-js fetches before it sends."""
        claimed = claims(request)
        source = self._sdk_source(claimed)
        name = source.name if isinstance(source, Source) else ""
        return self._fetched(request, source, rudder_source_config(key="".join(claimed), source=name))

    async def preflight(self, allowed: str, request: web.Request) -> web.Response:
        """A browser's preflight: any page may send, because the key decides."""
        headers = preflight(
            request.headers.get(hdrs.ORIGIN),
            methods=allowed,
            requested_headers=request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS),
        )
        return web.Response(headers=headers)

    async def wrong_method(self, allowed: str, request: web.Request, *, is_for_pages: bool) -> web.Response:
        """A known path with a wrong method."""
        response = respond(Reply.WRONG_METHOD, allow=allowed)
        return self._respond(request, response, self._now(), is_for_pages=is_for_pages)

    async def unknown(self, request: web.Request) -> web.Response:
        """An unknown path."""
        has_console = self._parts.has_console
        is_visitor = has_console and (request.method, request.path) == ("GET", "/")
        response = respond(Reply.UNKNOWN_PATH, hint=CONSOLE_HINT if is_visitor else hint(request.path))
        answer = self._respond(request, response, self._now())
        return (page_beside_console(request) if has_console else None) or answer

    # The following return awaitables instead of being coroutines, so that each event passes fewer coroutines.

    def _take_webhook(self, request: web.Request) -> Awaitable[Response]:
        claimed = claims(request, path_key=request.match_info.get("key"))
        source = self._keyring.source_of(claimed)
        if source is None:
            return _done(_denied(denial(claimed)))
        if source.name != request.match_info["source"]:
            return _done(_denied(Denial.WRONG_SOURCE, source))
        return self._use(request, partial(self._take_from_platform, source, request), owner=source.name)

    def _take_from_platform(self, source: Source, request: web.Request, received: RequestBody) -> Awaitable[Response]:
        audience = audience_answer(received.body)
        if audience is not None:
            # Segment does not sign this request. It changes nothing.
            return _done(audience)
        unsigned = _unsigned(request, source, received.plain)
        if unsigned is not None:
            return _done(_denied(unsigned, source))
        return self._intake.take(self._context(source, WEBHOOK, received, request), received)

    def _take_sdk(self, dialect: Dialect, request: web.Request) -> Awaitable[Response]:
        claimed = claims(request)
        source = self._sdk_source(claimed) if claimed else None
        if isinstance(source, Response):
            return _done(source)
        work = partial(self._take_from_user, claimed, dialect, request)
        return self._use(request, work, owner=None if source is None else source.name)

    async def _take_pixel(self, request: web.Request) -> Response:
        dialect = SDK_PATHS.get(request.match_info["type"])
        if dialect is None:
            return respond(Reply.UNKNOWN_PATH)
        if closed := self._parts.closed:
            return respond(closed)
        received = RequestBody(*pixel_body(list(request.query.items())))
        return await self._take_from_user(claims(request), dialect, request, received)

    def _take_from_user(
        self, claimed: frozenset[str], dialect: Dialect, request: web.Request, received: RequestBody
    ) -> Awaitable[Response]:
        if isinstance(received.body, Problem) and not claimed:
            # The key is in the body, which cannot be read: the body is at fault, and its source is unknown.
            return _done(respond(Reply.UNPARSEABLE, problems=(received.body,), cause=Denial.KEY_MISSING))
        source = self._sdk_source(claimed | claims_within(received.body))
        if isinstance(source, Response):
            return _done(source)
        return self._intake.take(self._context(source, dialect, received, request), received)

    def _use(
        self, request: web.Request, work: Callable[[RequestBody], Awaitable[_T]], *, owner: str | None
    ) -> Awaitable[_T | Response]:
        if closed := self._parts.closed:
            return _done(respond(closed))
        received = self._bodies.at_once(request, owner=owner)
        if isinstance(received, RequestBody):
            return work(received)
        if isinstance(received, Response):
            return _done(received)
        return self._bodies.use(request, received, work, owner=owner)

    def _sdk_source(self, claimed: frozenset[str]) -> Source | Response:
        """The source of the `claimed` key, or the answer if it has none; a source that signs is closed: no SDK can
        sign.
        """
        source = self._keyring.source_of(claimed)
        if source is None:
            return _denied(denial(claimed))
        return _denied(Denial.SOURCE_SIGNS, source) if source.signing_secrets else source

    def _context(self, source: Source, dialect: Dialect, received: RequestBody, request: web.Request) -> RequestContext:
        """What the messages of the request have in common."""
        limit, body = self._parts.limits.message_bytes, received.body
        return RequestContext(
            source=source,
            received_at=self._parts.clock(),
            dialect=dialect,
            envelope=body.envelope if isinstance(body, Body) else {},
            # A platform's address and page are not the user's.
            peer=client(request, self._parts.trusted_proxies) if dialect.is_direct else None,
            has_origin=dialect.is_direct and hdrs.ORIGIN in request.headers,
            # Measuring a message means encoding it, and no message of so small a body is too large.
            max_message_bytes=limit if len(received.plain) > limit else None,
            traceparent=traceparent(request.headers.getall("traceparent", ())),
            may_need_cleaning=may_need_cleaning(received.plain) or (isinstance(body, Body) and body.repaired > 0),
        )

    def _fetched(self, request: web.Request, source: Source | Response, found: JsonObject) -> web.Response:
        if isinstance(source, Response):
            return self._respond(request, source, self._now(), is_for_pages=True)
        headers = {"Content-Type": "application/json", **_cors(request)}
        return web.Response(body=orjson.dumps(found), headers=headers)

    def _respond(
        self, request: web.Request, response: Response, began_s: float, *, is_for_pages: bool = False
    ) -> web.Response:
        self._report(request, response, began_s)
        more = _cors(request) if is_for_pages else {}
        if response is STORED and not more and PreparedResponse.suits(request):
            return self._stored
        return web.Response(body=response.body, status=response.status, headers={**response.headers, **more})

    def _report(self, request: web.Request, response: Response, began_s: float) -> None:
        self._times[response.reply].observe(self._now() - began_s)
        if response.status != 200 and (response.reply not in _KEPT or response.cause):
            route = self._named(request)
            self._parts.emit(
                RequestRefused(response.status, response.reply.value, route, response.cause, response.source)
            )
            if response.reply is Reply.UNAUTHORIZED:
                self._parts.denials.note(
                    route=route, reason=response.cause, source=response.source, at=self._parts.clock()
                )

    def _named(self, request: web.Request) -> str:
        """The path without its key: its pattern, unless it names a configured source. The sender chooses the rest."""
        source = request.match_info.get("source")
        if source in self._names:
            return f"/webhooks/{source}"
        resource = request.match_info.route.resource
        return "" if resource is None else resource.canonical


async def _done(response: Response) -> Response:
    return response


def _cors(request: web.Request) -> Mapping[str, str]:
    return cors(request.headers.get(hdrs.ORIGIN))


def _denied(why: Denial, source: Source | None = None) -> Response:
    return respond(Reply.UNAUTHORIZED, cause=why.value, source="" if source is None else source.name)


def _unsigned(request: web.Request, source: Source, plain: bytes) -> Denial | None:
    """What is wrong with the signature that `source` requires; None if it requires none or it is valid."""
    if not source.signing_secrets:
        return None
    signatures = request.headers.getall("X-Signature", ())
    if verify(source.signing_secrets, signatures, plain):
        return None
    return Denial.SIGNATURE_WRONG if any(signatures) else Denial.SIGNATURE_MISSING

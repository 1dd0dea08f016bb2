"""`/api/…`: what an operator asks and does, as JSON, for the token alone; `schemas/openapi.yaml` describes it.

The queue's file is looked at in threads, on connections of their own, so that no event waits for an operator. There is
no cookie and no CORS: a page elsewhere can neither borrow the operator's rights nor read an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from aiohttp import hdrs, web

from adapter.console import params
from adapter.console.api_auth import ApiAuth
from adapter.console.console import Console
from adapter.console.params import BadRequest
from adapter.errors import ConfigError, QueueError
from adapter.http.json_api import Handler, error_response, json_response, resource_routes
from adapter.http.responses import SERVER, Response
from adapter.ingest.context import RequestContext
from adapter.ingest.decode import Body
from adapter.ingest.envelope import lifted_if_there
from adapter.ingest.limits import RequestLimits
from adapter.ingest.read import NewId, read_event
from adapter.ingest.requests import BodyReader
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.mapping import explain
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import JsonObject, Rejection

T = TypeVar("T")
OpenConsole: TypeAlias = Callable[[], AbstractContextManager[Console]]

_AT_ONCE = 2
"""Threads that look at the file, of the few that the service has."""
_EXPORT_HEADERS = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDeps:
    """What the API is built of.

    `summary` and `mappings` tell how the service is, `ruleset_of`
    the active mapping for one of `sources`.
    """

    guard: ApiAuth
    open_console: OpenConsole
    summary: Callable[[], Awaitable[JsonObject]]
    mappings: Callable[[], list[JsonObject]]
    ruleset_of: Callable[[str], Ruleset]
    sources: Mapping[str, Source]
    validator: Validator
    limits: RequestLimits
    new_id: NewId


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Ends a handler with `response`."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


class Api:
    """The handlers, and what they share."""

    def __init__(self, parts: ApiDeps) -> None:
        self._parts = parts
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._bodies = BodyReader(parts.limits)

    def routes(self) -> list[web.RouteDef]:
        """Every path of the API."""
        paths: dict[str, tuple[str, Handler]] = {
            "/api/summary": ("GET", self.summary),
            "/api/mappings": ("GET", self.mappings),
            "/api/explain": ("POST", self.explain),
            "/api/events": ("GET", self.events),
            "/api/event": ("GET", self.event),
            "/api/where": ("GET", self.where),
            "/api/tail": ("GET", self.tail),
            "/api/deletions": ("GET", self.deletions),
            "/api/dead": ("GET", self.dead),
            "/api/dead/causes": ("GET", self.causes),
            "/api/dead/export": ("GET", self.export),
            "/api/dead/requeue": ("POST", self.requeue),
            "/api/dead/discard": ("POST", self.discard),
            "/api/purge": ("POST", self.purge),
        }
        return [
            route
            for path, (method, handler) in paths.items()
            for route in resource_routes(path, {method: self._guarded(handler)})
        ]

    # -- the service -----------------------------------------------------------------------------------------------

    async def summary(self, request: web.Request) -> web.StreamResponse:
        """What `/readyz` says to the operator, and the mappings."""
        params.read(_query(request), {})
        return json_response({**await self._parts.summary(), "mapping_files": self._parts.mappings()})

    async def mappings(self, request: web.Request) -> web.StreamResponse:
        """The active mapping for each source, and what is wrong with its file."""
        params.read(_query(request), {})
        return json_response({"mappings": self._parts.mappings()})

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """What a message would become if a webhook brought it now. Stores and sends nothing."""
        sources = self._parts.sources
        only = next(iter(sources)) if len(sources) == 1 else ""
        source = str(params.read(_query(request), {"source": params.text}).get("source", only))
        if source not in sources:
            return error_response(404, "no_such_source", f"source: one of {', '.join(sources)}")
        ruleset = self._parts.ruleset_of(source)
        context = RequestContext(sources[source], datetime.now(UTC), max_message_bytes=self._parts.limits.message_bytes)
        sent = lifted_if_there(Body((await self._body(request),), {}, True, 0), sources[source].at)
        if not sent.is_single:
            raise BadRequest("the body must hold one message")
        read = read_event(sent.messages[0], context, validator=self._parts.validator, new_id=self._parts.new_id)
        result: JsonObject = {"source": source, "version": ruleset.version, "problems": [], "mapped": None}
        if isinstance(read, Rejection):
            problems = [{"pointer": p.pointer, "keyword": p.keyword, "message": p.message} for p in read.problems]
            return json_response({**result, "problems": problems})
        return json_response(
            {**result, "mapped": explain.as_json(ruleset.render(read), ruleset.hint(read), read.warnings)}
        )

    # -- looking ---------------------------------------------------------------------------------------------------

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A page of what arrived, newest first."""
        wanted = params.events(_query(request))
        return json_response(await self._ask(lambda console: console.events(wanted)))

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """What is new."""
        given = params.read(_query(request), {"after": params.cursor, "watch": params.watched})
        return json_response(await self._ask(lambda console: console.tail(given.get("after"), given.get("watch", ()))))

    async def event(self, request: web.Request) -> web.StreamResponse:
        """All about one event."""
        ident = _ident(request)
        return _found(await self._ask(lambda console: console.event(ident)))

    async def where(self, request: web.Request) -> web.StreamResponse:
        """Where one message is."""
        ident = _ident(request)
        return _found(await self._ask(lambda console: console.where(ident)))

    async def deletions(self, request: web.Request) -> web.StreamResponse:
        """Whose data platforms asked to delete, newest first."""
        given = params.read(_query(request), {"user": params.text, "limit": params.limit})
        return json_response(await self._ask(lambda console: console.deletions(**given)))

    async def dead(self, request: web.Request) -> web.StreamResponse:
        """A page of what did not get through, oldest first."""
        given = params.read(_query(request), {"cause": params.text, "limit": params.limit, "after": params.cursor})
        return json_response(await self._ask(lambda console: console.dead(**given)))

    async def causes(self, request: web.Request) -> web.StreamResponse:
        """Why it did not, most frequent first."""
        limit = params.read(_query(request), {"limit": params.limit}).get("limit", 100)
        return json_response(await self._ask(lambda console: console.causes(limit=limit)))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """The letters as a stream of lines, read as fast as they are taken."""
        cause = params.read(_query(request), {"cause": params.text}).get("cause")
        with ExitStack() as stack:
            # Open from page to page, but nothing is read meanwhile, so the service's log can be emptied.
            opening = self._opened()
            console = await self._in_thread(lambda: stack.enter_context(opening))
            export = await self._in_thread(lambda: console.export(cause))
            headers = {**_EXPORT_HEADERS, hdrs.SERVER: SERVER, "X-Left-Out": str(export.left_out)}
            if request.method == hdrs.METH_HEAD:
                return web.Response(headers=headers)
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            try:
                while (lines := await self._in_thread(lambda: next(export.pages, None))) is not None:
                    await response.write(b"".join(lines))
            except QueueError:
                # What was sent so far must not look whole.
                if request.transport is not None:
                    request.transport.abort()
            return response

    # -- changing --------------------------------------------------------------------------------------------------

    async def requeue(self, request: web.Request) -> web.StreamResponse:
        """Make them pending again."""
        which, dry_run = params.which(await self._change(request), unmatched=True)
        return json_response(await self._ask(lambda console: console.requeue(which, dry_run=dry_run)))

    async def discard(self, request: web.Request) -> web.StreamResponse:
        """Forget them for good."""
        which, dry_run = params.which(await self._change(request), unmatched=False)
        return json_response(await self._ask(lambda console: console.discard(which, dry_run=dry_run)))

    async def purge(self, request: web.Request) -> web.StreamResponse:
        """Take a user's data away."""
        user, dry_run = params.user(await self._change(request))
        return json_response(await self._ask(lambda console: console.purge(user, dry_run=dry_run)))

    # -- what they share -------------------------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            refusal = self._parts.guard.refusal(request)
            if refusal is not None:
                return refusal
            try:
                return await handler(request)
            except BadRequest as exc:
                return error_response(400, "invalid_request", str(exc))
            except _Refused as exc:
                return exc.response
            except (QueueError, ConfigError) as exc:
                return error_response(503, "queue_failed", str(exc), headers={hdrs.RETRY_AFTER: "5"})

        return guarded

    def _opened(self) -> AbstractContextManager[Console]:
        return self._parts.open_console()

    async def _ask(self, work: Callable[[Console], T]) -> T:
        opening = self._opened()

        def opened() -> T:
            with opening as console:
                return work(console)

        return await self._in_thread(opened)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        async with self._free:
            return await asyncio.to_thread(work)

    async def _change(self, request: web.Request) -> JsonObject:
        params.read(_query(request), {})
        return await self._body(request)

    async def _body(self, request: web.Request) -> JsonObject:
        """The one JSON object that the body must be."""
        brought = await self._bodies.arrived(request)
        if isinstance(brought, Response):
            raise _Refused(web.Response(status=brought.status, body=brought.body, headers=brought.headers))
        if isinstance(brought.body, Body) and brought.body.is_single:
            [message] = brought.body.messages
            if isinstance(message, dict):
                return message
        raise BadRequest("the body must be one JSON object")


def _query(request: web.Request) -> list[tuple[str, str]]:
    return list(request.query.items())


def _ident(request: web.Request) -> str:
    return str(params.read(_query(request), {"id": params.text}, needed=("id",))["id"])


def _found(found: JsonObject) -> web.Response:
    if found["found"]:
        return json_response(found)
    return error_response(404, "not_kept", "nothing is kept under this id; finished events go after retention.history")

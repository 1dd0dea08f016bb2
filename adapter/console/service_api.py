"""The operations about the service: its state, its active mappings, what a message would become."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from adapter.console import params
from adapter.console.params import BadRequest
from adapter.console.requests import Requests, query
from adapter.http.json_api import Operations, error_response, json_response
from adapter.ingest.context import RequestContext
from adapter.ingest.decode import Body
from adapter.ingest.envelope import lifted_if_there
from adapter.ingest.limits import RequestLimits
from adapter.ingest.read import NewId, read_event
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.mapping import explain
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import JsonObject, Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeps:
    """What these operations need of the service.

    `summary` and `mappings` return the state of the service, `ruleset_of` the active mapping of one of `sources`.
    """

    summary: Callable[[], Awaitable[JsonObject]]
    mappings: Callable[[], list[JsonObject]]
    ruleset_of: Callable[[str], Ruleset]
    sources: Mapping[str, Source]
    validator: Validator
    limits: RequestLimits
    new_id: NewId


class ServiceApi:
    """See the module."""

    def __init__(self, deps: ServiceDeps, requests: Requests) -> None:
        self._deps = deps
        self._requests = requests

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/summary": {"GET": self.summary},
            "/mappings": {"GET": self.mappings},
            "/explain": {"POST": self.explain},
        }

    async def summary(self, request: web.Request) -> web.StreamResponse:
        """The operator's `/readyz`, and the mappings."""
        params.read(query(request), {})
        return json_response(await self.now())

    async def mappings(self, request: web.Request) -> web.StreamResponse:
        """The active mapping of each source, and what is wrong with its file."""
        params.read(query(request), {})
        return json_response(self.active_mappings())

    async def now(self) -> JsonObject:
        """The body of `GET /api/summary`."""
        return {**await self._deps.summary(), "mapping_files": self._deps.mappings()}

    def active_mappings(self) -> JsonObject:
        """The body of `GET /api/mappings`."""
        return {"mappings": self._deps.mappings()}

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """What a message would become if a webhook brought it now. Stores and sends nothing."""
        sources = self._deps.sources
        only = next(iter(sources)) if len(sources) == 1 else ""
        source = str(params.read(query(request), {"source": params.text}).get("source", only))
        if source not in sources:
            return error_response(404, "no_such_source", f"source: one of {', '.join(sources)}")
        ruleset = self._deps.ruleset_of(source)
        context = RequestContext(sources[source], datetime.now(UTC), max_message_bytes=self._deps.limits.message_bytes)
        sent = lifted_if_there(Body((await self._requests.body(request),), {}, True, 0), sources[source].at)
        if not sent.is_single:
            raise BadRequest("the body must hold one message")
        read = read_event(sent.messages[0], context, validator=self._deps.validator, new_id=self._deps.new_id)
        result: JsonObject = {"source": source, "version": ruleset.version, "problems": [], "mapped": None}
        if isinstance(read, Rejection):
            problems = [{"pointer": p.pointer, "keyword": p.keyword, "message": p.message} for p in read.problems]
            return json_response({**result, "problems": problems})
        return json_response(
            {**result, "mapped": explain.as_json(ruleset.render(read), ruleset.hint(read), read.warnings)}
        )

"""The operations on mapping files: read, check and compare a draft, activate it, and read the history.

A check, a preview and a comparison send nothing and store nothing.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from adapter.bundled import bundled
from adapter.console import params
from adapter.console.audit import Audit
from adapter.console.console import MAX_PAGE, QueueConsole
from adapter.console.cross_origin import request_scheme
from adapter.console.drafts import MAX_COMPARED, MAX_PREVIEWED, checked_json
from adapter.console.editing import EditPolicy
from adapter.console.mapping_store import MappingStore, NotWritten
from adapter.console.params import BadRequest
from adapter.console.requests import EarlyReply, Requests, query
from adapter.console.turns import alone
from adapter.http.client_address import Network, client
from adapter.http.json_api import Operations, error_response, json_response
from adapter.model import JsonObject

MAX_MAPPING_BYTES: Final = 1_000_000
_MAX_MESSAGES: Final = 5
_TOO_MUCH: Final = f"a mapping has at most {MAX_MAPPING_BYTES} bytes"


class MappingApi:
    """See the module."""

    def __init__(
        self,
        store: MappingStore,
        requests: Requests,
        trusted_proxies: Sequence[Network],
        *,
        policy: EditPolicy,
        audit: Audit,
    ) -> None:
        self._audit = audit
        self._store = store
        self._policy = policy
        self._requests = requests
        self._trusted_proxies = trusted_proxies

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/mapping": {"GET": self.show, "PUT": self.write},
            "/mapping/check": {"POST": alone("check", self.check)},
            "/mapping/compare": {"POST": alone("comparison", self.compare)},
            "/mapping/history": {"GET": self.history},
            "/mapping/version": {"GET": self.version},
            "/mapping/schema": {"GET": self.schema},
        }

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The file of a source as it is on disk, and the active mapping."""
        source = self._source(params.read(query(request), {"source": params.text}))
        shown = await self._requests.in_thread(partial(self._store.show, source))
        why_off = self._why_off(request)
        response = json_response(shown | ({} if why_off is None else {"writable": False, "whyNot": why_off}))
        response.headers[hdrs.ETAG] = shown["etag"]
        return response

    async def schema(self, request: web.Request) -> web.StreamResponse:
        """The JSON Schema of mappings."""
        params.read(query(request), {})
        found: JsonObject = orjson.loads(bundled("schemas/adapter/mapping.json").read_bytes())
        return json_response(found)

    async def check(self, request: web.Request) -> web.StreamResponse:
        """The findings of a draft, the results of its tests, and what it makes of events."""
        body = await self._requests.change(request)
        source, text = self._draft_of(body, {"events", "messages"})
        ids, messages = _ids(body), _messages(body)
        began_s = perf_counter()

        def work(console: QueueConsole) -> JsonObject:
            draft = self._store.draft(source, text=text)
            events = [
                *console.recorded(ids),
                *((f"message {n}", self._store.read(each)) for n, each in enumerate(messages, 1)),
            ]
            return checked_json(draft, events, began_s=began_s)

        return json_response(await self._requests.ask(work))

    async def compare(self, request: web.Request) -> web.StreamResponse:
        """What a draft would do to recorded events, one page at a time."""
        body = await self._requests.change(request)
        source, text = await self._compared_of(body, {"since", "limit", "before"})
        since = params.instant(body["since"]) if "since" in body else None
        limit, before = body.get("limit", MAX_COMPARED), body.get("before", "0")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= MAX_COMPARED:
            raise BadRequest(f"limit: a number from 1 to {MAX_COMPARED}")
        if not isinstance(before, str) or not before.isascii() or not before.isdigit() or len(before) > 18:
            raise BadRequest("before: what an earlier answer gave as `next`")
        start = before if "before" in body else None

        def work(console: QueueConsole) -> JsonObject | None:
            draft = self._store.draft(source, text=text)
            if draft.examined.compiled is None:
                return None
            return console.compared(draft, since=since, before=start, limit=limit)

        found = await self._requests.ask(work)
        if found is None:
            return error_response(422, "does_not_check", "the draft has errors: check it first")
        return json_response(found)

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Replace the file and activate it, if it was not changed since it was read and has no errors."""
        given = params.read(query(request), {"source": params.text, "rollback": params.number})
        etag = request.headers.get(hdrs.IF_MATCH)
        if etag is None:
            return error_response(
                428, "precondition_required", "send If-Match with the `etag` that GET /api/mapping gave"
            )
        source = self._source(given)
        why_off = self._why_off(request)
        if why_off is not None:
            return error_response(409, "not_writable", f"this file cannot be written here: {why_off}")
        raw = await self._raw(request)
        address = client(request, self._trusted_proxies) or "unknown address"
        rollback = given.get("rollback")
        by = f"console {address}" if rollback is None else f"rollback of {rollback}, console {address}"
        write = partial(self._store.write, source, raw, etag=etag, by=by, loop=asyncio.get_running_loop())
        written = await self._requests.in_thread(write)
        if isinstance(written, NotWritten):
            facts = await self._by_history(source, written.facts)
            return error_response(written.status, written.code, written.message, **facts)
        self._audit.written(request, file=written.file, version=written.version)
        replicas = {"replicas": written.replicas} if written.replicas else {}
        response = json_response({"version": written.version, "etag": written.etag, **replicas})
        response.headers[hdrs.ETAG] = written.etag
        return response

    async def history(self, request: web.Request) -> web.StreamResponse:
        """The activations of a source's file, newest first."""
        given = params.read(query(request), {"source": params.text, "limit": params.limit, "before": params.number})
        source, limit = self._source(given), given.get("limit", 50)
        return json_response(
            await self._requests.ask(
                lambda console: console.mapping_history(source, limit=limit, before=given.get("before"))
            )
        )

    async def version(self, request: web.Request) -> web.StreamResponse:
        """One activation with its text."""
        given = params.read(query(request), {"source": params.text, "id": params.number}, needed=("id",))
        source, id_ = self._source(given), given["id"]
        found = await self._requests.ask(lambda console: console.mapping_version(source, id_))
        return (
            json_response(found)
            if found
            else error_response(404, "not_kept", "there is no such activation in the history")
        )

    async def _by_history(self, source: str, facts: JsonObject) -> JsonObject:
        """The author and time of the activation of the text on disk, if the history has it."""
        if "by" not in facts:
            return facts
        found = await self._requests.ask(lambda console: console.mapping_history(source, limit=MAX_PAGE))
        known = (row for row in found["versions"] if f'"{row["digest"]}"' == facts["etag"] and row["version"])
        row = next(known, facts)
        return {**facts, "by": row["by"], "at": row["at"]}

    # -- what they share -------------------------------------------------------------------------------------------

    def _why_off(self, request: web.Request) -> str | None:
        return self._policy.why_not(scheme=request_scheme(request, self._trusted_proxies))

    def _source(self, given: JsonObject) -> str:
        only = self._store.sources[0] if len(self._store.sources) == 1 else ""
        source = str(given.get("source", only))
        if source not in self._store.sources:
            allowed = f"source: one of {', '.join(self._store.sources)}"
            raise EarlyReply(error_response(404, "no_such_source", allowed))
        return source

    async def _compared_of(self, body: JsonObject, more: set[str]) -> tuple[str, str]:
        """As `_draft_of`; instead of a text, a draft may be a `version` of the history."""
        if "version" not in body:
            return self._draft_of(body, {"version", *more})
        version = body["version"]
        if not isinstance(version, str) or "text" in body:
            raise BadRequest("version: of the history, instead of text")
        source, _ = self._draft_of({**body, "text": ""}, {"version", *more})
        text = await self._requests.ask(lambda console: console.mapping_text(source, version=version))
        if text is None:
            raise EarlyReply(error_response(404, "not_kept", "the history of this file has no such version"))
        return source, text

    def _draft_of(self, body: JsonObject, more: set[str]) -> tuple[str, str]:
        known = {"source", "text", *more}
        if not body.keys() <= known:
            raise BadRequest(f"the body takes {', '.join(sorted(known))}, and no other name")
        source, text = body.get("source", ""), body.get("text")
        if not isinstance(text, str):
            raise BadRequest("text: the text of a mapping")
        if len(text) > MAX_MAPPING_BYTES:
            raise EarlyReply(error_response(413, "too_large", _TOO_MUCH))
        if not isinstance(source, str):
            raise BadRequest("source: the name of a source")
        return self._source({"source": source} if "source" in body else {}), text

    async def _raw(self, request: web.Request) -> bytes:
        raw = b""
        async for chunk in request.content.iter_chunked(1 << 16):
            raw += chunk
            if len(raw) > MAX_MAPPING_BYTES:
                raise EarlyReply(error_response(413, "too_large", _TOO_MUCH))
        return raw


def _ids(body: JsonObject) -> list[str]:
    ids = body.get("events", [])
    if not isinstance(ids, list) or len(ids) > MAX_PREVIEWED or not all(isinstance(each, str) for each in ids):
        raise BadRequest(f"events: a list of at most {MAX_PREVIEWED} event ids")
    return ids


def _messages(body: JsonObject) -> list[dict[str, Any]]:
    messages = body.get("messages", [])
    if not isinstance(messages, list) or len(messages) > _MAX_MESSAGES:
        raise BadRequest(f"messages: a list of at most {_MAX_MESSAGES} messages")
    if not all(isinstance(each, dict) for each in messages):
        raise BadRequest("messages: each is a JSON object")
    return messages

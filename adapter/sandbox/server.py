"""A stand-in for Browsee: the documented endpoints with the documented checks, and an API that shows what arrived.

    POST /api/v1/track  /api/v1/identify    200 success · 400 failure with a message · 429 beyond the limit · the script
    GET  /calls?after=N&limit=N&user=U&event=E&status=S&newest_first=true      what arrived, as JSON
    GET  /summary                           how many, by kind, status and event
    DELETE /calls                           delete them
    PUT  /limit                             answer 429 beyond the limit in the body (20/s, 1200/m); empty: no limit

A call is answered only after it is recorded. Never shows a key, and makes no connections.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from adapter.errors import ConfigError
from adapter.model import JsonObject, Kind
from adapter.sandbox.checks import Checks
from adapter.sandbox.limit import CallBucket, CallLimit
from adapter.sandbox.recording import Received, Recording, Wanted, project_of
from adapter.sandbox.script import Script, ScriptRule
from adapter.wire.notice import NOTICE_HEADERS, notice_page, wants_page

_SUCCESS = b'{"status":"success"}'
_NOT_HERE = "there is nothing at this path: this port is the stand-in for Browsee, which takes its calls"
_MAX_PAGE_OF_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class SandboxReply:
    """The answer to a call, and its delay. `status` 0 closes the connection instead."""

    status: int
    body: bytes
    message: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


_ACCEPTED = SandboxReply(200, _SUCCESS)


class Sandbox:
    """Checks calls and records them. `schemas` has the schemas of track and identify calls.

    `script` and `limit` may be changed while it runs. `console_url` is the address of the console beside it, "" if it
    runs alone or the address is not known.
    """

    def __init__(self, *, recording: Recording, schemas: Mapping[Kind, JsonObject], retry_after: bool = False) -> None:
        self.script = Script()
        self.console_url = ""
        self.recording = recording
        self._checks = Checks(schemas)
        self._retry_after = retry_after
        self._bucket: CallBucket | None = None
        self._limit: CallLimit | None = None

    @property
    def limit(self) -> CallLimit | None:
        """The limit beyond which it answers 429; None without a limit."""
        return self._limit

    def set_limit(self, limit: CallLimit | None) -> None:
        """Answer 429 beyond `limit` from now on; None for no limit."""
        self._limit = limit
        self._bucket = None if limit is None else CallBucket(limit, now_s=time.monotonic())

    async def take(self, kind: Kind, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        body = _decoded(await request.read())
        known = body if isinstance(body, dict) else {}
        event = _text(known.get("event"))
        user = _text(known.get("userId")) or _text(known.get("anonymousId"))
        rule = self.script.answer(kind=kind, event=event, user=user)
        reply = self._reply(kind, body, rule)
        await self.recording.add(
            Received(
                number=self.recording.next_number(),
                at_s=time.time(),
                kind=kind,
                event=event,
                user=user,
                project=project_of(known.get("apiKey")),
                status=reply.status,
                message=reply.message,
                body=orjson.dumps({name: value for name, value in known.items() if name != "apiKey"}),
            )
        )
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(
            status=reply.status or 500, body=reply.body, content_type=reply.content_type, headers=reply.headers
        )

    def _reply(self, kind: Kind, body: Any, rule: ScriptRule | None) -> SandboxReply:
        if rule is not None and rule.drop:
            return SandboxReply(0, b"", "dropped by the script", delay_s=rule.delay_s)
        if rule is not None and rule.status is not None:
            return _scripted(rule, rule.status)
        delay_s = 0.0 if rule is None else rule.delay_s
        wait_s = 0.0 if self._bucket is None else self._bucket.take(time.monotonic())
        if wait_s > 0:
            headers = {"Retry-After": str(math.ceil(wait_s))} if self._retry_after else {}
            return _failure(429, "too many requests", headers=headers, delay_s=delay_s)
        problem = self._checks.problem(kind, body)
        if problem is not None:
            return _failure(400, problem, delay_s=delay_s)
        return _ACCEPTED if not delay_s else SandboxReply(200, _SUCCESS, delay_s=delay_s)


def build(sandbox: Sandbox) -> web.Application:
    """The application to serve; it closes the sandbox's recording when it ends."""

    @web.middleware
    async def explain_unknown_paths(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _unknown_path(request, sandbox.console_url)

    app = web.Application(client_max_size=1024 * 1024, middlewares=[explain_unknown_paths])
    api = _Api(sandbox.recording)

    async def track(request: web.Request) -> web.StreamResponse:
        return await sandbox.take("track", request)

    async def identify(request: web.Request) -> web.StreamResponse:
        return await sandbox.take("identify", request)

    async def limit(request: web.Request) -> web.Response:
        text = (await request.read()).decode("ascii", errors="replace").strip()
        try:
            sandbox.set_limit(CallLimit.parse(text) if text else None)
        except ConfigError as exc:
            return _json({"message": str(exc)}, status=400)
        return _json({"limit": text or None})

    async def close(_: web.Application) -> None:
        await sandbox.recording.close()

    app.router.add_post("/api/v1/track", track)
    app.router.add_post("/api/v1/identify", identify)
    app.router.add_get("/calls", api.calls)
    app.router.add_delete("/calls", api.forget)
    app.router.add_put("/limit", limit)
    app.router.add_get("/summary", api.summary)
    app.on_cleanup.append(close)
    return app


class _Api:
    """The API for people and for experiments."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    async def calls(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            wanted = Wanted(
                after=int(query.get("after", 0)),
                limit=max(0, min(int(query.get("limit", 100)), _MAX_PAGE_OF_CALLS)),
                user=query.get("user"),
                event=query.get("event"),
                status=int(query["status"]) if "status" in query else None,
                newest_first=query.get("newest_first") == "true",
            )
        except ValueError:
            return _json({"message": "after, limit and status are whole numbers"}, status=400)
        return _json([call.as_json() for call in await self._recording.read(wanted)])

    async def summary(self, _: web.Request) -> web.Response:
        return _json(self._recording.summary())

    async def forget(self, _: web.Request) -> web.Response:
        await self._recording.clear()
        return _json(self._recording.summary())


def _unknown_path(request: web.Request, console_url: str) -> web.Response:
    """What this port is, for a person who opened it, and for a program that uses a wrong path."""
    if not wants_page(request.method, accept=request.headers.get("Accept", "")):
        console = f", and the console is at {console_url}" if console_url else ""
        return _json({"message": f"{_NOT_HERE}; GET /calls shows what arrived{console}"}, status=404)
    link, label = (console_url, "Open the console") if console_url else ("/calls", "Show what arrived")
    return web.Response(status=404, body=notice_page(f"{_NOT_HERE}.", link=link, label=label), headers=NOTICE_HEADERS)


def _scripted(rule: ScriptRule, status: int) -> SandboxReply:
    headers = {} if rule.retry_after is None else {"Retry-After": rule.retry_after}
    if isinstance(rule.body, str):
        return SandboxReply(status, rule.body.encode(), "scripted", "text/html", headers, rule.delay_s)
    if rule.body is not None:
        return SandboxReply(status, orjson.dumps(rule.body), "scripted", headers=headers, delay_s=rule.delay_s)
    if status == HTTPStatus.OK:
        return SandboxReply(status, _SUCCESS, "scripted", headers=headers, delay_s=rule.delay_s)
    return _failure(status, "scripted", headers=headers, delay_s=rule.delay_s)


def _failure(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, delay_s: float = 0.0
) -> SandboxReply:
    body = orjson.dumps({"status": "failure", "message": message})
    return SandboxReply(status, body, message, headers=headers or {}, delay_s=delay_s)


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json", status=status)

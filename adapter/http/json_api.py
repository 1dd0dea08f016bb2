"""Answers for operators: JSON that is not cached, and errors with `code` and `message` as those of ingest."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import orjson
from aiohttp import hdrs, web

from adapter.http.responses import NOTHING_HERE
from adapter.model import JsonObject
from adapter.wire.notice import NOTICE_HEADERS, console_below, notice_page, wants_page

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Operations: TypeAlias = Mapping[str, Mapping[str, Handler]]
"""Handlers by path and method."""

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of answers that are not pages: a browser that shows one runs and frames nothing."""
DATA_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": API_POLICY,
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer with data of the service, whatever its type."""

_HEADERS = {"Content-Type": "application/json", **DATA_HEADERS}


def json_response(body: JsonObject, status: int = 200) -> web.Response:
    """`body` as an answer."""
    return web.Response(status=status, body=orjson.dumps(body), headers=_HEADERS)


def error_response(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> web.Response:
    """An error; `message` is for a person, `code` for a program."""
    body = {"success": False, "code": code, "message": message, **more}
    return web.Response(status=status, body=orjson.dumps(body), headers={**_HEADERS, **(headers or {})})


def nothing_else(prefix: str, *, has_console: bool) -> web.RouteDef:
    """The answer to every other path below `prefix`, with the headers of the rest; to be added last. A browser is shown
    the way to the console, if the listener has one.
    """

    async def missing(request: web.Request) -> web.Response:
        page = page_beside_console(request) if has_console else None
        return page or error_response(404, "not_found", NOTHING_HERE)

    return web.route(hdrs.METH_ANY, f"{prefix}/{{rest:.*}}", missing)


def page_beside_console(request: web.Request) -> web.Response | None:
    """The answer to an unknown path as a page with a link to the console; None for a program, which wants JSON."""
    if not wants_page(request.method, accept=request.headers.get(hdrs.ACCEPT, "")):
        return None
    page = notice_page(
        f"{NOTHING_HERE}. This port receives events; operators use the console.",
        link=console_below(request.rel_url.raw_path),
        label="Open the console",
    )
    return web.Response(status=404, body=page, headers=NOTICE_HEADERS)


def resource_routes(path: str, handlers: Mapping[str, Handler]) -> list[web.RouteDef]:
    """The routes of one path: its methods (HEAD with GET), and 405 for the rest."""
    allowed = ", ".join([*handlers, "HEAD"] if hdrs.METH_GET in handlers else handlers)

    async def wrong_method(_: web.Request) -> web.Response:
        return error_response(
            405, "method_not_allowed", "this path takes other methods: see Allow", headers={"Allow": allowed}
        )

    found = [web.route(method, path, handler) for method, handler in handlers.items()]
    return [*found, web.route(hdrs.METH_ANY, path, wrong_method)]

"""One request at a time: the others wait for their turn, and are answered 429 if it does not come."""

import asyncio
from typing import Final

from aiohttp import hdrs, web

from adapter.http.json_api import Handler, error_response

WAIT_S: Final = 5.0
"""Seconds that a request waits. A page asks again at every keystroke, and drops the answer to what it asked before."""


def alone(name: str, handler: Handler, *, wait_s: float = WAIT_S) -> Handler:
    """`handler` for one request at a time; `name` says in an error what is running. A request whose client has gone
    while it waited is not handled.
    """
    turn = asyncio.Lock()

    async def in_turn(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(wait_s):
                await turn.acquire()
        except TimeoutError:
            return error_response(429, "busy", f"another {name} is running", headers={hdrs.RETRY_AFTER: "1"})
        try:
            if request.transport is None or request.transport.is_closing():
                return error_response(408, "gone", "the client has closed the connection")
            return await handler(request)
        finally:
            turn.release()

    return in_turn

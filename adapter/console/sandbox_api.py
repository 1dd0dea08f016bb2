"""The operations of the sandbox: the calls and answers of its stand-in for Browsee, and how it answers.

A service without a stand-in answers 404 `no_sandbox`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from adapter.console import params
from adapter.console.params import BadRequest
from adapter.console.requests import Requests, query
from adapter.errors import ConfigError
from adapter.http.json_api import Operations, error_response, json_response
from adapter.model import JsonObject

MAX_CALLS = 200
_USUAL_CALLS = 50
_MAX_SCRIPT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCalls:
    """Which calls, newest first: of a user, of a name, numbered below `before`."""

    limit: int = _USUAL_CALLS
    before: int | None = None
    user: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxChange:
    """The changes: None leaves a setting; an empty `limit` or `script` removes it."""

    limit: str | None = None
    script: str | None = None
    clear: bool = False


class SandboxCalls(Protocol):
    """The running stand-in for Browsee."""

    async def calls(self, wanted: WantedCalls) -> list[JsonObject]:
        """A page of calls with their answers, newest first."""
        ...

    def state(self) -> JsonObject:
        """`calls`, `statuses`, `limit` and `script`."""
        ...

    async def change(self, wanted: SandboxChange) -> None:
        """Make all changes or none. Raises ConfigError if a limit or a script cannot be read."""
        ...


class SandboxApi:
    """See the module."""

    def __init__(self, sandbox: SandboxCalls | None, requests: Requests) -> None:
        self._sandbox = sandbox
        self._requests = requests

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/sandbox": {"GET": self.state, "PUT": self.change},
            "/sandbox/calls": {"GET": self.calls},
        }

    async def state(self, request: web.Request) -> web.StreamResponse:
        """How the stand-in answers, and how many calls it got."""
        params.read(query(request), {})
        return _no_sandbox() if self._sandbox is None else json_response(self._sandbox.state())

    async def calls(self, request: web.Request) -> web.StreamResponse:
        """A page of its calls, newest first."""
        known = {"limit": _limit, "before": _number, "user": params.text, "event": params.text}
        wanted = WantedCalls(**params.read(query(request), known))
        if self._sandbox is None:
            return _no_sandbox()
        found = await self._sandbox.calls(wanted)
        is_full = len(found) == wanted.limit
        return json_response({"calls": found, "next": found[-1]["id"] if is_full else None})

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Change the answers from now on, or reset the stand-in."""
        wanted = _change(await self._requests.change(request))
        if self._sandbox is None:
            return _no_sandbox()
        try:
            await self._sandbox.change(wanted)
        except ConfigError as exc:
            raise BadRequest(str(exc)) from None
        return json_response(self._sandbox.state())


def _no_sandbox() -> web.Response:
    return error_response(404, "no_sandbox", "this service delivers to Browsee: it runs without a sandbox")


def _change(body: JsonObject) -> SandboxChange:
    if body.keys() - {"limit", "script", "clear"} or not body:
        raise BadRequest("the body takes limit, script, clear, at least one of them and no other name")
    texts = {name: _text(body, name, most) for name, most in (("limit", 20), ("script", _MAX_SCRIPT)) if name in body}
    clear = body.get("clear", False)
    if not isinstance(clear, bool):
        raise BadRequest("clear: true or false")
    return SandboxChange(clear=clear, **texts)


def _text(body: JsonObject, name: str, most: int) -> str:
    value: Any = body[name]
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most or any("\ud800" <= char <= "\udfff" for char in value):
        raise BadRequest(f"{name}: text of at most {most} characters, or null for none")
    return value


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 9 and 0 < int(value) <= MAX_CALLS):
        raise BadRequest(f"a number from 1 to {MAX_CALLS}")
    return int(value)


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise BadRequest("what an earlier answer gave as `next`")
    return int(value)

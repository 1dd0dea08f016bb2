"""`/api/…`: what an operator asks and does, as JSON, for the token alone; `schemas/openapi.yaml` describes it.

The queue's file is looked at in threads, on connections of their own, so that no event waits for an operator. There is
no cookie and no CORS: a page elsewhere can neither borrow the operator's rights nor read an answer.
"""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import hdrs, web

from adapter.console.api_auth import ApiAuth
from adapter.console.params import BadRequest
from adapter.console.requests import EarlyReply
from adapter.errors import ConfigError, QueueError
from adapter.http.json_api import Handler, Operations, error_response, resource_routes


class OperationGroup(Protocol):
    """Some operations of the API."""

    def operations(self) -> Operations:
        """Handlers by path and method; the path is below the API's own."""
        ...


class Api:
    """The operations of all groups, behind `guard`."""

    def __init__(self, guard: ApiAuth, groups: Sequence[OperationGroup]) -> None:
        self._guard = guard
        self._groups = groups

    def routes(self) -> list[web.RouteDef]:
        """Every path of the API."""
        return [
            route
            for group in self._groups
            for path, handlers in group.operations().items()
            for route in resource_routes(
                f"/api{path}", {method: self._guarded(handler) for method, handler in handlers.items()}
            )
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            refusal = self._guard.refusal(request)
            if refusal is not None:
                return refusal
            try:
                return await handler(request)
            except BadRequest as exc:
                return error_response(400, "invalid_request", str(exc))
            except EarlyReply as exc:
                return exc.response
            except (QueueError, ConfigError) as exc:
                return error_response(503, "queue_failed", str(exc), headers={hdrs.RETRY_AFTER: "5"})

        return guarded

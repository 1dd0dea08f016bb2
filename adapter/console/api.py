"""The operators' API, as JSON; `schemas/openapi.yaml` describes it.

The queue is read in threads, on connections of their own, so that no event waits for an operator. `/api` accepts the
token alone: no cookie and no CORS, so a page elsewhere can neither borrow the operator's rights nor read an answer.
`/console/api` accepts the session alone, behind the guard of `cross_origin`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from aiohttp import hdrs, web

from adapter.console.requests import answered
from adapter.errors import AdapterError, ConfigError, MappingError, MappingFileMissingError, QueueError
from adapter.http.json_api import Handler, Operations, error_response, resource_routes

Refusal: TypeAlias = Callable[[web.Request], Awaitable[web.Response | None]]
"""Why a request is refused; None if it is allowed."""

_FAILED: Final[Mapping[type[AdapterError], str]] = {
    QueueError: "queue_failed",
    MappingError: "mapping_failed",
    ConfigError: "config_failed",
}
"""The code of an error that only the operator of the machine can fix."""


class OperationGroup(Protocol):
    """Some operations of the API."""

    def operations(self) -> Operations:
        """Handlers by path and method; the path is below the API's own."""
        ...


class Api:
    """The operations of all groups. They are served twice: at `/api`, for the admin token, and at `/console/api`, for a
    session of the console.
    """

    def __init__(self, groups: Sequence[OperationGroup]) -> None:
        self._groups = groups

    def routes(self, prefix: str, refusal: Refusal) -> list[web.RouteDef]:
        """Every path below `prefix`; `refusal` returns the answer to a request that is not allowed."""
        return [
            route
            for group in self._groups
            for path, handlers in group.operations().items()
            for route in resource_routes(
                f"{prefix}{path}", {method: _guarded(handler, refusal) for method, handler in handlers.items()}
            )
        ]


def _guarded(handler: Handler, refusal: Refusal) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        refused = await refusal(request)
        if refused is not None:
            return refused
        try:
            return await answered(handler, request)
        except MappingFileMissingError as exc:
            return error_response(404, "no_mapping_file", str(exc))
        except (QueueError, ConfigError) as exc:
            code = next(code for kind, code in _FAILED.items() if isinstance(exc, kind))
            return error_response(503, code, str(exc), headers={hdrs.RETRY_AFTER: "5"})

    return guarded

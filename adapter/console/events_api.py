"""The operations that read events: pages, one event, where it is, what is new, deletion requests."""

from aiohttp import web

from adapter.console import params
from adapter.console.requests import Requests, query
from adapter.http.json_api import Operations, error_response, json_response
from adapter.model import JsonObject


class EventsApi:
    """See the module."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/events": {"GET": self.events},
            "/events/export": {"GET": self.export},
            "/event": {"GET": self.event},
            "/where": {"GET": self.where},
            "/tail": {"GET": self.tail},
            "/deletions": {"GET": self.deletions},
        }

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A page of events and rejections, newest first."""
        wanted = params.events(query(request))
        return json_response(await self._requests.ask(lambda console: console.events(wanted)))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """The events with their messages as a stream of lines, newest first."""
        given = params.read(query(request), {"source": params.text, "since": params.instant})
        return await self._requests.lines(request, lambda console: console.export_events(**given))

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """Events that are new."""
        given = params.read(query(request), {"after": params.cursor, "watch": params.watched})
        return json_response(
            await self._requests.ask(lambda console: console.tail(given.get("after"), given.get("watch", ())))
        )

    async def event(self, request: web.Request) -> web.StreamResponse:
        """Everything about one event."""
        id_ = _id(request)
        return _found(await self._requests.ask(lambda console: console.event(id_)))

    async def where(self, request: web.Request) -> web.StreamResponse:
        """Where one message is."""
        id_ = _id(request)
        return _found(await self._requests.ask(lambda console: console.where(id_)))

    async def deletions(self, request: web.Request) -> web.StreamResponse:
        """Requests of platforms to delete a user's data, newest first."""
        given = params.read(query(request), {"user": params.text, "limit": params.limit})
        return json_response(await self._requests.ask(lambda console: console.deletions(**given)))


def _id(request: web.Request) -> str:
    return str(params.read(query(request), {"id": params.text}, needed=("id",))["id"])


def _found(found: JsonObject) -> web.Response:
    if found["found"]:
        return json_response(found)
    return error_response(404, "not_kept", "nothing is kept under this id; finished events go after retention.history")

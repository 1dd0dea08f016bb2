"""The operations about sources (state, keys), the settings in force, and the names of events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from adapter.console import params
from adapter.console.console import QueueConsole
from adapter.console.last_events import LastLook
from adapter.console.params import BadRequest
from adapter.console.requests import Requests, query
from adapter.http.json_api import Operations, error_response, json_response
from adapter.model import JsonObject


class KeyOf(Protocol):
    """Finds a key of a source by its name."""

    def __call__(self, source: str, *, name: str) -> str | None: ...


class KeyShownTo(Protocol):
    """Called when the key of that name was shown."""

    def __call__(self, request: web.Request, *, source: str, key: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesDeps:
    """What these operations need of the service.

    `sources` returns the state of each source but for its last event; `key` a key of a source in full, by its name,
    None if there is none; `refuse_token` why a token in a body is not accepted; `shown` is called when a key was shown.
    """

    sources: Callable[[], list[JsonObject]]
    has_own_address: bool
    settings: Callable[[], JsonObject]
    key: KeyOf
    refuse_token: Callable[[str, web.Request], web.Response | None]
    shown: KeyShownTo


class SourcesApi:
    """See the module."""

    def __init__(self, deps: SourcesDeps, requests: Requests) -> None:
        self._deps = deps
        self._requests = requests
        self._looks: dict[str, LastLook] = {}

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/sources": {"GET": self.sources},
            "/sources/key": {"POST": self.key},
            "/settings": {"GET": self.settings},
            "/names": {"GET": self.names},
        }

    async def sources(self, request: web.Request) -> web.StreamResponse:
        """Each source: its settings, its last event, its refusals."""
        params.read(query(request), {})
        sources = self._deps.sources()
        newest = await self._requests.ask(lambda console: [self._last_entry(console, each["name"]) for each in sources])
        shown = [source | {"lastEvent": last} for source, last in zip(sources, newest, strict=True)]
        return json_response({"sources": shown, "adminListen": self._deps.has_own_address})

    def _last_entry(self, console: QueueConsole, source: str) -> JsonObject | None:
        entry, self._looks[source] = console.last_entry(source, self._looks.get(source))
        return entry

    async def key(self, request: web.Request) -> web.StreamResponse:
        """A key in full; the request must contain the admin token again."""
        body = await self._requests.change(request)
        if body.keys() != {"source", "key", "token"} or not all(isinstance(value, str) for value in body.values()):
            raise BadRequest("the body takes source, key and token, all of them texts")
        refused = self._deps.refuse_token(body["token"], request)
        if refused is not None:
            return refused
        key = self._deps.key(body["source"], name=body["key"])
        if key is None:
            return error_response(404, "no_such_key", "no source of this name has a key of this name")
        self._deps.shown(request, source=body["source"], key=body["key"])
        return json_response({"key": key})

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """The settings in force, and where each comes from; no secret."""
        params.read(query(request), {})
        return json_response(self._deps.settings())

    async def names(self, request: web.Request) -> web.StreamResponse:
        """The names of the events on a page."""
        given = params.read(query(request), {"source": params.text, "since": params.instant, "before": params.cursor})
        return json_response(await self._requests.ask(lambda console: console.names(**given)))

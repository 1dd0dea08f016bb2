"""Logs what an operator changed, and from which address: how many, never which user or what value."""

from collections.abc import Sequence
from typing import TypeAlias

from aiohttp import web

from adapter.http.client_address import Network, client
from adapter.model import JsonObject
from adapter.observe.console_telemetry import DeadLettersDiscarded, EventsRequeued, MappingWritten, UserErased
from adapter.observe.observer import Emit

CountedChange: TypeAlias = type[EventsRequeued | DeadLettersDiscarded | UserErased]


class Audit:
    """`trusted_proxies` determine the operator's address."""

    def __init__(self, emit: Emit, trusted_proxies: Sequence[Network]) -> None:
        self._emit = emit
        self._trusted_proxies = trusted_proxies

    def changed(self, request: web.Request, kind: CountedChange, result: JsonObject) -> None:
        """Events and rejections, in the numbers of the answer `result`."""
        self._emit(kind(address=self._address(request), events=result["events"], rejections=result["rejections"]))

    def written(self, request: web.Request, *, file: str, version: str) -> None:
        """A mapping file."""
        self._emit(MappingWritten(address=self._address(request), file=file, version=version))

    def _address(self, request: web.Request) -> str:
        return client(request, self._trusted_proxies) or ""

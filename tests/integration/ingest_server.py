"""Ingest on a real socket before a queue in memory that can be made to fail or to wait."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

from adapter.http.limits import ConnectionLimits
from adapter.http.serving import serve
from adapter.ingest.denials import Denials
from adapter.ingest.intake import IngestDeps
from adapter.ingest.limits import RequestLimits
from adapter.ingest.routes import routes
from adapter.ingest.sources import Source
from adapter.model import Event, Rejection, Secret
from adapter.observe.ingest_telemetry import ConnectionTelemetry
from adapter.observe.observer import Observer
from adapter.observe.telemetry import Telemetry
from adapter.queue.contract import Queue, Stored
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import RECEIVED_AT, FakeClock
from tests.unit.ingest.schemas import event_validator

SHOP = Source("shop", (Secret("shop-key"), Secret("shop-key-old")))
SIGNED = Source("signed", (Secret("signed-key"),), signing_secrets=(Secret("s-old"), Secret("s-new")))
VALIDATOR = event_validator()
NOTHING = Stored(0, 0, 0, 0)


@dataclass(slots=True)
class RecordingInbox:
    """A queue in memory that shows what was put; fails with `failure`, and waits while `gate` is closed.

    `sizes` are the events of each put, from the moment when it was asked for.
    """

    queue: Queue = field(default_factory=lambda: SimulatedQueue(now=FakeClock()))
    events: list[Event] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    totals: Stored = NOTHING
    failure: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        self.waiting.set()
        self.sizes.append(len(events))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        stored = await self.queue.put(events, rejections)
        self.events += events
        self.rejections += rejections
        pairs = zip(_terms(self.totals), _terms(stored), strict=True)
        self.totals = Stored(*(one + other for one, other in pairs))
        return stored

    async def probe(self) -> None:
        await self.queue.probe()


def _terms(stored: Stored) -> tuple[int, int, int, int]:
    return stored.stored, stored.duplicates, stored.differing, stored.rejected


@dataclass(slots=True)
class Served:
    """A running ingest: where it is, and what came of it."""

    url: str
    port: int
    inbox: RecordingInbox
    session: aiohttp.ClientSession
    clock: FakeClock
    telemetry: list[Telemetry] = field(default_factory=list)
    emitted: asyncio.Event = field(default_factory=asyncio.Event)
    observer: Observer = field(default_factory=Observer)
    denials: Denials = field(default_factory=Denials)
    is_draining: bool = False

    def emit(self, telemetry: Telemetry) -> None:
        self.telemetry.append(telemetry)
        self.emitted.set()

    async def send(self, method: str, path: str, **more: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers of one request; redirects are not followed."""
        async with self.session.request(method, self.url + path, allow_redirects=False, **more) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            said = await response.json() if response.content_length else None
            return response.status, said, headers

    async def raw(self, sent: bytes) -> bytes:
        """What is answered to bytes of any kind, until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        answered = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answered


@asynccontextmanager
async def serving(
    *sources: Source,
    limits: RequestLimits | None = None,
    connections: ConnectionLimits | None = None,
    trusted_proxies: Sequence[Any] = (),
    beside: Sequence[web.RouteDef] = (),
) -> AsyncIterator[Served]:
    """Ingest of `sources` (shop and signed if none is given) on a free port, with the routes `beside` it."""
    ids = itertools.count(1)
    clock = FakeClock()
    async with aiohttp.ClientSession() as session:
        served = Served("", 0, RecordingInbox(), session, clock)
        parts = IngestDeps(
            inbox=served.inbox,
            sources=sources or (SHOP, SIGNED),
            validator=VALIDATOR,
            emit=served.emit,
            clock=lambda: datetime.fromtimestamp(clock(), RECEIVED_AT.tzinfo),
            monotonic_s=clock,
            new_id=lambda: f"made-{next(ids)}",
            histogram=served.observer.histogram,
            is_draining=lambda: served.is_draining,
            denials=served.denials,
            limits=limits or RequestLimits(),
            trusted_proxies=trusted_proxies,
        )
        app = web.Application()
        app.add_routes(routes(parts))
        app.add_routes(beside)
        async with AsyncExitStack() as stack:
            served.url = await serve(
                stack,
                app,
                host="127.0.0.1",
                port=0,
                limits=connections or ConnectionLimits(),
                events=ConnectionTelemetry(served.emit),
                shutdown_s=60.0,
            )
            served.port = int(served.url.rpartition(":")[2])
            yield served

"""Builds every part of the service from the settings. The only module that knows all parts; `app` runs them.

`Wiring` has the parts that tests and the reliability kit replace. A part is built with everything it needs.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import orjson
from aiohttp import web

from adapter.bundled import bundled
from adapter.console.api_auth import RateLimits
from adapter.console.requests import OpenConsole
from adapter.deliver.browsee import Browsee
from adapter.deliver.delivery import Delivery, RetryFor
from adapter.deliver.pace import PaceConfig
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.renderer import Renderer
from adapter.deliver.worker import Worker
from adapter.errors import ConfigError, QueueFull
from adapter.http.limits import ConnectionLimits
from adapter.http.serving import serve
from adapter.ingest.denials import Denials
from adapter.ingest.refusals import Refusals
from adapter.model import JsonObject, Kind, Secret
from adapter.observe.ingest_telemetry import ConnectionTelemetry
from adapter.observe.observer import Emit, Observer
from adapter.observe.service_telemetry import QueueFullAtStart
from adapter.queue import backends
from adapter.queue.contract import Inbox, Queue
from adapter.queue.records import QueueOptions
from adapter.sandbox.recording import Recording
from adapter.sandbox.server import Sandbox, build
from adapter.service import mappings
from adapter.service.applications import make_applications, make_ingest
from adapter.service.mappings import Active
from adapter.service.monitor import Monitor, Watched, project_id
from adapter.service.operators import USUAL, console_of, retention_of
from adapter.service.readiness import Count, Observed, Readiness
from adapter.service.report import pause_texts
from adapter.service.sandbox import RunningSandbox, console_url, stand_in_port
from adapter.service.tracing import Tracing, open_tracing
from adapter.settings.quantities import ListenAddress
from adapter.settings.settings import Settings

# After the grace for calls in flight, requests that are still incomplete have waited long enough.
_SHUTDOWN_S = 2.0
_SANDBOX_KEY = Secret("sandbox")


class OpenQueue(Protocol):
    """Opens the queue that the settings name. Raises ConfigError or QueueError."""

    def __call__(self, settings: Settings, *, now: Callable[[], float]) -> Awaitable[Queue]: ...


def steady_clock() -> Callable[[], float]:
    """Seconds since 1970 as of this call, continued without jumps: the clock of leases and delays."""
    ahead = time.time() - time.monotonic()
    return lambda: ahead + time.monotonic()


async def open_queue(settings: Settings, *, now: Callable[[], float]) -> Queue:
    """The queue that the settings name. Raises ConfigError or QueueError if it cannot be opened."""
    options = QueueOptions(
        unordered=settings.unordered,
        max_pending=settings.limits.pending,
        max_bytes=settings.retention.max_disk_bytes,
        shared=len(settings.sources) > 1,
        retention=retention_of(settings),
        delivers=settings.delivers,
    )
    return await backends.open_queue(settings.queue, options, now=now, wall=time.time)


def make_sandbox(*, db: Path | None = None, retry_after: bool = False) -> Sandbox:
    """A stand-in for Browsee with the shipped schemas. Raises ConfigError if `db` cannot be used."""
    schemas: dict[Kind, JsonObject] = {
        "track": orjson.loads(bundled("schemas/browsee/track.json").read_bytes()),
        "identify": orjson.loads(bundled("schemas/browsee/identify.json").read_bytes()),
    }
    return Sandbox(recording=Recording(db), schemas=schemas, retry_after=retry_after)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _tracing(emit: Emit) -> Tracing:
    return open_tracing(os.environ, emit)


def _queue_itself(queue: Queue) -> Inbox:
    return queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The choices that the settings do not make; tests and the reliability kit make others.

    `inbox_of` returns the inbox of ingest, given the open queue; `make_active` an empty table of active mappings;
    `received_at` the instant of receipt of a request; `rate_limits` limits requests to the API of operators;
    `open_tracing` starts to export traces if configured.
    """

    open_queue: OpenQueue = open_queue
    inbox_of: Callable[[Queue], Inbox] = _queue_itself
    make_active: Callable[[], Active] = Active
    received_at: Callable[[], datetime] = _utc_now
    rate_limits: RateLimits = USUAL
    open_tracing: Callable[[Emit], Tracing] = _tracing


DEFAULT_WIRING = Wiring()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """A service that is built and does not run yet. `senders` and `operators` are one application unless operators have
    an address of their own. Setting `draining` begins the stop. `open_console` returns a console for one thread.
    """

    queue: Queue
    active: Active
    workers: Sequence[Worker]
    monitor: Monitor
    readiness: Readiness
    draining: asyncio.Event
    senders: web.Application
    operators: web.Application
    open_console: OpenConsole
    sandbox_url: str | None


async def build_service(
    stack: AsyncExitStack, settings: Settings, *, observer: Observer, strict: bool, wiring: Wiring
) -> ServiceParts:
    """Every part; `stack` closes those that must be closed. Raises ConfigError, MappingError or QueueError."""
    emit, now, draining = observer.emit, steady_clock(), asyncio.Event()
    queue = await wiring.open_queue(settings, now=now)
    stack.push_async_callback(queue.close)
    await _warn_if_full(queue, emit)
    # Concurrently with the following: with a million pending events it takes 0.2 s after a start.
    counting = asyncio.create_task(Count.of(queue))
    stack.callback(counting.cancel)
    active = await mappings.activate(settings, archive=queue, emit=emit, strict=strict, make=wiring.make_active)
    stand_in, sandbox_url = await _start_sandbox(stack, settings, emit) if settings.sandbox else (None, None)
    tracing = wiring.open_tracing(emit)
    stack.push_async_callback(tracing.close)
    browsee_url = settings.browsee.url if sandbox_url is None else f"{sandbox_url}/api/v1"
    browsee = await stack.enter_async_context(tracing.browsee(browsee_url))
    worker_deps = WorkerDeps(queue, browsee, tracing.ruleset_of(active.of), emit, now)
    workers = [_make_worker(settings, keys, worker_deps) for keys in _project_keys(settings)]
    monitor = _make_monitor(settings, workers, queue=queue, emit=emit, now=now)
    await monitor.restore()
    observed = Observed(
        settings=settings,
        queue=queue,
        active=active,
        workers=workers,
        refusals=Refusals(),
        denials=Denials(),
        draining=draining,
        now=now,
    )
    readiness = Readiness(observed, await counting, emit=emit)
    inbox = tracing.inbox(wiring.inbox_of(queue))
    ingest = make_ingest(observed, inbox=inbox, received_at=wiring.received_at, observer=observer)
    senders, operators = make_applications(
        observed, ingest, readiness, observer=observer, rate_limits=wiring.rate_limits, sandbox=stand_in
    )
    return ServiceParts(
        queue=queue,
        active=active,
        workers=workers,
        monitor=monitor,
        readiness=readiness,
        draining=draining,
        senders=senders,
        operators=operators,
        open_console=lambda: console_of(settings, ingest=ingest, pause_text=pause_texts(readiness.projects()).get),
        sandbox_url=sandbox_url,
    )


async def listen(
    stack: AsyncExitStack,
    app: web.Application,
    address: ListenAddress,
    settings: Settings,
    *,
    emit: Emit,
    shutdown_s: float = _SHUTDOWN_S,
) -> str:
    """Serve `app` at `address` until `stack` closes; returns its URL. Raises ConfigError if the address cannot be
    used.
    """
    limits = ConnectionLimits(connections=settings.limits.connections)
    return await serve(
        stack,
        app,
        host=address.host,
        port=address.port,
        limits=limits,
        events=ConnectionTelemetry(emit),
        shutdown_s=shutdown_s,
    )


async def _warn_if_full(queue: Queue, emit: Emit) -> None:
    """A service that would refuse every event from its first second must report it at the start."""
    try:
        await queue.probe()
    except QueueFull as full:
        emit(QueueFullAtStart(cause=str(full)))


async def _start_sandbox(stack: AsyncExitStack, settings: Settings, emit: Emit) -> tuple[RunningSandbox, str]:
    """The built-in stand-in for Browsee and its URL, on the next port; its calls are kept in `state_dir`."""
    stand_in = make_sandbox(db=None if settings.state_dir is None else settings.state_dir / "sandbox-calls.db")
    stand_in.console_url = console_url(settings)
    address = ListenAddress(host="127.0.0.1", port=stand_in_port(settings))
    try:
        url = await listen(stack, build(stand_in), address, settings, emit=emit, shutdown_s=1.0)
    except ConfigError as exc:
        raise ConfigError(f"{exc}; --sandbox takes the port after it too, for the stand-in") from exc
    return RunningSandbox(stand_in), url


def _project_keys(settings: Settings) -> list[dict[str, Secret]]:
    """The keys of each Browsee project, by source: sources with one key share its pace."""
    by_key: dict[Secret, dict[str, Secret]] = {}
    for source in settings.sources:
        key = source.browsee_api_key or _SANDBOX_KEY
        by_key.setdefault(key, {})[source.name] = key
    return list(by_key.values())


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """The dependencies of every worker; see `Worker`."""

    queue: Queue
    browsee: Browsee
    ruleset_of: Callable[[str], Renderer]
    emit: Emit
    now: Callable[[], float]


def _make_worker(settings: Settings, keys: dict[str, Secret], deps: WorkerDeps) -> Worker:
    pace = PaceConfig(pinned_per_s=settings.browsee.rate_per_s, recover_s=settings.pace.recover_s)
    project = Project(ProjectConfig(pace, any_2xx=settings.browsee.any_2xx), now_s=deps.now())
    delivery = Delivery(
        backlog=deps.queue,
        browsee=deps.browsee,
        project=project,
        keys=keys,
        retry=RetryFor(for_s=settings.retry.for_s, max_s=settings.retry.max_s),
        emit=deps.emit,
        now=deps.now,
        jitter=random.random,
    )
    return Worker(
        backlog=deps.queue,
        delivery=delivery,
        project=project,
        sources=keys.keys(),
        ruleset_of=deps.ruleset_of,
        emit=deps.emit,
        now=deps.now,
    )


def _make_monitor(
    settings: Settings, workers: Sequence[Worker], *, queue: Queue, emit: Emit, now: Callable[[], float]
) -> Monitor:
    watched = [
        Watched(
            id=project_id(url=settings.browsee.url, key=next(iter(keys.values()))),
            sources=", ".join(worker.sources),
            project=worker.project,
            tenure=partial(queue.tenure, worker.sources),
        )
        for worker, keys in zip(workers, _project_keys(settings), strict=True)
    ]
    return Monitor(watched, archive=queue, emit=emit, now=now)

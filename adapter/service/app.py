"""Runs the service: builds its parts by `wiring`, serves until it is stopped, and stops the parts in the right order.

Stopping: first `/readyz` fails and ingest answers 503, then calls in flight end within the grace, then the queue is
closed without leases.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapter.console.health import Gauges
from adapter.console.requests import OpenConsole
from adapter.observe.observer import Emit, Observer
from adapter.observe.service_telemetry import ServiceStarted, ServiceStopped, ServiceStopping
from adapter.service import deletions
from adapter.service.wiring import DEFAULT_WIRING, ServiceParts, Wiring, build_service, listen
from adapter.settings.settings import Settings

GRACE_S = 25.0
"""Seconds that calls in flight may take after SIGTERM; Kubernetes kills 30 s after it by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The addresses of a started service; `sandbox_url` only with the built-in sandbox.

    `admin_url` is the address for operators; it is `url` unless they have one of their own. `open_console`, called on
    the event loop, returns a console for use in one thread.
    """

    url: str
    admin_url: str
    sandbox_url: str | None
    open_console: OpenConsole


async def run_service(
    settings: Settings,
    *,
    observer: Observer,
    stop: asyncio.Event,
    started: Callable[[Running], None],
    strict: bool = False,
    wiring: Wiring = DEFAULT_WIRING,
) -> None:
    """Serve until `stop` is set; `started` is called once, when everything listens.

    Raises ConfigError, MappingError or QueueError if it cannot start, and the exception of a part that must not end.
    """
    emit = observer.emit
    async with AsyncExitStack() as stack:
        parts = await build_service(stack, settings, observer=observer, strict=strict, wiring=wiring)
        observer.watch(Gauges(parts.readiness.report))
        running = await _listen(stack, parts, settings, emit)
        tasks = _start(parts, emit, delivers=settings.delivers)
        started(running)
        destination = "SANDBOX" if settings.sandbox else settings.browsee.url
        emit(ServiceStarted(url=running.url, queue=str(settings.queue), destination=destination))
        await _first_end(stop, tasks)
        await _drain(parts, tasks, emit)
        emit(ServiceStopped(pending=await parts.readiness.pending()))


async def _listen(stack: AsyncExitStack, parts: ServiceParts, settings: Settings, emit: Emit) -> Running:
    """Serve senders and operators, at one address unless operators have their own."""
    url = admin_url = await listen(stack, parts.senders, settings.listen, settings, emit=emit)
    if settings.admin_listen is not None:
        admin_url = await listen(stack, parts.operators, settings.admin_listen, settings, emit=emit)
    return Running(url=url, admin_url=admin_url, sandbox_url=parts.sandbox_url, open_console=parts.open_console)


def _start(parts: ServiceParts, emit: Emit, *, delivers: bool) -> Sequence[asyncio.Task[None]]:
    loops = [parts.readiness.follow(), parts.active.follow(parts.queue), parts.monitor.run()]
    if delivers:
        loops += [*(worker.run() for worker in parts.workers), deletions.delete_as_asked(parts.queue, emit)]
    return [asyncio.create_task(loop) for loop in loops]


async def _first_end(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for `stop`. A part that ends by itself is a bug, and ends the service with its exception."""
    stopping = asyncio.create_task(stop.wait())
    try:
        ended, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in ended - {stopping}:
        task.result()


async def _drain(parts: ServiceParts, tasks: Sequence[asyncio.Task[None]], emit: Emit) -> None:
    parts.draining.set()
    emit(ServiceStopping(in_flight=sum(worker.in_flight for worker in parts.workers)))
    await asyncio.gather(*(worker.stop(GRACE_S) for worker in parts.workers))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

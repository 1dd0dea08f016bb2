"""Services that an operator asks, each in a thread of its own, for clients that wait for the answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import time

from aiohttp import web

from adapter.console.access import operator_check
from adapter.console.api_auth import RateLimits
from adapter.console.health import Health, Report
from adapter.console.session_api import SESSION_LIMITS
from adapter.console.stream_hub import StreamLimits
from adapter.ingest.intake import IngestDeps
from adapter.observe.observer import Emit, Observer
from adapter.privacy.storage import plain_source
from adapter.service.app import Running, run_service
from adapter.service.applications import event_validator
from adapter.service.mappings import activate
from adapter.service.operators import USUAL_STREAM, OperatorDeps, operator_routes
from adapter.service.wiring import Wiring
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import RECEIVED_AT

TOKEN = "an-admin-token-of-tests"
OFTEN = RateLimits(per_s=100_000, burst=100_000, failed_per_s=100_000, failed_burst=100_000)
"""As often as a test likes."""


def settings_in(folder: Path, *, sandbox: bool = False) -> Settings:
    """The settings in `folder`, with TOKEN, on a port that the system chooses."""
    environ = {"ADAPTER_ADMIN_TOKEN": TOKEN}
    return load_settings(file=folder / "adapter.yaml", environ=environ, host="127.0.0.1", port=0, sandbox=sandbox)


@contextmanager
def in_thread(run: Callable[[asyncio.Event, Callable[[str], None]], Awaitable[None]]) -> Iterator[str]:
    """`run` on a loop of its own until the end of the block; it is given what stops it, and tells its URL."""
    url: Future[str] = Future()
    stopping: Future[Callable[[], object]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stopping.set_result(partial(loop.call_soon_threadsafe, stop.set))
        try:
            await run(stop, url.set_result)
        except BaseException as exc:
            if not url.done():
                url.set_exception(exc)
            raise

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        yield url.result(30)
    finally:
        stopping.result(30)()
        thread.join(30)


@contextmanager
def service(settings: Settings, *, often: RateLimits = OFTEN) -> Iterator[str]:
    """The whole service; its URL."""

    async def run(stop: asyncio.Event, started: Callable[[str], None]) -> None:
        def tell(running: Running) -> None:
            started(running.url)

        wiring = Wiring(rate_limits=often)
        await run_service(settings, observer=Observer(), stop=stop, started=tell, wiring=wiring)

    with in_thread(run) as url:
        yield url


@contextmanager
def api_alone(
    settings: Settings,
    *,
    often: RateLimits = OFTEN,
    stopping: threading.Event | None = None,
    pause_texts: Mapping[str, str] | None = None,
    stream_limits: StreamLimits = USUAL_STREAM,
    session_limits: RateLimits = SESSION_LIMITS,
    emit: Emit | None = None,
) -> Iterator[str]:
    """The API at the queue of `settings` without a service; long work ends once `stopping` is set.
    `pause_texts` is by source, as in `OperatorDeps`; without it every source is delivered.
    """

    async def run(stop: asyncio.Event, started: Callable[[str], None]) -> None:
        queue = SimulatedQueue(now=time)
        observer = Observer()
        active = await activate(settings, archive=queue, emit=observer.emit, strict=True)
        report = Report(stopping=False, sandbox=False, delivery="ok", why="", facts={}, gauges=())
        is_operator = operator_check(settings.admin_token, is_local_trusted=False)
        health = Health(inbox=queue, report=lambda: report, registry=observer.registry, is_operator=is_operator)
        ingest = IngestDeps(
            inbox=queue,
            sources=[plain_source(source) for source in settings.sources],
            validator=event_validator(),
            emit=emit or observer.emit,
            clock=lambda: RECEIVED_AT,
            monotonic_s=time,
            new_id=lambda: "made",
            is_draining=lambda: stopping is not None and stopping.is_set(),
            histogram=observer.histogram,
        )
        app = web.Application()
        paused = {source.name: "" for source in settings.sources} if pause_texts is None else pause_texts
        deps = OperatorDeps(
            ingest=ingest,
            active=active,
            health=health,
            pause_texts=lambda: paused,
            api_limits=often,
            stream_limits=stream_limits,
            session_limits=session_limits,
            archive=queue,
        )
        app.add_routes(operator_routes(settings, deps))
        runner = web.AppRunner(app, auto_decompress=False, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
        await runner.cleanup()

    with in_thread(run) as url:
        yield url

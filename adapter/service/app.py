"""The composition root: builds every part from the settings, runs them, and stops them in the right order.

The only place that knows all parts. Stopping: `/readyz` turns and ingest answers 503 first, then calls under way end
within the grace, then the queue is closed with nothing leased.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import orjson
from aiohttp import web

from adapter.bundled import bundled
from adapter.console.description import description_routes
from adapter.console.guard import Often
from adapter.console.health import Gauges, Health, Report
from adapter.console.operator import IsOperator, operator_check
from adapter.deliver.browsee import Browsee
from adapter.deliver.delivery import Delivery, RetryFor
from adapter.deliver.pace import PaceConfig
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.worker import Worker
from adapter.edge.limits import ConnectionLimits
from adapter.edge.serving import serve
from adapter.errors import ConfigError, QueueError, QueueFull
from adapter.ingest.denials import Denials
from adapter.ingest.intake import Parts
from adapter.ingest.limits import Limits
from adapter.ingest.refusals import Refusals
from adapter.ingest.routes import routes
from adapter.ingest.validate import Validator
from adapter.model import Balance, JsonObject, Kind, Secret
from adapter.observe import happenings
from adapter.observe.observer import Observer
from adapter.privacy.storage import ingest_source
from adapter.queue.contract import Disk, Queue
from adapter.queue.memory.queue import MemoryQueue
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.state import Retention
from adapter.sandbox.recording import Recording
from adapter.sandbox.server import Sandbox, build
from adapter.service import deletions, mappings
from adapter.service.deadlines import Patience, deadlines
from adapter.service.monitor import Monitor, Watched, project_id
from adapter.service.operators import USUAL, make_api
from adapter.service.report import Projects, make_report, pause_texts
from adapter.settings.quantities import Address
from adapter.settings.settings import Settings

GRACE_S = 25.0
"""How long calls under way may take after SIGTERM; Kubernetes kills 30 s after it by default."""

_BALANCE_EVERY_S = 10.0
# When the calls under way have had their grace, what senders have not sent to the end by now has waited long enough.
_SHUTDOWN_S = 2.0
_SANDBOX_KEY = Secret("sandbox")


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started service can be reached; `sandbox_url` only with the built-in sandbox.

    `admin_url` is where operators look; it is `url` unless they have an address of their own.
    """

    url: str
    admin_url: str
    sandbox_url: str | None


def steady_clock() -> Callable[[], float]:
    """Seconds since 1970 as they were at this call, and from then on without jumps: leases and delays go by it."""
    ahead = time.time() - time.monotonic()
    return lambda: ahead + time.monotonic()


async def open_queue(settings: Settings, *, now: Callable[[], float]) -> Queue:
    """The queue that the settings name. Raises ConfigError or QueueError if it cannot be had."""
    unordered = {source.name for source in settings.sources if source.order == "none"}
    kept, shared = settings.retention, len(settings.sources) > 1
    if settings.queue.file is None:
        return MemoryQueue(
            now=now, unordered=unordered, max_pending=settings.limits.pending, dedup_s=kept.dedup_s, shared=shared
        )
    return await SqliteQueue.open(
        settings.queue.file,
        now=now,
        unordered=unordered,
        max_pending=settings.limits.pending,
        max_bytes=kept.max_disk_bytes,
        shared=shared,
        wall=time.time,
        retention=Retention(
            history_s=kept.history_s, dead_s=kept.dead_s, dedup_s=kept.dedup_s, deletions_s=kept.deletions_s
        ),
    )


def make_sandbox(*, db: Path | None = None, retry_after: bool = False) -> Sandbox:
    """A stand-in for Browsee with the shipped schemas. Raises ConfigError if `db` cannot be used."""
    schemas: dict[Kind, JsonObject] = {
        "track": orjson.loads(bundled("schemas/browsee/track.json").read_bytes()),
        "identify": orjson.loads(bundled("schemas/browsee/identify.json").read_bytes()),
    }
    return Sandbox(recording=Recording(db), schemas=schemas, retry_after=retry_after)


def event_validator() -> Validator:
    """The shipped schemas of events, compiled."""
    folder = bundled("schemas/event")
    return Validator({path.stem: orjson.loads(path.read_bytes()) for path in folder.glob("*.json")})


class Service:
    """One running adapter. `run` is the whole of it."""

    _open_queue = staticmethod(open_queue)

    def __init__(self, settings: Settings, *, observer: Observer, strict: bool = False, often: Often = USUAL) -> None:
        self._settings = settings
        self._often = often
        self._observer = observer
        self._emit = observer.emit
        self._strict = strict
        self._now = steady_clock()
        self._stopping = False
        self._balance: Balance | None = None
        self._counted_at: datetime | None = None
        self._active = mappings.Active()
        self._disk: Callable[[], Disk | None] = lambda: None
        self._workers: list[Worker] = []
        self._refusals, self._denials, self._patience = Refusals(), Denials(), Patience.of(settings)
        self._waiting_deletions = deletions.WaitingDeletions(self._emit)
        self._deleting = frozenset(source.name for source in settings.sources if source.may_delete)

    async def run(self, *, stop: asyncio.Event, started: Callable[[Running], None]) -> None:
        """Serve until `stop` is set; `started` is called once, when everything listens.

        Raises ConfigError or QueueError if it cannot start, and whatever ends a part that must not end.
        """
        async with AsyncExitStack() as stack:
            queue = await self._open_queue(self._settings, now=self._now)
            stack.push_async_callback(queue.close)
            await self._warn_if_full(queue)
            self._active = await mappings.activate(self._settings, archive=queue, emit=self._emit, strict=self._strict)
            sandbox_url = await self._start_sandbox(stack) if self._settings.sandbox else None
            browsee = await stack.enter_async_context(Browsee(self._browsee_url(sandbox_url)))
            self._workers = list(self._make_workers(queue, browsee))
            monitor = self._monitor(queue)
            await monitor.restore()
            self._balance, self._counted_at = await queue.balance(), datetime.now(UTC)
            self._disk = queue.disk
            self._waiting_deletions.look(self._balance.deletions_waiting)
            self._observer.watch(Gauges(self._report))
            url, admin_url = await self._listen(stack, queue)
            tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
            parts = (
                self._count(queue),
                self._active.follow(queue),
                monitor.run(),
                deletions.delete_as_asked(queue, self._emit),
            )
            tasks += [asyncio.create_task(part) for part in parts]
            started(Running(url=url, admin_url=admin_url, sandbox_url=sandbox_url))
            self._emit(
                happenings.ServiceStarted(url=url, queue=str(self._settings.queue), destination=self._destination())
            )
            await self._until(stop, tasks)
            await self._drain(tasks)
            self._emit(happenings.ServiceStopped(pending=(await queue.balance()).pending))

    # -- starting --------------------------------------------------------------------------------------------------

    async def _warn_if_full(self, queue: Queue) -> None:
        """A service that refuses every event from its first second must say so before the first sender finds out."""
        try:
            await queue.probe()
        except QueueFull as full:
            self._emit(happenings.QueueFullAtStart(cause=str(full)))

    async def _start_sandbox(self, stack: AsyncExitStack) -> str:
        """The built-in stand-in for Browsee, on the next port; what it gets is kept beside the queue."""
        stand_in = make_sandbox(db=self._settings.queue.beside("sandbox-calls.db"))
        listen = self._settings.listen
        next_port = listen.port + 1 if listen.port else 0
        try:
            return await self._serve(stack, build(stand_in), Address(host="127.0.0.1", port=next_port), shutdown_s=1.0)
        except ConfigError as exc:
            raise ConfigError(f"{exc}; --sandbox takes the port after it too, for what the stand-in shows") from exc

    def _browsee_url(self, sandbox_url: str | None) -> str:
        return self._settings.browsee.url if sandbox_url is None else f"{sandbox_url}/api/v1"

    def _make_workers(self, queue: Queue, browsee: Browsee) -> Iterable[Worker]:
        """One for each Browsee project: sources with one key share its pace."""
        by_key: dict[Secret, dict[str, Secret]] = {}
        for source in self._settings.sources:
            key = source.browsee_api_key or _SANDBOX_KEY
            by_key.setdefault(key, {})[source.name] = key
        for keys in by_key.values():
            project = Project(self._pace(), now_s=self._now())
            delivery = Delivery(
                backlog=queue,
                browsee=browsee,
                project=project,
                keys=keys,
                retry=RetryFor(for_s=self._settings.retry.for_s, max_s=self._settings.retry.max_s),
                emit=self._emit,
                now=self._now,
                jitter=random.random,
            )
            yield Worker(
                backlog=queue,
                delivery=delivery,
                project=project,
                sources=keys.keys(),
                ruleset_of=self._active.of,
                emit=self._emit,
                now=self._now,
            )

    def _monitor(self, queue: Queue) -> Monitor:
        keys = {source.name: source.browsee_api_key or _SANDBOX_KEY for source in self._settings.sources}
        watched = [
            Watched(
                id=project_id(url=self._settings.browsee.url, key=keys[next(iter(worker.sources))]),
                sources=", ".join(worker.sources),
                project=worker.project,
            )
            for worker in self._workers
        ]
        return Monitor(watched, archive=queue, emit=self._emit, now=self._now)

    def _pace(self) -> ProjectConfig:
        settings = self._settings
        pace = PaceConfig(pinned_per_s=settings.browsee.rate_per_s, recover_s=settings.pace.recover_s)
        return ProjectConfig(pace, any_2xx=settings.browsee.any_2xx)

    async def _listen(self, stack: AsyncExitStack, queue: Queue) -> tuple[str, str]:
        """Serve senders and operators; the URLs of both, one unless operators have an address of their own."""
        senders, operators = self.applications(queue)
        url = await self._serve(stack, senders, self._settings.listen)
        if self._settings.admin_listen is None:
            return url, url
        return url, await self._serve(stack, operators, self._settings.admin_listen)

    def applications(self, queue: Queue) -> tuple[web.Application, web.Application]:
        """What senders and operators are served, in front of `queue`: one unless operators have their own address."""
        settings = self._settings
        ingest = self._ingest(queue)
        senders = operators = web.Application()
        senders.add_routes(routes(ingest))
        description = description_routes(bundled("schemas/openapi.yaml"))
        senders.add_routes(description)
        if settings.admin_listen is not None:
            senders.add_routes(self._health(queue, lambda _: False).probes())
            operators = web.Application()
            operators.add_routes(description)
        health = self._health(queue, self._operator_check())
        operators.add_routes(health.routes())
        api = make_api(
            settings,
            ingest=ingest,
            active=self._active,
            health=health,
            now=self._now,
            pause_texts=lambda: pause_texts(self._projects()),
            often=self._often,
        )
        operators.add_routes(api.routes())
        return senders, operators

    def _operator_check(self) -> IsOperator:
        settings = self._settings
        return operator_check(
            settings.admin_token,
            is_local_trusted=settings.admin_listen is not None,
            trusted_proxies=settings.trusted_proxies,
        )

    async def _serve(
        self, stack: AsyncExitStack, app: web.Application, address: Address, *, shutdown_s: float = _SHUTDOWN_S
    ) -> str:
        limits = ConnectionLimits(connections=self._settings.limits.connections)
        return await serve(
            stack, app, host=address.host, port=address.port, limits=limits, emit=self._emit, shutdown_s=shutdown_s
        )

    def _health(self, queue: Queue, is_operator: IsOperator) -> Health:
        return Health(inbox=queue, report=self._report, registry=self._observer.registry, is_operator=is_operator)

    def _ingest(self, queue: Queue) -> Parts:
        limits = self._settings.limits
        sources = [
            ingest_source(source, self._settings.hash_key, ruleset=partial(self._active.of, source.name))
            for source in self._settings.sources
        ]
        return Parts(
            inbox=queue,
            sources=sources,
            validator=event_validator(),
            emit=self._emit,
            clock=lambda: datetime.now(UTC),
            monotonic_s=time.monotonic,
            new_id=lambda: uuid4().hex,
            histogram=self._observer.histogram,
            is_draining=lambda: self._stopping,
            refusals=self._refusals,
            denials=self._denials,
            limits=Limits(
                body_bytes=limits.body_bytes,
                inflated_bytes=limits.inflated_bytes,
                message_bytes=limits.message_bytes,
            ),
            trusted_proxies=self._settings.trusted_proxies,
        )

    # -- running ---------------------------------------------------------------------------------------------------

    async def _until(self, stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
        """Wait for `stop`; a part that ends by itself is a fault, and ends the service loudly."""
        stopping = asyncio.create_task(stop.wait())
        try:
            ended, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for task in ended - {stopping}:
            task.result()

    async def _drain(self, tasks: list[asyncio.Task[None]]) -> None:
        self._stopping = True
        self._emit(happenings.ServiceStopping(in_flight=sum(worker.in_flight for worker in self._workers)))
        await asyncio.gather(*(worker.stop(GRACE_S) for worker in self._workers))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _count(self, queue: Queue) -> None:
        """Count pending and dead from rows now and then, so that a ledger that does not balance shows."""
        while True:
            await asyncio.sleep(_BALANCE_EVERY_S)
            with contextlib.suppress(QueueError):
                self._balance, self._counted_at = await queue.balance(), datetime.now(UTC)
                self._waiting_deletions.look(self._balance.deletions_waiting)
                if self._refusals.waits_for_queue:
                    await queue.probe()
                    self._refusals.queue_takes()

    def _projects(self) -> Projects:
        return [(worker.sources, worker.project.state(self._now())) for worker in self._workers]

    def _report(self) -> Report:
        balance, disk, now = self._balance, self._disk(), datetime.now(UTC)
        refusals = self._refusals.now(time.monotonic(), self._patience.horizons_s)
        report = make_report(
            stopping=self._stopping,
            sandbox=self._settings.sandbox,
            active=self._active,
            projects=self._projects(),
            balance=balance,
            disk=disk,
            now=now,
            deadlines=deadlines(self._patience, refusals, balance=balance, disk=disk, now=now),
        )
        waiting = {} if balance is None else deletions.facts(balance.deletions_waiting, self._deleting.__contains__)
        at = self._counted_at
        # Counting takes time, so `pending`, `dead` and the ledger are of some seconds ago.
        counted: JsonObject = {} if at is None else {"counted_at": at.isoformat(timespec="seconds")}
        return replace(report, facts=report.facts | counted | waiting | self._denials.facts(now))

    def _destination(self) -> str:
        return "SANDBOX" if self._settings.sandbox else self._settings.browsee.url

"""A worker with what stands on both sides of it: a queue, and a real sandbox behind a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestServer

from adapter.deliver.browsee import Browsee
from adapter.deliver.delivery import Delivery, RetryFor
from adapter.deliver.gate import GateConfig
from adapter.deliver.pace import PaceConfig
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.worker import Worker
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Event, Secret
from adapter.observe.telemetry import Telemetry
from adapter.queue.contract import Queue
from adapter.sandbox.recording import Wanted
from adapter.sandbox.script import parse_script
from adapter.sandbox.server import Sandbox, build
from adapter.service.mappings import read_message
from adapter.service.wiring import make_sandbox, steady_clock
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import make_event, until

FAST = ProjectConfig(
    PaceConfig(pinned_per_s=10_000),
    misconfigured=GateConfig(first_s=0.05, max_s=0.05),
    blocked=GateConfig(first_s=0.05, max_s=0.05),
)


@dataclass(slots=True)
class Road:
    """A worker with what stands on both sides of it."""

    queue: Queue
    sandbox: Sandbox
    worker: Worker
    said: list[Telemetry] = field(default_factory=list)

    def script(self, text: str) -> None:
        """From now on Browsee answers by this script."""
        self.sandbox.script = parse_script(text, file="script.yaml")

    async def settled(self) -> dict[str, int]:
        """The ledger's terms that are not 0, once nothing is pending."""
        await until(self._is_idle)
        balance = await self.queue.balance()
        assert balance.unaccounted == 0
        terms = {**balance.counts, "dead": balance.dead}
        return {term: n for term, n in terms.items() if n and term != "received"}

    async def _is_idle(self) -> bool:
        return not (await self.queue.balance()).pending

    async def calls(self, *, status: int | None = None) -> list[dict[str, Any]]:
        """The bodies of what the sandbox got, in order; only those answered `status`, if it is given."""
        wanted = Wanted(after=0, limit=10_000, status=status)
        return [call.as_json()["body"] for call in await self.sandbox.recording.read(wanted)]

    async def has_calls(self, least: int, *, status: int | None = None) -> bool:
        """Whether the sandbox got that many; only those answered `status` count, if it is given."""
        return len(await self.calls(status=status)) >= least

    async def goes(self, delivery: str) -> bool:
        """Whether that is how delivery goes now."""
        return self.worker.project.state(steady_clock()()).delivery == delivery

    def heard(self, kind: type[Telemetry]) -> list[Telemetry]:
        """What was said of that kind."""
        return [telemetry for telemetry in self.said if isinstance(telemetry, kind)]


@asynccontextmanager
async def open_road(ruleset_of: Callable[[str], Ruleset], *, queue: Queue | None = None) -> AsyncIterator[Road]:
    """The road of one source `shop`, running; with a queue in memory, if none is given."""
    queue = SimulatedQueue(now=steady_clock()) if queue is None else queue
    async with asyncio.TaskGroup() as tasks:
        sandbox, said = make_sandbox(), list[Telemetry]()
        server = TestServer(build(sandbox))
        await server.start_server()
        async with Browsee(f"{server.make_url('/api/v1')}") as browsee:
            worker = make_worker(queue, browsee, said, ruleset_of)
            running = tasks.create_task(worker.run())
            yield Road(queue, sandbox, worker, said)
            await worker.stop(grace_s=5)
            await running
        await server.close()


def ruleset(text: str) -> Ruleset:
    """The mapping `text`, loaded."""
    return load(text, file="shop.yaml", read=read_message, hash_key=None)


def make_worker(queue: Queue, browsee: Browsee, said: list[Telemetry], ruleset_of: Callable[[str], Ruleset]) -> Worker:
    """A worker of the source `shop`, with short waits."""
    now = steady_clock()
    project = Project(FAST, now_s=now())
    delivery = Delivery(
        backlog=queue,
        browsee=browsee,
        project=project,
        keys={"shop": Secret("browsee-key")},
        retry=RetryFor(for_s=0.2, max_s=0.1),
        emit=said.append,
        now=now,
        jitter=lambda: 0.5,
    )
    return Worker(
        backlog=queue,
        delivery=delivery,
        project=project,
        sources=["shop"],
        ruleset_of=ruleset_of,
        emit=said.append,
        now=now,
    )


def clicks(count: int, *, user: str = "u-1") -> list[Event]:
    """Events of one user, numbered in `properties.n`."""
    return [make_event(f"{user}-{n}", user=user, properties={"n": n}) for n in range(count)]

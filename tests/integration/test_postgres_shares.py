"""How replicas share several projects, on a real server: here several queues, each with its own connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from adapter.model import Delivered
from adapter.queue.postgres.claim_rows import Terms, share_of
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.records import QueueOptions
from tests.fakes import FakeClock, make_event, until
from tests.postgres import Server

SHORT = Terms(renew_s=0.3, trust_s=0.8, expires_s=0.9, look_s=0.1, free_s=0.5, give_s=0.3, grace_s=2.5, live_s=1.5)
"""A tenth of the real ones, and less between two projects that are given back."""
WITHIN_S = 30.0
"""What is waited for takes a second or two; a machine may do much else meanwhile."""
PROJECTS = [f"project-{number}" for number in range(6)]


@dataclass
class Replica:
    """A process that delivers every project it can have. `held_up` of these settle nothing."""

    queue: PostgresQueue
    wanted: Collection[str] = field(default_factory=lambda: list(PROJECTS))
    held_up: set[str] = field(default_factory=set)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self.tasks = [asyncio.create_task(self._deliver(project)) for project in self.wanted]

    async def _deliver(self, project: str) -> None:
        while True:
            for lease in await self.queue.take(sources=[project], limit=10, lease_s=60, wait_s=0.2):
                if project not in self.held_up:
                    await self.queue.settle(lease, Delivered())

    @property
    def has(self) -> set[str]:
        """The projects that it delivers."""
        return {project for project in PROJECTS if self.queue.tenure([project])}

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []

    async def die(self) -> None:
        """As if its process was killed: it says nothing any more."""
        await self.stop()
        for task in self.queue._keeping:
            task.cancel()
        await asyncio.gather(*self.queue._keeping, return_exceptions=True)


StartReplica = Callable[..., Awaitable[Replica]]


@pytest.fixture
async def start(postgres: Server) -> AsyncIterator[StartReplica]:
    place, clock = postgres.place(), FakeClock()
    async with AsyncExitStack() as stack:

        async def started(
            *, wanted: Collection[str] = tuple(PROJECTS), delivers: bool = True, terms: Terms = SHORT
        ) -> Replica:
            options = QueueOptions(delivers=delivers)
            replica = Replica(await PostgresQueue.open_at(place, options, clock=clock, terms=terms), wanted)
            stack.push_async_callback(replica.queue.close)
            stack.push_async_callback(replica.stop)
            replica.start()
            return replica

        yield started


async def until_shared(replicas: Collection[Replica], *counts: int) -> None:
    """Each project has one replica, and the replicas so many."""

    async def is_so() -> bool:
        has = [replica.has for replica in replicas]
        return sorted(map(len, has)) == sorted(counts) and set().union(*has) == set(PROJECTS)

    await until(is_so, within_s=WITHIN_S)


@pytest.mark.parametrize(
    ("projects", "replicas", "share"), [(6, 3, 2), (6, 4, 2), (5, 3, 2), (1, 3, 1), (0, 2, 0), (3, 0, 3)]
)
def test_a_share_is_rounded_up(projects: int, replicas: int, share: int) -> None:
    """So that the shares of all are enough for every project; who is alone, or does not know, may have all."""
    assert share_of(projects, replicas=replicas) == share


async def test_projects_are_shared_and_those_of_the_dead_are_shared_again(start: StartReplica) -> None:
    """The first one has all of them until others come; of one that dies the others take over what it had."""
    first = await start()
    await until_shared([first], 6)
    replicas = [first, await start(), await start()]
    await until_shared(replicas, 2, 2, 2)
    await replicas.pop(1).die()
    await until_shared(replicas, 3, 3)
    replicas.append(await start())
    await until_shared(replicas, 2, 2, 2)


async def test_a_project_with_an_open_call_stays_until_it_has_ended(start: StartReplica) -> None:
    """It is not taken from under a call; in its place nothing else is taken."""
    patient = replace(SHORT, trust_s=8.0, expires_s=9.0)
    first = await start(terms=patient)
    await until_shared([first], 6)
    first.held_up.update(PROJECTS)
    await first.queue.put([make_event(f"m-{project}", source=project) for project in PROJECTS])
    await until(lambda: asyncio.sleep(0.02, len(first.queue._leases) == 6))
    other = await start(terms=patient)
    await until(lambda: asyncio.sleep(0.02, len(first.queue._claims._leaving) == 1), within_s=WITHIN_S)
    assert (len(first.has), len(other.has)) == (6, 0)
    first.held_up.clear()
    for lease in list(first.queue._leases._held):
        first.queue._leases.release(lease)
    await until_shared([first, other], 3, 3)


async def test_replicas_see_what_the_others_announce(start: StartReplica) -> None:
    """Itself first, the last facts of each, and not the ones that have gone."""
    one, other = await start(), await start(delivers=False)
    one.queue.announce({"hash_key": "1"})
    other.queue.announce({"hash_key": "2"})

    async def until_seen(*expected: tuple[bool, bool, dict[str, str]]) -> None:
        async def is_so() -> bool:
            seen = one.queue.replicas()
            return [(each.is_here, each.delivers, each.facts) for each in seen] == list(expected)

        await until(is_so, within_s=WITHIN_S)

    await until_seen((True, True, {"hash_key": "1"}), (False, False, {"hash_key": "2"}))
    other.queue.announce({"hash_key": "1", "order": "3"})
    await until_seen((True, True, {"hash_key": "1"}), (False, False, {"hash_key": "1", "order": "3"}))
    await other.die()
    await until_seen((True, True, {"hash_key": "1"}))


async def test_who_only_takes_messages_in_has_no_share(start: StartReplica) -> None:
    """Its projects would wait for nothing."""
    await start(wanted=(), delivers=False)
    replicas = [await start(), await start()]
    await until_shared(replicas, 3, 3)


async def test_what_nobody_else_wants_is_anybodys(start: StartReplica) -> None:
    """Another whose settings name fewer sources leaves the others to those that know them."""
    one, other = await start(), await start(wanted=PROJECTS[:1])
    await until(lambda: asyncio.sleep(0.05, one.has | other.has == set(PROJECTS)), within_s=WITHIN_S)


async def test_who_leaves_is_followed_at_once(start: StartReplica) -> None:
    """What it had is shared by those that stay, and its share with it."""
    replicas = [await start(), await start(), await start()]
    await until_shared(replicas, 2, 2, 2)
    leaving = replicas.pop()
    await leaving.stop()
    await leaving.queue._claims.leave()
    for task in leaving.queue._keeping:
        task.cancel()
    await until_shared(replicas, 3, 3)

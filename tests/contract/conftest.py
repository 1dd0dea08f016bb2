"""Every backend of the queue, each behind the same maker, so that one suite holds them all to the contract."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapter.queue.address import Memory, SqliteFile
from adapter.queue.admin import QueueAdmin
from adapter.queue.backends import open_admin, open_queue
from adapter.queue.contract import Queue
from adapter.queue.postgres.admin import PostgresQueueAdmin
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.records import QueueOptions
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import FakeClock
from tests.postgres import Server

MakeQueue = Callable[..., Awaitable[Queue]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "memory", "postgres", "simulated"])
async def make_queue(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[MakeQueue]:
    """Makes a queue of the backend under test; closes it afterwards."""
    opened: list[Queue] = []

    async def make(**options: Any) -> Queue:
        queue: Queue
        if request.param == "simulated":
            queue = SimulatedQueue(now=clock, **options)
        elif request.param == "postgres":
            server: Server = request.getfixturevalue("postgres")
            queue = await PostgresQueue.open_at(server.place(), QueueOptions(**options), clock=clock)
        else:
            address = Memory() if request.param == "memory" else SqliteFile(tmp_path / f"{len(opened)}.db")
            queue = await open_queue(address, QueueOptions(**options), now=clock, wall=clock)
        opened.append(queue)
        return queue

    yield make
    for queue in opened:
        await queue.close()


@pytest.fixture
async def queue(make_queue: MakeQueue) -> Queue:
    return await make_queue()


AdminOf = Callable[[], AbstractContextManager[QueueAdmin]]


@dataclass(frozen=True, slots=True)
class Served:
    """A queue that is being served, and how operators reach it."""

    queue: Queue
    open_admin: AdminOf


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def served(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Served]:
    """Every backend that operators can look into."""
    queue: Queue
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        place = server.place()
        queue = await PostgresQueue.open_at(place, clock=clock)
        yield Served(queue, partial(PostgresQueueAdmin.open_at, place))
    else:
        address = Memory() if request.param == "memory" else SqliteFile(tmp_path / "queue.db")
        queue = await open_queue(address, QueueOptions(), now=clock, wall=clock)
        yield Served(queue, partial(open_admin, address, unordered=()))
    await queue.close()


@pytest.fixture
def admin_of(served: Served) -> AdminOf:
    """Opens the admin of the queue that is served."""
    return served.open_admin

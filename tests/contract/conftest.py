"""Every backend of the queue, each behind the same maker, so that one suite holds them all to the contract."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from adapter.queue.contract import Queue
from adapter.queue.memory.queue import MemoryQueue
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock

MakeQueue = Callable[..., Awaitable[Queue]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def make_queue(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[MakeQueue]:
    """Makes a queue of the backend under test; closes it afterwards."""
    opened: list[Queue] = []

    async def make(**options: Any) -> Queue:
        queue: Queue
        if request.param == "memory":
            queue = MemoryQueue(now=clock, **options)
        else:
            queue = await SqliteQueue.open(tmp_path / f"{len(opened)}.db", now=clock, **options)
        opened.append(queue)
        return queue

    yield make
    for queue in opened:
        await queue.close()


@pytest.fixture
async def queue(make_queue: MakeQueue) -> Queue:
    return await make_queue()

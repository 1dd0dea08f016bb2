"""Fixtures: a real queue file, and a clock that only moves when it is moved."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock
from tests.integration.small_queue import SmallQueue


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def queue(path: Path, clock: FakeClock) -> AsyncIterator[SqliteQueue]:
    queue = await SqliteQueue.open(path, now=clock)
    yield queue
    await queue.close()


@pytest.fixture
async def small(path: Path, clock: FakeClock) -> AsyncIterator[SmallQueue]:
    queue = await SmallQueue.at(path, clock)
    yield queue
    await queue.close()

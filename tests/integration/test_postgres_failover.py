"""A primary that is killed, and its synchronous standby: real servers, and both of them in the queue's address."""

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from adapter.errors import QueueError
from adapter.model import Delivered, Lease
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from cluster.postgres import HOW_TO_GET_IT, programs
from tests.fakes import make_event, until
from tests.postgres import Pair, running_pair

USERS = 8


@pytest.fixture
def pair() -> Iterator[Pair]:
    if programs() is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(HOW_TO_GET_IT)
    with running_pair() as pair:
        yield pair


@dataclass
class Road:
    """Senders and a worker of one queue, who try again what fails."""

    queue: PostgresQueue
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    delivered: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0
    is_over: bool = False

    @property
    def count(self) -> int:
        """How many were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    async def send(self, user: str) -> None:
        """One event after the other."""
        while not self.is_over:
            name = f"{user} {len(self.acknowledged[user])}"
            try:
                await self.queue.put([make_event(name, user=user)])
            except QueueError:
                self.failed += 1
                await asyncio.sleep(0.05)
            else:
                self.acknowledged[user].append(name)

    async def deliver(self) -> None:
        """Until all are delivered that were acknowledged."""
        while not self.is_over or self.acknowledged != self.delivered:
            with suppress(QueueError):
                leases = await self.queue.take(sources=["shop"], limit=50, lease_s=60, wait_s=0.2)
                await asyncio.gather(*map(self._settle, leases))

    async def _settle(self, lease: Lease) -> None:
        mine = self.delivered[lease.event.user_id or ""]
        if lease.event.message_id not in mine[-1:]:
            mine.append(lease.event.message_id)
        await until(lambda: self._is_settled(lease))

    async def _is_settled(self, lease: Lease) -> bool:
        try:
            await self.queue.settle(lease, Delivered())
        except QueueError:
            return False
        return True


async def test_what_was_acknowledged_survives_its_primary(pair: Pair) -> None:
    """Nothing is lost or overtaken, puts go on after the standby was promoted, and the ledger balances."""
    queue = await PostgresQueue.open_at(PostgresPlace(pair.conninfo, schema="failover"), clock=time.time)
    road = Road(queue)
    tasks = [asyncio.create_task(road.send(f"user-{n}")) for n in range(USERS)] + [asyncio.create_task(road.deliver())]
    await until(lambda: asyncio.sleep(0.02, road.count > 200))
    await asyncio.to_thread(pair.kill_primary)
    await asyncio.to_thread(pair.promote)
    promoted_s, before = time.monotonic(), road.count
    await until(lambda: asyncio.sleep(0.02, road.count > before + 20))
    assert time.monotonic() - promoted_s < 10
    road.is_over = True
    async with asyncio.timeout(30):
        await asyncio.gather(*tasks)
    assert road.failed > 0
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.pending, balance.unaccounted) == (road.count, 0, 0)
    await queue.close()


async def test_nothing_is_acknowledged_while_the_standby_hangs(pair: Pair) -> None:
    """A commit waits for it: senders get an error, and what they send again afterwards is stored once."""
    queue = await PostgresQueue.open_at(PostgresPlace(pair.conninfo, schema="hanging"), clock=time.time)
    await queue.put([make_event("m-1")])
    for pid in pair.standby_pids():
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(QueueError):
            await queue.put([make_event("m-2")])
    finally:
        for pid in pair.standby_pids():
            os.kill(pid, signal.SIGCONT)
    stored = await queue.put([make_event("m-2")])
    assert stored.stored + stored.duplicates == 1
    balance = await queue.balance()
    assert (balance.pending, balance.unaccounted) == (2, 0)
    await queue.close()

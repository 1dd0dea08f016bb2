"""A primary that is killed, and its synchronous standby: real servers, and both of them in the queue's address."""

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from aiohttp.web import Application
from prometheus_client import CollectorRegistry

from adapter.console.health import Health, Report
from adapter.errors import QueueError
from adapter.model import Delivered, Lease
from adapter.queue.postgres.claim_rows import Terms, boot_time
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.schema import LINEAGE
from adapter.queue.postgres.state import SQL
from cluster.postgres import HOW_TO_GET_IT, programs
from tests.fakes import make_event, until
from tests.postgres import Pair, running_pair
from tests.relay import CANCEL, Relay

USERS = 8
PROBE_S, BUSY_S = 5.0, 20.0


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """With the mark `asynchronous` commits do not wait for the standby."""
    if programs() is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(HOW_TO_GET_IT)
    with running_pair(is_synchronous=not hasattr(request, "param")) as pair:
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


async def test_nothing_is_acknowledged_while_the_standby_hangs(pair: Pair, tmp_path: Path) -> None:
    """A commit waits for it: senders get an error, and what they send again afterwards is stored once. `/readyz`
    answers 503 and says where to look, and the server is not asked to cancel anything.
    """
    relay = Relay(tmp_path, pair.primary.folder)
    with relay.opened():
        queue = await PostgresQueue.open_at(PostgresPlace(relay.conninfo, schema="hanging"), clock=time.time)
        await queue.put([make_event("m-1")])
        async with serving_health(queue) as ask:
            assert (await ask("readyz"))[0] == 200
            for pid in pair.standby_pids():
                os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(QueueError, match="standbys that its commits wait for"):
                    await queue.put([make_event("m-2")])
                began_s = time.monotonic()
                status, found = await ask("readyz")
                assert time.monotonic() - began_s < PROBE_S + BUSY_S
                assert (status, found["ready"]) == (503, False)
                assert "the standbys that its commits wait for" in found["why"]
                assert await ask("healthz") == (200, {"alive": True})
            finally:
                for pid in pair.standby_pids():
                    os.kill(pid, signal.SIGCONT)
            stored = await queue.put([make_event("m-2")])
            assert stored.stored + stored.duplicates == 1
            assert (await ask("readyz"))[0] == 200
        balance = await queue.balance()
        assert (balance.pending, balance.unaccounted) == (2, 0)
        await queue.close()
    # One that hits such a commit would show what only one server has.
    assert relay.codes
    assert CANCEL not in relay.codes


LASTING = Terms(trust_s=60.0)
"""So that the trust of the old holder outlasts a slow machine."""


@pytest.mark.parametrize("pair", ["asynchronous"], indirect=True)
@pytest.mark.parametrize("is_noted", [False, pytest.param(True, marks=pytest.mark.long)], ids=["real", "control"])
async def test_a_process_that_starts_after_a_fail_over_waits_for_a_trust_it_cannot_know(
    pair: Pair, is_noted: bool
) -> None:
    """The standby has a claim as released that somebody took since, and trusts. What was acknowledged meanwhile is
    lost, and no more. The control starts where the lineage of the promoted server was noted: it claims at once.
    """
    place = PostgresPlace(pair.conninfo, schema="behind")
    one = await PostgresQueue.open_at(place, clock=time.time, terms=LASTING)
    assert await one._claims.claim(["shop"])
    await one.put([make_event(f"kept-{n}", user=f"u-{n}") for n in range(5)])
    await one._claims.release(["shop"])
    await until(lambda: asyncio.to_thread(pair.has_all))
    await asyncio.to_thread(pair.cut_standby)
    assert await one._claims.claim(["shop"])
    lost = 0
    for n in range(7):
        lost += (await one.put([make_event(f"lost-{n}", user=f"u-{n}")])).stored
    await asyncio.to_thread(pair.kill_primary)
    await asyncio.to_thread(pair.promote)
    if is_noted:
        await asyncio.to_thread(note_lineage, place)
    began_s = boot_time()
    other = await PostgresQueue.open_at(place, clock=time.time)
    is_early = await other._claims.claim(["shop"])
    assert is_early == is_noted
    assert one._claims.is_trusted("shop")
    if not is_noted:
        await until(lambda: other._claims.claim(["shop"]), within_s=60)
        assert boot_time() - began_s >= Terms().expires_s
    balance = await other.balance()
    assert (balance.pending, balance.unaccounted, lost) == (5, 0, 7)
    await other.close()
    await one.close()


def note_lineage(place: PostgresPlace) -> None:
    """As whoever has waited does."""
    with place.connect() as connection:
        found = connection.execute(SQL["lineage"].encode()).fetchall()
        connection.execute(SQL["set_state"].encode(), {"name": LINEAGE, "value": found[0][0]})


@asynccontextmanager
async def serving_health(queue: PostgresQueue) -> AsyncIterator[Callable[[str], Awaitable[tuple[int, Any]]]]:
    """`/healthz` and `/readyz` in front of the queue, over a real socket; asks one of them."""
    report = Report(stopping=False, sandbox=False, delivery="ok", why="", facts={}, gauges=())
    health = Health(inbox=queue, report=lambda: report, registry=CollectorRegistry(), is_operator=lambda _: True)
    app = Application()
    app.add_routes(health.routes())
    async with TestServer(app) as server, ClientSession() as http:

        async def ask(path: str) -> tuple[int, Any]:
            async with http.get(server.make_url(f"/{path}")) as answer:
                return answer.status, await answer.json()

        yield ask

"""Long forms: what many events leave behind in the tables that change with each of them. They print figures."""

import asyncio
import os
import time

import psycopg
import pytest

from adapter.model import Delivered
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from tests.fakes import make_event
from tests.postgres import Server, fill_lanes

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
EVENTS = int(os.environ.get("EVENTS", "200000"))
WAITING = 10_000
GROUP = 500
CLAIMS = 30


async def take_ms(queue: PostgresQueue) -> float:
    """The median of takes of 200; what they took is free again afterwards."""
    spent_s = []
    for _ in range(CLAIMS):
        start_s = time.perf_counter()
        leases = await queue.take(sources=["shop"], limit=200, lease_s=60, wait_s=20)
        spent_s.append(time.perf_counter() - start_s)
        assert len(leases) == 200
        for lease in leases:
            queue._leases.release(lease.token)
    return sorted(spent_s)[CLAIMS // 2] * 1000


async def in_and_out(queue: PostgresQueue, *, first: int, count: int) -> None:
    """So many events of 5,000 users are put, taken and delivered."""
    for start in range(first, first + count, GROUP):
        await queue.put([make_event(f"m-{n}", user=f"u-{n % 5000}") for n in range(start, start + GROUP)])
        leases = await queue.take(sources=["shop"], limit=GROUP, lease_s=60, wait_s=20)
        assert all(await asyncio.gather(*(queue.settle(lease, Delivered()) for lease in leases)))


def sizes_mb(place: PostgresPlace) -> dict[str, float]:
    with place.connect() as connection:
        size = "SELECT pg_total_relation_size(%s::regclass) / 1e6"
        return {name: float(connection.execute(size, [name]).fetchall()[0][0]) for name in ("lane", "waiting", "sent")}


async def test_a_transaction_left_open_slows_takes_little(postgres: Server) -> None:
    """No dead row can go while it is open. A take costs at most three times what it did."""
    place = postgres.made_place()
    fill_lanes(place, WAITING, due_s=time.time() - WAITING)
    queue = await PostgresQueue.open_at(place, clock=time.time)
    before_ms = await take_ms(queue)
    with psycopg.connect(postgres.conninfo) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        held.execute("SELECT 1")
        await in_and_out(queue, first=0, count=EVENTS)
        after_ms, size = await take_ms(queue), sizes_mb(place)
    print(f"take of 200: {before_ms:.1f} ms, with xmin held over {EVENTS:,} events {after_ms:.1f} ms; MB: {size}")  # noqa: T201
    await queue.close()
    assert after_ms <= 3 * before_ms


async def test_tables_that_change_with_each_event_stay_small(postgres: Server) -> None:
    """Autovacuum keeps up: lanes and what waits behind them take 100 MB at most, however many events went through."""
    place = postgres.made_place()
    queue = await PostgresQueue.open_at(place, clock=time.time)
    start_s = time.monotonic()
    await in_and_out(queue, first=0, count=EVENTS)
    size, per_s = sizes_mb(place), EVENTS / (time.monotonic() - start_s)
    print(f"{EVENTS:,} events in and out, {per_s:.0f} a second: MB {size}")  # noqa: T201
    await queue.close()
    assert size["lane"] + size["waiting"] <= 100

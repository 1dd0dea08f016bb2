"""A queue in PostgreSQL beside one in a file, on this machine: the promises are the same, the costs are not."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from adapter.model import Event
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from adapter.service.wiring import steady_clock
from bench.calls import drained
from bench.load import send
from bench.measure import Row, Sample, in_turn
from bench.messages import orders
from bench.processes import Served, adapter, bare, cpu_us, tree_cpu_us
from bench.queues import fill, new_folder, order_events
from cluster.postgres import HOW_TO_GET_IT, programs
from tests.postgres import Server, fill_lanes, running_server, server_pid

SINGLES = 4_000
CONNECTIONS = 128
DELIVERED = 6_000
FEW, MANY = 10_000, 1_000_000
CLAIMED = 200
CLAIMS = 20
_GROUP = 500
_NOT_HERE = f"not measured: {HOW_TO_GET_IT}"

Used = Callable[[], float | None]
"""Microseconds of CPU until now."""


async def postgres_acknowledged(folder: Path) -> Row:
    """Durable acknowledgements of single events a second, with PostgreSQL beside a file."""
    row = Row(
        name="postgres_acknowledged",
        what="single events, each answered when PostgreSQL has synced them; CPU with the server's",
        unit="acks/s",
        peer="the same with a SQLite queue",
        target="≥ 0.6, CPU ≥ 0.5",
        ours=(),
        theirs=(),
    )
    if programs() is None:
        return _left_out(row)
    (here := folder / "postgres").mkdir()
    (there := folder / "sqlite").mkdir()
    with running_server() as server:
        async with (
            bare("browsee") as browsee,
            _adapter(here, browsee, server, "acknowledged", rate="1/s") as (ours, used),
            adapter(there, browsee=browsee, rate="1/s") as theirs,
        ):
            samples = await in_turn(_singles(ours, used), _singles(theirs, lambda: cpu_us(theirs.pid)))
    return _with(row, samples)


async def postgres_delivered(folder: Path) -> Row:
    """Calls delivered a second from a full queue, with PostgreSQL beside a file."""
    row = Row(
        name="postgres_delivered",
        what="calls delivered by one replica, from PostgreSQL to settled; CPU with the server's",
        unit="calls/s",
        peer="the same with a SQLite queue",
        target="≥ 0.7, CPU ≥ 0.67",
        ours=(),
        theirs=(),
    )
    if programs() is None:
        return _left_out(row)
    events = order_events(DELIVERED)
    with running_server() as server:

        async def ours(number: int) -> Sample:
            await _fill_postgres(server, f"delivered_{number}", events)
            place = new_folder(folder, number)
            async with (
                bare("browsee") as browsee,
                _adapter(place, browsee, server, f"delivered_{number}", rate="100000/s") as (_, used),
            ):
                return await drained(browsee, DELIVERED, used)

        async def theirs(number: int) -> Sample:
            place = new_folder(folder, 1000 + number)
            await fill(place / "queue.db", events)
            async with bare("browsee") as browsee, adapter(place, browsee=browsee, rate="100000/s") as served:
                return await drained(browsee, DELIVERED, lambda: cpu_us(served.pid))

        samples = await in_turn(ours, theirs)
    return _with(row, samples)


async def postgres_claimed(folder: Path) -> Row:
    """Milliseconds for a take of 200 events with a million users waiting, beside 10,000."""
    del folder
    row = Row(
        name="postgres_claimed",
        what=f"a take of {CLAIMED} events from PostgreSQL with {MANY:,} users waiting",
        unit="ms",
        peer=f"with {FEW:,} waiting",
        target="≤ 1.5",
        ours=(),
        theirs=(),
    )
    if programs() is None:
        return _left_out(row)
    with running_server() as server:
        queues = []
        for lanes in (MANY, FEW):
            place = server.made_place()
            fill_lanes(place, lanes, due_s=time.time() - lanes)
            queues.append(await PostgresQueue.open_at(place, clock=steady_clock()))

        def side(queue: PostgresQueue) -> Callable[[int], Awaitable[Sample]]:
            async def measure(_: int) -> Sample:
                spent_s = 0.0
                for _ in range(CLAIMS):
                    started_s = time.perf_counter()
                    leases = await queue.take(sources=["shop"], limit=CLAIMED, lease_s=60, wait_s=20)
                    spent_s += time.perf_counter() - started_s
                    assert len(leases) == CLAIMED
                    for lease in leases:
                        assert queue.holds(lease)
                        queue._leases.release(lease.token)  # noqa: SLF001 - as an expired one: the next take has it again
                return Sample(spent_s / CLAIMS * 1000)

            return measure

        samples = await in_turn(side(queues[0]), side(queues[1]))
        for queue in queues:
            await queue.close()
    return _with(row, samples)


POSTGRES_ROWS = (postgres_acknowledged, postgres_delivered, postgres_claimed)


@asynccontextmanager
async def _adapter(
    folder: Path, browsee: Served, server: Server, schema: str, *, rate: str
) -> AsyncIterator[tuple[Served, Used]]:
    """A replica, and the CPU that it and the server have used."""
    pid = server_pid(server.folder)
    async with adapter(folder, browsee=browsee, rate=rate, environ={"ADAPTER_QUEUE": server.url(schema)}) as served:

        def used() -> float | None:
            own, its = cpu_us(served.pid), tree_cpu_us(pid)
            return None if own is None or its is None else own + its

        yield served, used


def _singles(served: Served, used: Used) -> Callable[[int], Awaitable[Sample]]:
    async def measure(number: int) -> Sample:
        bodies, before = orders(number * SINGLES, SINGLES), used()
        wall_s = await send(served.webhook, bodies, connections=CONNECTIONS)
        after = used()
        return Sample(SINGLES / wall_s, None if before is None or after is None else (after - before) / SINGLES)

    return measure


async def _fill_postgres(server: Server, schema: str, events: list[Event]) -> None:
    queue = await PostgresQueue.open_at(PostgresPlace(server.conninfo, schema=schema), clock=steady_clock())
    for start in range(0, len(events), _GROUP):
        await queue.put(events[start : start + _GROUP])
    await queue.close()


def _with(row: Row, samples: tuple[tuple[Sample, ...], tuple[Sample, ...]]) -> Row:
    return Row(row.name, row.what, row.unit, row.peer, row.target, *samples)


def _left_out(row: Row) -> Row:
    return Row(row.name, row.what, row.unit, _NOT_HERE, row.target, (), ())

"""The cost of a take, by the number of sources that share a Browsee key."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from adapter.model import Event, Reason, Retry
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.wiring import steady_clock
from bench.measure import Row, Sample, in_turn
from bench.messages import order

LANES = 10_000
MANY = 100
TAKES = 60
LIMIT = 16
_RELEASED = Retry(Reason.STOPPING, 0, counted=False)


async def sources_taken(folder: Path) -> Row:
    """Microseconds of CPU for a take of 16 events of many sources."""
    many, one = [f"bench-{number}" for number in range(MANY)], ["bench-0"]
    queues = [await _filled(folder / f"{len(names)}.db", names) for names in (many, one)]

    async def ours(_: int) -> Sample:
        return Sample(await _take_us(queues[0], many))

    async def theirs(_: int) -> Sample:
        return Sample(await _take_us(queues[1], one))

    samples = await in_turn(ours, theirs)
    for queue in queues:
        await queue.close()
    return Row(
        name="sources_taken",
        what=f"CPU of a take of {LIMIT} events, {MANY} sources on one Browsee key",
        unit="µs",
        peer="one source",
        target="≤ 1.5",
        ours=samples[0],
        theirs=samples[1],
    )


async def _filled(path: Path, sources: Sequence[str]) -> SqliteQueue:
    queue = await SqliteQueue.open(path, now=steady_clock())
    for first in range(0, LANES, 500):
        await queue.put([_event(number, sources[number % len(sources)]) for number in range(first, first + 500)])
    return queue


def _event(number: int, source: str) -> Event:
    """Of a user of its own."""
    body, now = order(number, users=LANES), datetime.now(UTC)
    return Event(source, body["messageId"], "track", body["userId"], body["anonymousId"], now, now, body)


async def _take_us(queue: SqliteQueue, sources: Sequence[str]) -> float:
    """CPU of both threads; the taken events are due again before the next take."""
    spent_s = 0.0
    for _ in range(TAKES):
        started_s = time.process_time()
        leases = await queue.take(sources=sources, limit=LIMIT, lease_s=60, wait_s=0)
        spent_s += time.process_time() - started_s
        assert len(leases) == LIMIT
        await asyncio.gather(*(queue.settle(lease, _RELEASED) for lease in leases))
    return spent_s / TAKES * 1e6


TAKE_ROWS = (sources_taken,)

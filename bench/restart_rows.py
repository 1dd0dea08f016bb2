"""Rows about a start after kill −9 with a full queue. Both come from the same starts, which the first one makes."""

import os
import signal
import time
from pathlib import Path

from msgspec.structs import replace

from adapter.model import Event
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.wiring import steady_clock
from bench.load import send
from bench.measure import ROUNDS, Row, Sample
from bench.messages import batches, orders
from bench.processes import Served, adapter, bare, memory_mb
from bench.queues import order_events

PENDING = 1_000_000
FILLING_S = 45.0
_GROUP = 2_000
_PEER = "none, the figure itself counts"
_FOUND: list[tuple[int, list[tuple[float, float]]]] = []


async def restarted(folder: Path) -> Row:
    """Seconds from a start after kill −9 until the first acknowledgement, with very many events waiting."""
    count, starts = await _starts(folder)
    seconds = tuple(Sample(each[0]) for each in starts)
    what = f"a start after kill −9 with {count:,} waiting, until the first acknowledgement"
    return Row("restarted", what, "s", _PEER, "≤ 0.5 s", seconds, ())


async def restarted_memory(folder: Path) -> Row:
    """Memory at the first acknowledgement after such a start."""
    count, starts = await _starts(folder)
    memory = tuple(Sample(each[1]) for each in starts)
    what = f"resident memory at the first acknowledgement after a start with {count:,} waiting"
    return Row("restarted_memory", what, "MB", _PEER, "≤ 90 MB", memory, ())


RESTART_ROWS = (restarted, restarted_memory)


async def _starts(folder: Path) -> tuple[int, list[tuple[float, float]]]:
    """The number of waiting events, and seconds and MB of each start but the first, which follows no kill."""
    if not _FOUND:
        count = await _fill(folder / "queue.db")
        async with bare("browsee") as browsee:
            starts = [await _start(folder, browsee, number) for number in range(ROUNDS + 1)]
        _FOUND.append((count, starts[1:]))
    return _FOUND[0]


async def _start(folder: Path, browsee: Served, number: int) -> tuple[float, float]:
    started_s = time.perf_counter()
    async with adapter(folder, browsee=browsee, rate="1/s") as served:
        await send(served.webhook, orders(number, 1), connections=1)
        taken_s, memory = time.perf_counter() - started_s, memory_mb(served.pid, "VmRSS")
        # Data in the log that the next start has to read.
        await send(served.webhook, batches(1_000 + number * 1_000, 10), connections=4)
        os.kill(served.pid, signal.SIGKILL)
    return taken_s, memory


async def _fill(path: Path) -> int:
    """The number of small events that wait now: all of them, or as many as could be stored in time."""
    [like] = order_events(1)
    like = replace(like, type="page", body={"type": "page", "properties": {"path": "/"}})
    started_s, queue = time.perf_counter(), await SqliteQueue.open(path, now=steady_clock())
    count = 0
    while count < PENDING and time.perf_counter() - started_s < FILLING_S:
        await queue.put([_event(like, number) for number in range(count, count + _GROUP)])
        count += _GROUP
    await queue.close()
    return count


def _event(like: Event, number: int) -> Event:
    return replace(like, message_id=f"waiting-{number:09}", user_id=f"u-{number % 100_000:06}")

"""`python -m bench.sizes`: the bytes of an event on disk in each state, and the memory of the service beside many.

Bytes hardly differ between machines; docs/scale.md shows them.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import orjson
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from adapter.model import Dead, Delivered, Event, Outcome, Reason
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.mappings import read_message
from bench.messages import ORDER, order
from bench.processes import bare, memory_mb

EVENTS = 20_000
BACKLOG = 200_000
SETTLED = "0123456789ab"
"""A version of a mapping, as each outcome has one."""

_SOURCE = "bench"
_GROUP = 1_000
_DELIVERING_S = 10.0
STATES: dict[str, Outcome | None] = {
    "waits": None,
    "is delivered, until `retention.history`": Delivered(),
    "is dead, until `retention.dead`": Dead(Reason.REFUSED_BY_MAPPING, "`total` is required and absent"),
}


async def main() -> None:
    """Measure and print."""
    table = Table(title=f"Orders of {len(orjson.dumps(ORDER)):,} bytes each, by 1,000 users")
    table.add_column("")
    table.add_column("bytes", justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for number, (state, outcome) in enumerate(STATES.items()):
            size = await bytes_an_event(Path(folder) / f"{number}.db", outcome)
            table.add_row(f"on disk for an event that {state}", f"{size:,.0f}")
        table.add_row("of these for its id, until `retention.dedup`", f"{id_bytes(Path(folder) / '0.db'):,.0f}")
        for waiting in (0, BACKLOG):
            file = Path(folder) / f"{waiting}-waiting.db"
            await (await filled(file, waiting)).close()
            table.add_row(f"in memory at most, with {waiting:,} that wait", f"{await peak_memory_mb(file) * 1e6:,.0f}")
    Console().print(table)


async def bytes_an_event(file: Path, outcome: Outcome | None, *, events: int = EVENTS) -> float:
    """Bytes on disk for each of `events` in a new queue `file` that ended so; None: they wait."""
    queue = await filled(file, events)
    while outcome is not None and (leases := await queue.take(sources=[_SOURCE], limit=500, lease_s=60, wait_s=0)):
        await asyncio.gather(*(queue.settle(lease, outcome, mapping=SETTLED) for lease in leases))
    await queue.close()
    return used_bytes(file) / events


async def filled(file: Path, events: int) -> SqliteQueue:
    """A queue in which so many orders of 1,000 users wait."""
    queue = await SqliteQueue.open(file, now=time.time)
    for first in range(0, events, _GROUP):
        await queue.put([_event(number) for number in range(first, min(first + _GROUP, events))])
    return queue


def used_bytes(file: Path) -> int:
    """The used pages, which `retention.max_disk` counts."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    connection.close()
    return int((pages - free) * size)


def id_bytes(file: Path, *, events: int = EVENTS) -> float:
    """Bytes of the index of ids seen, for each of `events`."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    (size,) = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name IN ('seen', 'seen_recent')").fetchone()
    connection.close()
    return float(size) / events


async def peak_memory_mb(file: Path) -> float:
    """The peak memory of the service after a start on this queue and ten seconds of delivery."""
    async with bare("browsee") as browsee:
        config = file.with_suffix(".yaml")
        config.write_text(
            f"queue: sqlite:///{file}\nbrowsee: {{url: {browsee.url}/api/v1, rate: 1000/s}}\n"
            f"sources: {{{_SOURCE}: {{keys: [bench-key], browsee_api_key: bench-browsee-key}}}}\n"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adapter", "serve", "--host", "127.0.0.1", "--port", "0", "--config", str(config)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await asyncio.sleep(_DELIVERING_S)
        peak = memory_mb(process.pid, "VmHWM")
        process.terminate()
        await process.wait()
    return peak


def _event(number: int) -> Event:
    return replace(read_message(order(number)), source=_SOURCE)


if __name__ == "__main__":
    asyncio.run(main())

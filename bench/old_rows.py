"""The cost of a put into a queue that remembers many ids, beside the same in a new one."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from adapter.model import Event
from adapter.queue.records import Retention
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.seen_filter import SPANS
from adapter.queue.sqlite.statements import statements
from adapter.service.mappings import read_message
from adapter.service.wiring import steady_clock
from bench.measure import Row, Sample, Side, in_turn
from bench.messages import order

REMEMBERED = 20_000_000
EVENTS = 20_000
_ARRAY = 100
_AT_ONCE = 10_000


async def old(folder: Path) -> Row:
    """Microseconds of CPU for each event that is put into a queue that remembers many ids."""
    remember(folder / "old.db", REMEMBERED)
    queues = [await SqliteQueue.open(folder / name, now=steady_clock()) for name in ("old.db", "new.db")]
    while await queues[0]._commits.read(queues[0]._rows.take_in_ids):  # noqa: SLF001 - what upkeep does in a minute
        pass
    ours, theirs = await in_turn(*map(_puts, queues))
    for queue in queues:
        await queue.close()
    return Row(
        name="old",
        what=f"a put of {_ARRAY} with {REMEMBERED:,} ids remembered, CPU of each",
        unit="µs",
        peer="itself with none",
        target="≤ 1.3",
        ours=ours,
        theirs=theirs,
    )


def remember(file: Path, count: int) -> None:
    """Make a queue that saw so many ids within its dedup window, at an even pace."""
    now_us, window_us = time.time_ns() // 1000, round(Retention().dedup_s * 1e6)
    with closing(connect(FilePlace(file))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for span in range(SPANS):
            ended_us = now_us - window_us * (SPANS - 1 - span) // SPANS
            connection.execute("BEGIN")
            connection.execute(statements("seen.sql")["add_run"], (span, count // SPANS, ended_us))
            connection.executemany("INSERT INTO seen (run, digest, seq) VALUES (?, ?, 1)", _digests(span + 1, count))
            connection.execute("COMMIT")


def _digests(run: int, count: int) -> Iterator[tuple[int, bytes]]:
    """In order, which saves sorting them: the first bytes count up, the others are random."""
    ids = count // SPANS
    for first in range(0, ids, _AT_ONCE):
        random = os.urandom(12 * _AT_ONCE)
        for n in range(min(_AT_ONCE, ids - first)):
            yield run, ((first + n) * 2**32 // ids).to_bytes(4, "big") + random[12 * n : 12 * n + 12]


def _puts(queue: SqliteQueue) -> Side:
    async def measure(number: int) -> Sample:
        events = [_event(number * EVENTS + n) for n in range(EVENTS)]
        started = time.process_time()
        for first in range(0, EVENTS, _ARRAY):
            await queue.put(events[first : first + _ARRAY])
        return Sample((time.process_time() - started) / EVENTS * 1e6)

    return measure


def _event(number: int) -> Event:
    return replace(read_message(order(number)), source="bench")


OLD_ROWS = (old,)

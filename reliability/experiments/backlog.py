"""Experiment 16: a large backlog. It starts soon, in little memory, and drains as fast as a small one."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median

from adapter.model import Event
from adapter.queue.sqlite.queue import SqliteQueue
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.oracle import Message
from reliability.polling import until
from reliability.stage import SOURCE, Setup, Stage

START_S = 2.0
MEMORY_BYTES = 200_000_000
SMALL = 10_000
EVENTS_A_USER = 10
_FAST = "100000/s"
_GROUP = 1000
_WARM_S = 1.0
_NEARLY_ALL = 0.9
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class _Form:
    """The number of waiting events, how often and how long at most the drain is measured beside that of a small
    backlog, and the share of its rate that the large backlog must reach.
    """

    pending: int
    rounds: int
    watched_s: float
    share: float


# Two seconds on a busy test machine measure little, so only a collapse counts.
_SHORT = _Form(pending=20_000, rounds=1, watched_s=2.0, share=0.25)
_LONG = _Form(pending=2_000_000, rounds=5, watched_s=15.0, share=0.9)


async def run(trial: Trial) -> Findings:
    """At the adapter's full speed."""
    return await _drain(trial, _SHORT if trial.is_short else _LONG, rate=_FAST)


async def run_wrong(trial: Trial) -> Findings:
    """The large backlog is drained at a pinned rate: the check must detect that it is slower."""
    return await _drain(trial, _SHORT, rate="50/s")


async def _drain(trial: Trial, form: _Form, *, rate: str) -> Findings:
    template = trial.folder / "small.db"
    await _preload(template, SMALL)
    async with Stage.opened(_folder(trial, "large"), Setup(rate=rate), starts=False) as large:
        await _preload(large.queue, form.pending)
        rounds = [
            await _side_by_side(_folder(trial, f"small-{number}"), template, large, form)
            for number in range(form.rounds)
        ]
        memory_mb = large.peak_memory_bytes / 1e6
    share = median(one.large_per_s / one.small_per_s for one in rounds)
    start_s, small_start_s = (max(starts) for starts in zip(*(one.starts_s for one in rounds), strict=True))
    broken = []
    # On a busy machine every start is slow; the small backlog shows how slow.
    if start_s > START_S + small_start_s:
        broken.append(
            f"H: {start_s:.1f} s to start with {form.pending:,} pending, {small_start_s:.1f} s with {SMALL:,}"
        )
    if share < form.share:
        broken.append(f"P: with {form.pending:,} pending calls go {share:.2f} times as fast as with {SMALL:,}")
    if memory_mb > MEMORY_BYTES / 1e6:
        broken.append(f"R: {memory_mb:.0f} MB of memory; {MEMORY_BYTES / 1e6:.0f} MB at most")
    note = (
        f"{form.pending:,} pending: started in {start_s:.1f} s, at most {memory_mb:.0f} MB; calls go {share:.2f} times "
        f"as fast as with {SMALL:,} pending"
    )
    return Findings(acked=form.pending, recovery_s=start_s, broken=tuple(broken), note=note)


def _folder(trial: Trial, name: str) -> Path:
    folder = trial.folder / name
    folder.mkdir()
    return folder


@dataclass(frozen=True, slots=True)
class _Round:
    """Calls a second, and seconds to start: of the large backlog and of the small one."""

    large_per_s: float
    small_per_s: float
    starts_s: tuple[float, float]


async def _side_by_side(folder: Path, template: Path, large: Stage, form: _Form) -> _Round:
    """Drain the large backlog and a new small one at the same time, so that both have the same machine; both adapters
    are killed at the end.
    """
    async with Stage.opened(folder, Setup(rate=_FAST), starts=False) as small:
        shutil.copy(template, small.queue)

        async def is_nearly_empty() -> bool:
            return await small.count() >= _NEARLY_ALL * SMALL

        starts_s = await asyncio.gather(large.start(), small.start())
        await asyncio.sleep(_WARM_S)
        before, began_s = await asyncio.gather(large.count(), small.count()), time.monotonic()
        await until(is_nearly_empty, within_s=form.watched_s, every_s=_LOOK_EVERY_S)
        after, took_s = await asyncio.gather(large.count(), small.count()), time.monotonic() - began_s
        await asyncio.gather(large.kill(), small.kill())
    large_per_s, small_per_s = ((now - then) / took_s for then, now in zip(before, after, strict=True))
    return _Round(large_per_s, max(small_per_s, 1.0), starts_s)


async def _preload(file: Path, count: int) -> None:
    """Put `count` events into the queue file, as ingest would, without HTTP."""
    queue = await SqliteQueue.open(file, now=time.time)
    try:
        events = _events(count)
        while group := list(islice(events, _GROUP)):
            await queue.put(group)
    finally:
        await queue.close()


def _events(count: int) -> Iterator[Event]:
    received_at = datetime.now(UTC)
    users = max(1, count // EVENTS_A_USER)
    for number in range(count):
        message = Message(f"user-{number % users}", number // users)
        yield Event(
            source=SOURCE,
            message_id=message.message_id,
            type="track",
            user_id=message.user,
            anonymous_id=None,
            timestamp=received_at,
            received_at=received_at,
            body=message.body,
        )


EXPERIMENT = Experiment(
    number="16",
    what="a large backlog",
    run=run,
    control=Control("drained at a pinned rate", "P", run_wrong),
    max_s=900.0,
    seeds=1,
    no_server="it compares files; the plans and figures of a server have tests of their own",
)

"""Experiment 16: a large backlog. It starts soon, in little memory, and drains as fast as a small one."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from adapter.chaos.findings import Control, Experiment, Findings, Trial
from adapter.chaos.oracle import Message
from adapter.chaos.stage import SOURCE, Setup, Stage
from adapter.model import Event
from adapter.queue.sqlite import SqliteQueue

START_S = 2.0
MEMORY_BYTES = 200_000_000
SMALL = 10_000
EVENTS_A_USER = 10
_GROUP = 1000


@dataclass(frozen=True, slots=True)
class _Form:
    """How many events wait, how long the drain is watched, and what share of the small backlog's rate it must have."""

    pending: int
    watched_s: float
    share: float


# Two seconds beside whatever else a test machine does are no measurement: only a collapse is held to be one.
_SHORT = _Form(pending=20_000, watched_s=2.0, share=0.25)
_LONG = _Form(pending=2_000_000, watched_s=15.0, share=0.9)


async def run(trial: Trial) -> Findings:
    """As fast as the adapter can."""
    return await _drain(trial, _SHORT if trial.is_short else _LONG, rate="100000/s")


async def run_wrong(trial: Trial) -> Findings:
    """The large backlog is drained at a pinned rate: it must be seen to be slower."""
    return await _drain(trial, _SHORT, rate="50/s")


async def _drain(trial: Trial, form: _Form, *, rate: str) -> Findings:
    small, small_start_s, _ = await _measured(trial, replace(form, pending=SMALL), rate="100000/s")
    large, start_s, found = await _measured(trial, form, rate=rate)
    broken = list(found.broken)
    # On a busy machine every start is slow: the small backlog says how slow.
    if start_s > START_S + small_start_s:
        broken.append(
            f"H: {start_s:.1f} s to start with {form.pending:,} pending, {small_start_s:.1f} s with {SMALL:,}"
        )
    if large < form.share * small:
        broken.append(f"P: {large:.0f}/s with {form.pending:,} pending, {small:.0f}/s with {SMALL:,}")
    note = f"{found.note}; {large:.0f}/s, and {small:.0f}/s with {SMALL:,} pending"
    return replace(found, broken=tuple(broken), note=note)


async def _measured(trial: Trial, form: _Form, *, rate: str) -> tuple[float, float, Findings]:
    """Calls a second while the backlog is drained, seconds to start, and what else was found."""
    folder = trial.folder / f"{form.pending}-{rate.replace('/', '-')}"
    folder.mkdir()
    async with Stage.opened(folder, Setup(rate=rate), starts=False) as stage:
        await _preload(stage.queue, form.pending)
        start_s = await stage.start()
        first, began_s = await stage.count(), time.monotonic()
        await asyncio.sleep(form.watched_s)
        per_s = (await stage.count() - first) / (time.monotonic() - began_s)
        killed_s = time.monotonic()
        await stage.kill()
        await stage.start()
        recovery_s = time.monotonic() - killed_s
        stage.note_memory()
    broken = []
    if stage.peak_memory_bytes > MEMORY_BYTES:
        broken.append(f"R: {stage.peak_memory_bytes / 1e6:.0f} MB of memory; {MEMORY_BYTES / 1e6:.0f} MB at most")
    note = f"{form.pending:,} pending: started in {start_s:.1f} s, at most {stage.peak_memory_bytes / 1e6:.0f} MB"
    return per_s, start_s, Findings(acked=form.pending, recovery_s=recovery_s, broken=tuple(broken), note=note)


async def _preload(file: Path, count: int) -> None:
    """Put `count` events into the queue file, as ingest would, without the way there."""
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
)

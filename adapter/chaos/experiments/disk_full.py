"""Experiment 11: the disk is full. It says 503 at once, goes on delivering, and recovers by itself.

On a small file system in memory, which only root can mount. A read-only remount and EIO are left out: the first is
refused while the queue is open, the second needs a tool that puts faults into system calls.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from adapter.chaos.checks import ACCEPTED
from adapter.chaos.findings import Control, Experiment, Findings, Skipped, Trial
from adapter.chaos.judge import judged
from adapter.chaos.oracle import Message, Oracle
from adapter.chaos.polling import until
from adapter.chaos.sender import load, post, users
from adapter.chaos.stage import Setup, Stage
from adapter.chaos.wrong import MODULE

DISK_BYTES = 80_000_000
ANSWER_S = 1.0
RECOVERY_S = 10.0
USERS = 20
EACH = 10
_STOPPED = "L: what was stored was not delivered while the disk was full"
_CALL_S = 0.1
_SCRIPT = f"- {{delay_s: {_CALL_S}}}\n"


async def run(trial: Trial) -> Findings:
    """The adapter as it is."""
    return await _fill(trial, Setup(script=_SCRIPT), rest_s=30.0)


async def run_wrong(trial: Trial) -> Findings:
    """An adapter that acknowledges before the commit: it says 200 to what cannot be stored."""
    return await _fill(trial, Setup(script=_SCRIPT, module=MODULE), rest_s=2.0)


async def _fill(trial: Trial, setup: Setup, *, rest_s: float) -> Findings:
    oracle, broken = Oracle(), list[str]()
    disk = trial.folder / "disk"
    disk.mkdir()
    async with _mounted(disk), Stage.opened(trial.folder, setup, starts=False) as stage:
        stage.queue = disk / "queue.db"
        await stage.start()
        await load(stage, oracle, users(USERS), each=EACH)
        _fill_up(disk)
        broken += await _refused(stage, oracle)
        broken += await _delivers(stage, oracle)
        (disk / "filler").unlink()
        freed_s = time.monotonic()
        await until(partial(_stores, stage, oracle), within_s=RECOVERY_S)
        recovery_s = time.monotonic() - freed_s
        if recovery_s >= RECOVERY_S:
            broken.append(f"L: it did not store again within {RECOVERY_S:.0f} s")
        return await judged(stage, oracle, broken=broken, recovery_s=recovery_s, rest_s=rest_s)


@asynccontextmanager
async def _mounted(disk: Path) -> AsyncIterator[None]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise Skipped("needs root, to mount a small file system")
    if await _ran("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "chaos", str(disk)) != 0:
        raise Skipped("this machine lets nobody mount a file system")
    try:
        yield
    finally:
        await _ran("umount", "--lazy", str(disk))


async def _ran(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


def _fill_up(disk: Path) -> None:
    """Take every byte that is left."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (65536, 4096, 512):
            _write_all(filler.fileno(), b"\0" * size)


def _write_all(descriptor: int, chunk: bytes) -> None:
    try:
        while os.write(descriptor, chunk):
            pass
    except OSError:
        return


async def _refused(stage: Stage, oracle: Oracle) -> list[str]:
    """What is not stored is refused, soon, and `/readyz` says so. The log has room for a few events first."""
    broken, statuses = list[str](), list[int]()
    for number in range(200):
        began_s = time.monotonic()
        statuses.append(await post(stage, oracle, Message("full", number)))
        took_s = time.monotonic() - began_s
        if took_s > ANSWER_S:
            broken.append(f"L: an answer took {took_s:.1f} s while the disk was full")
    if not set(statuses) <= {200, 503}:
        broken.append(f"H: {sorted(set(statuses))} were answered while the disk was full; 503 would be true")
    if 503 not in statuses:
        broken.append("H: nothing was refused while the disk was full")
    elif await stage.is_ready():
        broken.append("H: /readyz said ready while the disk was full")
    return broken


async def _delivers(stage: Stage, oracle: Oracle) -> list[str]:
    """What is stored goes on to Browsee."""

    async def has_passed() -> bool:
        passed = {call.message_id for call in await stage.calls() if call.status == ACCEPTED}
        return oracle.obligations.keys() <= passed

    passed = await until(has_passed, within_s=5.0, every_s=0.1)
    return [] if passed else [_STOPPED]


async def _stores(stage: Stage, oracle: Oracle) -> bool:
    number = sum(message.user == "after" for message in oracle.obligations.values())
    return await post(stage, oracle, Message("after", number)) == 200


EXPERIMENT = Experiment(
    number="11",
    what="the disk is full",
    run=run,
    control=Control("acknowledges before the commit", "CH", run_wrong),
)

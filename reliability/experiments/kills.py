"""Experiment 1: SIGKILL at random instants under load, restarted at once."""

import asyncio
import time
from dataclasses import replace

from reliability.checks import Bounds
from reliability.faulty_service import MODULE
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import judge
from reliability.oracle import CALLS, ORDER, Oracle
from reliability.sender import load, users
from reliability.stage import Setup, Stage

USERS = 20
READY_S = 2.0


async def run(trial: Trial) -> Findings:
    """Kill the adapter under load, several times; every acknowledged message must be delivered."""
    return await _kill(trial, Setup(), rest_s=30.0)


async def run_wrong(trial: Trial) -> Findings:
    """The same with an adapter that acknowledges before the commit."""
    return await _kill(trial, Setup(module=MODULE), rest_s=3.0)


async def _kill(trial: Trial, setup: Setup, *, rest_s: float) -> Findings:
    chance, oracle = trial.chance, Oracle()
    each, kills = (60, 3) if trial.is_short else (300, 10)
    async with Stage.opened(trial.folder, replace(setup, queue=trial.queue), starts=False) as stage:
        # On a busy machine every start is slow; one with nothing to recover shows how slow.
        ready_s = READY_S + 3 * await stage.start()
        loading = asyncio.create_task(load(stage, oracle, users(USERS), each=each, event=ORDER))
        recoveries = []
        for kill in range(kills):
            # Spread over the load, and never at the same point of a commit twice.
            await oracle.reached(int(USERS * each * (kill + chance.uniform(0.2, 0.8)) / kills))
            await asyncio.sleep(chance.uniform(0, 0.02))
            killed_s = time.monotonic()
            await stage.kill()
            await stage.start()
            recoveries.append(time.monotonic() - killed_s)
        await loading
        # Within a lane one event is in flight, so that each kill may repeat the calls of one event a user.
        bounds = Bounds(duplicates=kills * USERS * len(CALLS[ORDER]))
        found = await judge(stage, oracle, bounds=bounds, recovery_s=max(recoveries), rest_s=rest_s)
    if max(recoveries) > ready_s:
        slow = f"H: it took {max(recoveries):.1f} s to be ready again; {ready_s:.1f} s at most"
        return replace(found, broken=(*found.broken, slow))
    return found


EXPERIMENT = Experiment(
    number="1",
    what="SIGKILL under load",
    run=run,
    control=Control("acknowledges before the commit", "C", run_wrong),
    seeds=5,
)

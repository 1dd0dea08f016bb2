"""Experiment 3: SIGTERM while slow calls are open. The adapter accepts no more, ends open calls, and repeats none."""

import asyncio
import signal
import time
from dataclasses import replace
from functools import partial

from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import judge
from reliability.oracle import Message, Oracle
from reliability.polling import until
from reliability.sender import load, post, users
from reliability.stage import Setup, Stage

USERS = 20
EACH = 2
CALL_S = 0.8
GRACE_S = 25.0
_SETUP = Setup(script=f"- {{delay_s: {CALL_S}}}\n")


async def run(trial: Trial) -> Findings:
    """SIGTERM, as a deployment sends it."""
    return await _stop(trial, signal.SIGTERM)


async def run_wrong(trial: Trial) -> Findings:
    """SIGKILL instead: open calls are not awaited."""
    return await _stop(trial, signal.SIGKILL)


async def _stop(trial: Trial, number: signal.Signals) -> Findings:
    oracle, broken = Oracle(), list[str]()
    async with Stage.opened(trial.folder, replace(_SETUP, queue=trial.queue)) as stage:
        await load(stage, oracle, users(USERS), each=EACH)
        await until(partial(_are_open, stage, at_least=USERS // 2))
        await asyncio.sleep(trial.chance.uniform(0, CALL_S / 2))
        began_s = time.monotonic()
        stage.signal(number)
        await asyncio.sleep(CALL_S / 5)
        if await post(stage, oracle, Message("late", 0)) == 200:
            broken.append("H: it took an event after SIGTERM")
        await stage.ended()
        took_s = time.monotonic() - began_s
        if took_s > GRACE_S:
            broken.append(f"L: stopping took {took_s:.1f} s; {GRACE_S:.0f} s at most")
        await stage.start()
        return await judge(stage, oracle, broken=broken, note=f"stopped in {took_s:.1f} s")


async def _are_open(stage: Stage, *, at_least: int) -> bool:
    return await stage.count() >= at_least


EXPERIMENT = Experiment(
    number="3", what="SIGTERM with slow calls open", run=run, control=Control("SIGKILL instead", "D", run_wrong)
)

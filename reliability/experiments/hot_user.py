"""Experiment 15: one user with a long backlog of slow calls. Other users do not wait for it."""

import time
from dataclasses import replace

from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import FRESH_S, fresh, judge
from reliability.oracle import Message, Oracle
from reliability.sender import send_batch
from reliability.stage import Setup, Stage

HOT = "hot"
CALL_S = 0.05
FRESH_USERS = 10


async def run(trial: Trial) -> Findings:
    """Events of other users pass at once, while the hot user's calls continue."""
    async with Stage.opened(trial.folder, replace(_SETUP, queue=trial.queue)) as stage:
        oracle = await _heated(trial, stage)
        broken, slowest_s = list[str](), 0.0
        for number in range(FRESH_USERS):
            began_s = time.monotonic()
            broken += await fresh(stage, oracle, stage.calls, user=f"user-{number}", within_s=_patience_s(trial))
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        if not await _is_hot(stage, oracle):
            broken.append("L: the hot user was done before the others were asked about")
        note = f"the slowest of {FRESH_USERS} others took {slowest_s:.2f} s"
        return await judge(stage, oracle, broken=broken, note=note, rest_s=60.0)


async def run_wrong(trial: Trial) -> Findings:
    """All events have the hot user's id, as with a shared `guest`: later events wait for all before."""
    async with Stage.opened(trial.folder, replace(_SETUP, queue=trial.queue)) as stage:
        oracle = await _heated(trial, stage)
        broken = await fresh(stage, oracle, stage.calls, user=HOT, within_s=_patience_s(trial))
        return Findings(acked=len(oracle), broken=tuple(broken))


_SETUP = Setup(script=f"- {{when: {{user: {HOT}}}, delay_s: {CALL_S}}}\n")


def _patience_s(trial: Trial) -> float:
    return FRESH_S / 4 if trial.is_short else FRESH_S


async def _heated(trial: Trial, stage: Stage) -> Oracle:
    """A backlog of twice the time that other events may take."""
    oracle = Oracle()
    backlog = round(2 * _patience_s(trial) / CALL_S)
    await send_batch(stage, oracle, [Message(HOT, number) for number in range(backlog)])
    return oracle


async def _is_hot(stage: Stage, oracle: Oracle) -> bool:
    owed = sum(message.user == HOT for message in oracle.obligations.values())
    return sum(call.user == HOT for call in await stage.calls()) < owed


EXPERIMENT = Experiment(
    number="15",
    what="a hot user",
    run=run,
    control=Control("all have the hot user's id", "L", run_wrong),
)

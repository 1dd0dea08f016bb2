"""Experiment 4: Browsee has a limit that nobody states. The adapter finds it, uses it, and hardly ever exceeds it.

A limit that moves is held against the same controller on a virtual clock, by the project's own tests.
"""

import asyncio
from dataclasses import dataclass, replace

from adapter.chaos.checks import Seen
from adapter.chaos.findings import Control, Experiment, Findings, Trial, together
from adapter.chaos.oracle import Message, Oracle
from adapter.chaos.sender import send_batch
from adapter.chaos.stage import Setup, Stage
from adapter.sandbox.limit import Limit

USED = 0.95
REFUSED = 0.02
REACHED = 0.8
USERS = 500
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class _Form:
    """How long it is watched, from when on the limit must be in use, and how many calls may be answered 429."""

    limits: tuple[str, ...]
    seconds: float
    used_from_s: float
    used: float
    refused: float


# In twenty seconds the limit is found once, and the calls that found it are a larger share of all.
_SHORT = _Form(limits=("20/s",), seconds=20.0, used_from_s=14.0, used=REACHED, refused=2 * REFUSED)
_LONG = _Form(limits=("5/s", "20/s", "100/s", "1200/m"), seconds=180.0, used_from_s=60.0, used=USED, refused=REFUSED)


async def run(trial: Trial) -> Findings:
    """Learned; the limits side by side, each with an adapter of its own."""
    form = _SHORT if trial.is_short else _LONG
    found = await asyncio.gather(*(_watch(trial, form, limit, rate="auto") for limit in form.limits))
    return replace(together(found), note="; ".join(one.note for one in found))


async def run_wrong(trial: Trial) -> Findings:
    """Pinned at five times the limit."""
    return await _watch(trial, replace(_SHORT, seconds=5.0, used_from_s=0.0), "20/s", rate="100/s")


async def _watch(trial: Trial, form: _Form, text: str, *, rate: str) -> Findings:
    limit, oracle = Limit.parse(text), Oracle()
    folder = trial.folder / text.replace("/", "-per-")
    folder.mkdir()
    wanted = round(1.5 * limit.rate * form.seconds) + USERS
    messages = [Message(f"user-{number % USERS}", number // USERS) for number in range(wanted)]
    async with Stage.opened(folder, Setup(sandbox=("--limit", text), rate=rate)) as stage:
        for first in range(0, wanted, _BATCH):
            await send_batch(stage, oracle, messages[first : first + _BATCH])
        await asyncio.sleep(form.seconds)
        calls = await stage.calls()
    return _judged(calls, limit, form, acked=len(oracle), text=text)


def _judged(calls: list[Seen], limit: Limit, form: _Form, *, acked: int, text: str) -> Findings:
    began_s = calls[0].at_s
    accepted = [call.at_s - began_s for call in calls if call.status == 200]
    refused = 1 - len(accepted) / len(calls)
    last_s = calls[-1].at_s - began_s
    used = sum(at_s >= form.used_from_s for at_s in accepted) / (limit.rate * (last_s - form.used_from_s))
    broken = []
    if used < form.used:
        broken.append(f"P: {used:.0%} of {text} used after {form.used_from_s:.0f} s; {form.used:.0%} at least")
    if refused > form.refused:
        broken.append(f"P: {refused:.1%} of calls at {text} were answered 429; {form.refused:.0%} at most")
    note = f"{text}: {used:.0%} used, {refused:.1%} answered 429"
    return Findings(acked=acked, delivered=len(accepted), broken=tuple(broken), note=note)


EXPERIMENT = Experiment(
    number="4",
    what="a limit that nobody states",
    run=run,
    control=Control("pinned at five times the limit", "P", run_wrong),
    max_s=300.0,
    seeds=1,
)

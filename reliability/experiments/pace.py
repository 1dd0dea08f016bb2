"""Experiment 4: Browsee has a limit that it does not publish. The adapter finds it, uses it, rarely exceeds it, and
follows its changes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapter.sandbox.limit import CallLimit
from reliability.checks import Seen
from reliability.findings import Control, Experiment, Findings, Trial, together
from reliability.oracle import Message, Oracle
from reliability.sender import send_batch
from reliability.stage import Setup, Stage

USED = 0.95
MOVING_USED = 0.8
REFUSED = 0.02
REACHED = 0.8
USERS = 500
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class _Form:
    """Limits one after the other, each for `seconds`; from when on they must be in use, how much of them, and how many
    calls may be answered 429.
    """

    limits: tuple[str, ...]
    seconds: float
    used_from_s: float
    used: float
    refused: float

    def offered(self, from_s: float, to_s: float) -> float:
        """The calls that the limits let through between these instants."""
        return sum(
            limit.rate * max(0.0, min(to_s, (number + 1) * self.seconds) - max(from_s, number * self.seconds))
            for number, limit in enumerate(map(CallLimit.parse, self.limits))
        )

    def __str__(self) -> str:
        return ", then ".join(self.limits)


# In forty seconds the limit is found once, and the calls that find it are a larger share of all.
_SHORT = _Form(("20/s",), seconds=40.0, used_from_s=14.0, used=REACHED, refused=2 * REFUSED)
_FIXED = tuple(
    _Form((limit,), seconds=180.0, used_from_s=60.0, used=USED, refused=REFUSED)
    for limit in ("5/s", "20/s", "100/s", "1200/m")
)
_MOVING = _Form(("40/s", "10/s", "60/s"), seconds=600.0, used_from_s=0.0, used=MOVING_USED, refused=REFUSED)


async def run(trial: Trial) -> Findings:
    """Learned; the limits side by side, each with an adapter of its own."""
    forms = (_SHORT,) if trial.is_short else (*_FIXED, _MOVING)
    found = await asyncio.gather(*(_watch(trial, form, rate="auto") for form in forms))
    return replace(together(found), note="; ".join(one.note for one in found))


async def run_wrong(trial: Trial) -> Findings:
    """Pinned at five times the limit."""
    return await _watch(trial, replace(_SHORT, seconds=5.0, used_from_s=0.0), rate="100/s")


async def _watch(trial: Trial, form: _Form, *, rate: str) -> Findings:
    oracle, first_limit = Oracle(), form.limits[0]
    folder = trial.folder / "-".join(form.limits).replace("/", "-per-")
    folder.mkdir()
    end_s = form.seconds * len(form.limits)
    wanted = round(1.5 * form.offered(0.0, end_s)) + USERS
    messages = [Message(f"user-{number % USERS}", number // USERS) for number in range(wanted)]
    async with Stage.opened(folder, Setup(sandbox=("--limit", first_limit), rate=rate, queue=trial.queue)) as stage:
        for first in range(0, wanted, _BATCH):
            await send_batch(stage, oracle, messages[first : first + _BATCH])
        for limit in form.limits:
            if limit != first_limit:
                await stage.limit_calls(limit)
            await asyncio.sleep(form.seconds)
        calls = await stage.calls()
    return _judged(calls, form, acked=len(oracle))


def _judged(calls: Sequence[Seen], form: _Form, *, acked: int) -> Findings:
    began_s = calls[0].at_s
    accepted = [call.at_s - began_s for call in calls if call.status == 200]
    refused = 1 - len(accepted) / len(calls)
    last_s = calls[-1].at_s - began_s
    used = sum(at_s >= form.used_from_s for at_s in accepted) / form.offered(form.used_from_s, last_s)
    broken = []
    if used < form.used:
        broken.append(f"P: {used:.0%} of {form} used after {form.used_from_s:.0f} s; {form.used:.0%} at least")
    if refused > form.refused:
        broken.append(f"P: {refused:.1%} of calls at {form} were answered 429; {form.refused:.0%} at most")
    note = f"{form}: {used:.0%} used, {refused:.1%} answered 429"
    return Findings(acked=acked, delivered=len(accepted), broken=tuple(broken), note=note)


EXPERIMENT = Experiment(
    number="4",
    what="a limit that Browsee does not publish",
    run=run,
    control=Control("pinned at five times the limit", "P", run_wrong),
    max_s=2400.0,
    seeds=1,
)

"""Experiment 5: every form of Retry-After. A requested pause is kept; an invalid value stops nothing."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

from reliability.findings import Control, Experiment, Findings, Trial, together
from reliability.judge import judge
from reliability.oracle import Oracle
from reliability.polling import until
from reliability.sender import load, users
from reliability.stage import Setup, Stage

USERS = 5
PAUSE_S = 3
_DATE_S = 6.0
# Calls in flight when the pause was requested arrive all the same.
_UNDER_WAY_S = 0.2


@dataclass(frozen=True, slots=True)
class _Asked:
    """A form of the header, and how long no call may come after it; 0 if it must be ignored."""

    name: str
    header: str | None
    status: int
    pause_s: float


def _spellings() -> list[_Asked]:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=_DATE_S), usegmt=True)
    return [
        _Asked("seconds", str(PAUSE_S), 429, PAUSE_S),
        _Asked("a date", until, 503, _DATE_S),
        _Asked("absurd", "999999999", 503, 0.0),
        _Asked("negative", "-5", 429, 0.0),
        _Asked("text", "soon", 503, 0.0),
    ]


async def run(trial: Trial) -> Findings:
    """Each form on a stage of its own."""
    return together(await asyncio.gather(*(_pause(trial, asked) for asked in _spellings())))


async def run_wrong(trial: Trial) -> Findings:
    """The header is lost on the way."""
    return await _pause(trial, replace(_spellings()[0], header=None))


async def _pause(trial: Trial, asked: _Asked) -> Findings:
    rule = f"- {{nth: 1, status: {asked.status}" + (f", retry_after: '{asked.header}'}}\n" if asked.header else "}\n")
    oracle, folder = Oracle(), trial.folder / asked.name.replace(" ", "-")
    folder.mkdir()
    written_s = time.time()
    async with Stage.opened(folder, Setup(script=rule, queue=trial.queue)) as stage:
        await load(stage, oracle, users(1, "first"), each=1)
        await until(partial(_has_come, stage))
        await asyncio.sleep(2 * _UNDER_WAY_S)
        await load(stage, oracle, users(USERS), each=2)
        found = await judge(stage, oracle, rest_s=30.0)
        calls = await stage.calls()
    first_s = calls[0].at_s
    # A date has whole seconds and was fixed before the first call, so that it leaves less of a pause.
    owed_s = written_s + asked.pause_s - 1.0 - first_s if asked.name == "a date" else asked.pause_s
    early = [call for call in calls if _UNDER_WAY_S < call.at_s - first_s < owed_s]
    if early:
        sentence = f"P: {len(early)} calls came in the {owed_s:.1f} s that were asked for in {asked.name}"
        return replace(found, broken=(*found.broken, sentence))
    return found


async def _has_come(stage: Stage) -> bool:
    return await stage.count() > 0


EXPERIMENT = Experiment(
    number="5",
    what="Retry-After: seconds, date, absurd, negative, text",
    run=run,
    control=Control("the header gets lost", "P", run_wrong),
)

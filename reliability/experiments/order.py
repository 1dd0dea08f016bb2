"""Experiment 6: each user's calls meet a mix of 5xx and 400. The order is exact, and a final answer is final."""

import random
from dataclasses import replace

import orjson

from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import judge
from reliability.oracle import ORDER, Oracle
from reliability.sender import load, users
from reliability.stage import Setup, Stage

USERS = 50
EACH = 40
REFUSED_EACH = 1
FAILED_EACH = 3
_FAILURES = (500, 502, 503, 504, 408)


async def run(trial: Trial) -> Findings:
    """With lanes by user, the default of a source."""
    return await _mix(trial, "user")


async def run_wrong(trial: Trial) -> Findings:
    """Without order, events overtake each other."""
    return await _mix(trial, "none")


async def _mix(trial: Trial, order: str) -> Findings:
    chance, oracle, names = trial.chance, Oracle(), users(USERS)
    each = EACH // 4 if trial.is_short else EACH
    rules = [rule for name in names for rule in _answers(chance, name, each)]
    setup = Setup(script=orjson.dumps(rules).decode(), source={"order": order}, queue=trial.queue)
    async with Stage.opened(trial.folder, setup) as stage:
        await load(stage, oracle, names, each=each, event=ORDER)
        found = await judge(stage, oracle, rest_s=60.0)
    if found.dead != USERS * REFUSED_EACH:
        missed = f"C: {found.dead} events died; Browsee refused {USERS * REFUSED_EACH}"
        return replace(found, broken=(*found.broken, missed))
    return found


def _answers(chance: random.Random, name: str, each: int) -> list[dict[str, object]]:
    """Rules of the sandbox for one user: which of its calls, by number, fail."""
    # A rule counts the calls that the rules before it let through: an order's two calls reach all of these. The first
    # call of each user succeeds: if almost all of the first ten calls failed, the breaker would rightly wait for 30 s.
    failed = [
        {"when": {"user": name}, "nth": nth, "status": chance.choice(_FAILURES)}
        for nth in sorted(chance.sample(range(2, each), FAILED_EACH))
    ]
    refused = [{"when": {"user": name}, "nth": chance.randrange(2, each), "status": 400} for _ in range(REFUSED_EACH)]
    return [*failed, *refused]


EXPERIMENT = Experiment(
    number="6",
    what=f"5xx and 400 mixed for each of {USERS} users",
    run=run,
    control=Control("order: none", "O", run_wrong),
)

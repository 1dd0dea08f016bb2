"""Experiment 8: Browsee's answers have every fault that breaks clients. Each call is delivered once Browsee
recovers.
"""

from collections.abc import Mapping
from dataclasses import replace

from reliability.checks import Bounds
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.hostile import (
    HostileBrowsee,
    Treatment,
    bomb,
    drip,
    endless_header,
    garbage,
    huge_body,
    reset,
    swallow,
    web_page,
)
from reliability.judge import judge
from reliability.oracle import Oracle
from reliability.sender import load, users
from reliability.stage import Setup, Stage

EACH = 5
GOOD_USERS = 20
MEMORY_BYTES = 150_000_000
_QUICK: Mapping[str, Treatment] = {
    "endless-header": endless_header,
    "huge-body": huge_body,
    "bomb": bomb,
    "reset": reset,
    "garbage": garbage,
    "web-page": web_page,
}
# Takes the client's whole timeout of 30 s each time.
_SLOW: Mapping[str, Treatment] = {"drip": drip}


async def run(trial: Trial) -> Findings:
    """A user for each treatment, and users who are answered well beside them."""
    return await _treat(
        trial, _QUICK if trial.is_short else {**_QUICK, **_SLOW}, rest_s=30.0 if trial.is_short else 120.0
    )


async def run_wrong(trial: Trial) -> Findings:
    """A Browsee that reports success and records nothing: the check must detect the missing calls."""
    return await _treat(trial, {"swallow": swallow}, rest_s=1.0)


async def _treat(trial: Trial, treatments: Mapping[str, Treatment], *, rest_s: float) -> Findings:
    oracle = Oracle()
    async with (
        HostileBrowsee.served(treatments) as browsee,
        Stage.opened(trial.folder, Setup(browsee_url=browsee.url, queue=trial.queue)) as stage,
    ):
        # The good ones first: if almost all of the first ten calls failed, the breaker would rightly wait for 30 s.
        await load(stage, oracle, users(GOOD_USERS), each=EACH)
        await load(stage, oracle, [*treatments, "redirect"], each=EACH)
        stage.note_memory()
        found = await judge(
            stage,
            oracle,
            calls=browsee.kept,
            rest_s=rest_s,
            bounds=Bounds(memory_bytes=MEMORY_BYTES),
            note=f"{len(treatments) + 1} kinds of hostility; at most {stage.peak_memory_bytes / 1e6:.0f} MB",
        )
    if browsee.strangers:
        return replace(found, broken=(*found.broken, f"P: {browsee.strangers} redirects were followed"))
    return found


EXPERIMENT = Experiment(
    number="8",
    what="a hostile Browsee",
    run=run,
    control=Control("it says success and keeps nothing", "C", run_wrong),
    max_s=240.0,
    seeds=2,
)

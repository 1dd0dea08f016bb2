"""Experiment 14: the mapping file is broken when the service starts. It goes on with the last one that worked."""

from adapter.chaos.findings import Control, Experiment, Findings, Trial
from adapter.chaos.judge import judged
from adapter.chaos.oracle import ORDER, Oracle
from adapter.chaos.processes import DidNotStart
from adapter.chaos.sender import load, users
from adapter.chaos.stage import Setup, Stage

USERS = 5
EACH = 10
_BROKEN = (
    "version: 1\nrules: [",
    "version: 1\nrules:\n  - when: {type: track}\n    trak: {from: event}\n",
    "",
    "version: 1\nrules:\n  - track: A\ntests:\n  - given: {type: track}\n    expect: {drop: its own test fails}\n",
)


async def run(trial: Trial) -> Findings:
    """A kill, a broken file of each kind, a start: events go on as before, and `/readyz` says what is wrong."""
    return await _break(trial, is_strict=False)


async def run_wrong(trial: Trial) -> Findings:
    """With --strict the service does not fall back."""
    return await _break(trial, is_strict=True)


async def _break(trial: Trial, *, is_strict: bool) -> Findings:
    oracle, broken = Oracle(), list[str]()
    chosen = trial.chance.sample(_BROKEN, 2 if trial.is_short else len(_BROKEN))
    async with Stage.opened(trial.folder, Setup(is_strict=is_strict)) as stage:
        for number, text in enumerate(chosen):
            await load(stage, oracle, users(USERS, f"round-{number}"), each=EACH, event=ORDER)
            await stage.stop()
            stage.mapping.write_text(text, encoding="utf-8")
            try:
                await stage.start()
            except DidNotStart as refused:
                return Findings(acked=len(oracle), broken=(f"L: it did not start and ended with {refused.code}",))
            _, told = await stage.readyz()
            if str(stage.mapping) not in told.get("mappings_failed", {}):
                broken.append("H: /readyz did not say that the mapping is broken")
        note = "broken at start"
        return await judged(stage, oracle, broken=broken, note=note)


EXPERIMENT = Experiment(
    number="14",
    what="a broken mapping at start",
    run=run,
    control=Control("--strict, which does not fall back", "L", run_wrong),
)

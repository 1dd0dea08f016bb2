"""Runs experiments, each with its control, one after the other, and sums up their findings.

A row holds if none of its runs broke a promise and its control broke the expected one. Every run has a time limit.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from reliability.experiments import (
    backlog,
    clock,
    damage,
    dedup,
    disk,
    failing_users,
    hostile_browsee,
    hostile_sender,
    hot_user,
    kills,
    mappings,
    order,
    outage,
    pace,
    platform_retries,
    power_cut,
    retry_after,
    stopping,
)
from reliability.findings import Experiment, Findings, RunExperiment, Skipped, Trial, together

EXPERIMENTS: tuple[Experiment, ...] = (
    kills.EXPERIMENT,
    power_cut.EXPERIMENT,
    damage.EXPERIMENT,
    stopping.EXPERIMENT,
    pace.EXPERIMENT,
    retry_after.EXPERIMENT,
    order.EXPERIMENT,
    outage.EXPERIMENT,
    hostile_browsee.EXPERIMENT,
    hostile_sender.EXPERIMENT,
    platform_retries.EXPERIMENT,
    disk.EXPERIMENT,
    clock.EXPERIMENT,
    dedup.EXPERIMENT,
    mappings.EXPERIMENT,
    hot_user.EXPERIMENT,
    backlog.EXPERIMENT,
    failing_users.EXPERIMENT,
)
"""All experiments, in the order of their numbers."""


class ExperimentVerdict(StrEnum):
    """The result of a row. A control that does not fail shows that the experiment detects nothing."""

    HELD = "held"
    GAP = "held but for a known gap"
    BROKEN = "BROKEN"
    SKIPPED = "skipped"
    FAILED = "fails, as it must"
    TOOTHLESS = "DID NOT FAIL"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of the table: an experiment or its control. `text` says what failed, or why it was skipped."""

    number: str
    what: str
    seeds: int
    found: Findings
    verdict: ExperimentVerdict
    text: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the row needs no attention."""
        return self.verdict in (
            ExperimentVerdict.HELD,
            ExperimentVerdict.GAP,
            ExperimentVerdict.SKIPPED,
            ExperimentVerdict.FAILED,
        )


def choose(numbers: Sequence[str]) -> list[Experiment]:
    """The experiments with these numbers, all if none is given. Raises KeyError with an unknown number."""
    known = {experiment.number: experiment for experiment in EXPERIMENTS}
    return [known[number] for number in numbers] if numbers else list(EXPERIMENTS)


async def run(
    experiment: Experiment,
    *,
    seeds: Sequence[int],
    is_short: bool,
    folder: Path,
    ran: Callable[[], None],
    queue: str = "",
) -> list[ResultRow]:
    """The rows of `experiment` and its control; `ran` is called after every run. Files of the runs are removed.

    `queue` is as in `Trial`.
    """
    trial = Trial(seed=0, folder=folder, is_short=is_short, queue=queue)
    if queue and experiment.no_server:
        return [_skipped(experiment, experiment.no_server)]
    own = await _row(experiment, experiment.run, seeds, trial, ran=ran)
    if own.verdict is ExperimentVerdict.SKIPPED:
        return [own]
    control = await _row(experiment, experiment.control.run, seeds[:1], trial, ran=ran)
    return [own, _as_control(control, experiment)]


async def run_all(
    experiments: Sequence[Experiment], *, folder: Path, is_short: bool, at_once: int, seed: int = 1
) -> list[ResultRow]:
    """The rows of all experiments with one seed each, `at_once` rows at a time, so that their waits overlap.

    An experiment and its control are two rows, and may run at the same time.
    """
    free = asyncio.Semaphore(at_once)
    trial = Trial(seed=0, folder=folder, is_short=is_short)

    async def row(experiment: Experiment, run: RunExperiment) -> ResultRow:
        async with free:
            return await _row(experiment, run, [seed], trial, ran=lambda: None)

    async def both(experiment: Experiment) -> list[ResultRow]:
        own, control = await asyncio.gather(row(experiment, experiment.run), row(experiment, experiment.control.run))
        return [own] if own.verdict is ExperimentVerdict.SKIPPED else [own, _as_control(control, experiment)]

    return [row for rows in await asyncio.gather(*map(both, experiments)) for row in rows]


def _skipped(experiment: Experiment, why: str) -> ResultRow:
    return ResultRow(experiment.number, experiment.what, 0, Findings(), ExperimentVerdict.SKIPPED, why)


async def _row(
    experiment: Experiment,
    run: RunExperiment,
    seeds: Sequence[int],
    trial: Trial,
    *,
    ran: Callable[[], None],
) -> ResultRow:
    found: list[Findings] = []
    for seed in seeds:
        try:
            found.append(await _bounded(experiment, run, replace(trial, seed=seed)))
        except Skipped as why:
            return _skipped(experiment, str(why))
        ran()
    sum_ = together(found)
    text = "; ".join(dict.fromkeys(sum_.broken)) or sum_.note
    return ResultRow(experiment.number, experiment.what, len(seeds), sum_, _verdict(experiment, sum_), text)


def _verdict(experiment: Experiment, found: Findings) -> ExperimentVerdict:
    if not found.broken:
        return ExperimentVerdict.HELD
    return (
        ExperimentVerdict.GAP
        if all(sentence.startswith(experiment.gaps) for sentence in found.broken)
        else ExperimentVerdict.BROKEN
    )


async def _bounded(experiment: Experiment, run: RunExperiment, trial: Trial) -> Findings:
    """One run, in a folder of its own in that of `trial`."""
    with tempfile.TemporaryDirectory(dir=trial.folder, prefix=f"chaos-{experiment.number}-") as own:
        try:
            async with asyncio.timeout(experiment.max_s):
                return await run(replace(trial, folder=Path(own)))
        except TimeoutError:
            return Findings(broken=(f"L: the run did not end within {experiment.max_s:.0f} s",))


def _as_control(row: ResultRow, experiment: Experiment) -> ResultRow:
    """A control is judged the other way round: it must fail."""
    what = f"control: {experiment.control.what}"
    if row.verdict is ExperimentVerdict.SKIPPED:
        return replace(row, what=what)
    broke = any(letter in experiment.control.breaks for letter in _letters(row.found))
    return replace(row, what=what, verdict=ExperimentVerdict.FAILED if broke else ExperimentVerdict.TOOTHLESS)


def _letters(found: Findings) -> Iterator[str]:
    return (sentence[0] for sentence in found.broken)

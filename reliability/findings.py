"""What an experiment is, the inputs of one run, and its findings. Values only."""

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TypeAlias


class Skipped(Exception):  # noqa: N818 - to lack a tool is a state of the machine, not a fault
    """This machine lacks what the experiment needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: all its randomness comes from `chance`, and all its files are in `folder`, which is empty.

    The queue is in a file there, or at `queue`, the address of a PostgreSQL database.
    """

    seed: int
    folder: Path
    is_short: bool
    queue: str = ""

    @property
    def chance(self) -> random.Random:
        """Random numbers, which start again from the seed at each access."""
        return random.Random(self.seed)  # noqa: S311 - a run must be repeatable, not secret


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of one run, or of several together.

    `broken` has a sentence for each broken promise, with the letter of the check before it. `recovery_s` is the longest
    time from a fault to a ready service; None if nothing had to recover. `note` says what was measured.
    """

    acked: int = 0
    delivered: int = 0
    dead: int = 0
    duplicates: int = 0
    lost: int = 0
    recovery_s: float | None = None
    broken: tuple[str, ...] = ()
    note: str = ""


RunExperiment: TypeAlias = Callable[[Trial], Awaitable[Findings]]
"""Raises Skipped if the machine lacks something."""


@dataclass(frozen=True, slots=True)
class Control:
    """The same with an injected fault: it must break one of the checks `breaks`, given by their letters."""

    what: str
    breaks: str
    run: RunExperiment


@dataclass(frozen=True, slots=True)
class Experiment:
    """One row of the table. `max_s` limits a run; `seeds` is the number of runs of the long form.

    `gaps` are beginnings of sentences about known failures: the table shows them. `no_server` says why the experiment
    is not for a queue in PostgreSQL, "" if it is.
    """

    number: str
    what: str
    run: RunExperiment
    control: Control
    max_s: float = 120.0
    seeds: int = 3
    gaps: tuple[str, ...] = ()
    no_server: str = ""


def together(runs: Iterable[Findings]) -> Findings:
    """The sum of several runs, with the worst recovery and the last note."""
    return reduce(_add, runs, Findings())


def _add(one: Findings, other: Findings) -> Findings:
    recoveries = [found.recovery_s for found in (one, other) if found.recovery_s is not None]
    return Findings(
        acked=one.acked + other.acked,
        delivered=one.delivered + other.delivered,
        dead=one.dead + other.dead,
        duplicates=one.duplicates + other.duplicates,
        lost=one.lost + other.lost,
        recovery_s=max(recoveries, default=None),
        broken=(*one.broken, *other.broken),
        note=other.note or one.note,
    )


def each_seen(runs: Sequence[tuple[Findings, str]]) -> Findings:
    """The findings of a control of several faults: for each run, the letters of the checks of which one must have
    failed.

    If one fault was not detected, the failures of the others do not count.
    """
    unseen = [found for found, letters in runs if not any(sentence[0] in letters for sentence in found.broken)]
    return together(unseen or [found for found, _ in runs])

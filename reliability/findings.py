"""What an experiment is, what one run of it is given, and what it finds. Values only."""

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
    """One run: everything random in it comes from `chance`, everything on disk is in `folder`, which is empty.

    The queue is in a file there, or at `queue`, the address of a PostgreSQL database.
    """

    seed: int
    folder: Path
    is_short: bool
    queue: str = ""

    @property
    def chance(self) -> random.Random:
        """Random numbers that begin anew from the seed each time they are asked for."""
        return random.Random(self.seed)  # noqa: S311 - a run must be repeatable, not secret


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run, or several together, found.

    `broken` has a sentence for each promise that did not hold, with the letter of the check before it. `recovery_s` is
    the longest time from a fault to a ready service; None where nothing had to recover. `note` says what was measured.
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
    """The same with a fault put in: it must break one of the checks `breaks`, whose letters these are."""

    what: str
    breaks: str
    run: RunExperiment


@dataclass(frozen=True, slots=True)
class Experiment:
    """One row of the table. `max_s` bounds a run; `seeds` is how many runs the long form makes.

    `gaps` are beginnings of sentences about what is known not to hold yet: the table shows them. `no_server` says why
    it is not for a queue in PostgreSQL, "" if it is.
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
    """What a control of several faults found: of each run, the letters of the checks of which one must have broken.

    If a fault was not seen, what others broke does not count.
    """
    unseen = [found for found, letters in runs if not any(sentence[0] in letters for sentence in found.broken)]
    return together(unseen or [found for found, _ in runs])

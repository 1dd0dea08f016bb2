"""The measurement of one side of a row in one round, and the row of both sides over all rounds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeAlias

from msgspec import Struct

ROUNDS = 7


class Sample(Struct, frozen=True):
    """One side in one round: `figure` in the row's unit, and the microseconds of CPU for each event.

    `cpu_us` is None if the figure is CPU itself or is not about events.
    """

    figure: float
    cpu_us: float | None = None


Side: TypeAlias = Callable[[int], Awaitable[Sample]]
"""Measures one side in the round of this number. Round 0 does not count."""


class Row(Struct, frozen=True):
    """One line of the table. `theirs` is empty if there was nothing to compare with.

    `unit` is that of `figure`, such as `"acks/s"`; `target` is text for a reader, such as `"≥ 0.6"`.
    """

    name: str
    what: str
    unit: str
    peer: str
    target: str
    ours: tuple[Sample, ...]
    theirs: tuple[Sample, ...]

    @property
    def ratio(self) -> "Spread | None":
        """The ratios of `ours` to `theirs`, pair by pair."""
        return spread([a.figure / b.figure for a, b in self.pairs])

    @property
    def cpu_ratio(self) -> "Spread | None":
        """The ratios of their CPU to ours, pair by pair, so that it reads as a ratio of rates does: 1 is as good as
        theirs.
        """
        both = [(a.cpu_us, b.cpu_us) for a, b in self.pairs]
        return spread([theirs / ours for ours, theirs in both if ours and theirs])

    @property
    def pairs(self) -> list[tuple[Sample, Sample]]:
        """Both sides of each round; empty without a peer."""
        return list(zip(self.ours, self.theirs, strict=True)) if self.theirs else []


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the quartiles around it."""

    low: float
    middle: float
    high: float


def spread(values: list[float]) -> Spread | None:
    """None without values; for one value, three times that value."""
    if len(values) < 2:
        return Spread(*values * 3) if values else None
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, median(values), high)


async def in_turn(ours: Side, theirs: Side) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """The samples of both, measured A B A B …, after one round of each that does not count."""
    samples: tuple[list[Sample], list[Sample]] = ([], [])
    for number in range(ROUNDS + 1):
        for found, measure in zip(samples, (ours, theirs), strict=True):
            sample = await measure(number)
            if number:
                found.append(sample)
    return tuple(samples[0]), tuple(samples[1])

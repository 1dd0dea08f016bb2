"""The time for retention: a wrong clock of the machine must delete nothing.

The wall clock is trusted once it has run evenly with the steady clock for an hour in this process. Until then time
continues from the last stored time, by the steady clock, and makes up at most an hour of the time in which no process
ran. So a start with a clock that is months ahead, or a thousand such starts, deletes no dead letter.
"""

from collections.abc import Callable
from dataclasses import dataclass

EVEN_FOR_S = 3600.0
CREDIT_S = 3600.0
"""Seconds that may be made up without an hour of proof. Stored in the file, so that restarts do not add up."""
_UNEVEN_S = 10.0
"""A step between two looks; clocks that are slewed differ by 2.5 ms in 5 s (500 ppm, `adjtimex(2)`)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The stored part: the trusted time, in seconds since 1970, and the rest of the credit."""

    at_s: float
    credit_s: float = CREDIT_S


class TrustedTime:
    """Call it for the trusted seconds since 1970. `wall` and `steady` return the same; `steady` never jumps."""

    def __init__(self, kept: Kept | None, *, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        wall_s, steady_s = wall(), steady()
        kept = Kept(wall_s) if kept is None else kept
        made_up_s = min(max(0.0, wall_s - kept.at_s), kept.credit_s)
        self._credit_s = kept.credit_s - made_up_s
        self._ahead_s = kept.at_s + made_up_s - steady_s
        self._offset_s = wall_s - steady_s
        self._even_since_s = steady_s

    def __call__(self) -> float:
        return self._ahead_s + self._steady()

    @property
    def kept(self) -> Kept:
        """What to store now."""
        return Kept(self(), self._credit_s)

    def look(self) -> None:
        """Compare the clocks; to be called every few seconds."""
        steady_s = self._steady()
        offset_s = self._wall() - steady_s
        if abs(offset_s - self._offset_s) > _UNEVEN_S:
            self._even_since_s = steady_s
        elif steady_s - self._even_since_s >= EVEN_FOR_S:
            self._ahead_s, self._credit_s = offset_s, CREDIT_S
        self._offset_s = offset_s

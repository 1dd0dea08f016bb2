"""The time that retention goes by: a wrong clock of the machine must discard nothing.

The wall clock is believed once it has run evenly with the steady one for an hour in this process. Until then time goes
on from where it was last, by the steady clock, and makes up at most an hour of the time in which nothing ran: so a
start with a clock that is months ahead, or a thousand such starts, takes no dead letter away.
"""

from collections.abc import Callable
from dataclasses import dataclass

EVEN_FOR_S = 3600.0
CREDIT_S = 3600.0
"""What may be made up without an hour of proof. Kept in the file, so that restarts do not add up."""
_UNEVEN_S = 10.0
"""A step between two looks; clocks that are slewed differ by 2.5 ms in 5 s (500 ppm, `adjtimex(2)`)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file keeps of it: the trusted time, in seconds since 1970, and what is left of the credit."""

    at_s: float
    credit_s: float = CREDIT_S


class TrustedTime:
    """Call it for the trusted seconds since 1970. `wall` and `steady` give the same, `steady` without jumps."""

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
        """What to keep now."""
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

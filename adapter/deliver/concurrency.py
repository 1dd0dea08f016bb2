"""The limit of calls in flight, learned from their latency alone. Pure; the clock comes in as `now_s`.

It protects against a Browsee that is slow or hangs: the rate alone would pile up calls until every worker waits. The
limit doubles each round while it is used up, and after the first decrease it grows by one. It falls by a tenth when a
round's median latency exceeds the usual one by 2.5 standard deviations (as Vector's adaptive request concurrency does).
The contents of answers have no effect.
"""

import math
import statistics
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConcurrencyConfig:
    """A rise of latency below `least_rise_s`, or below `least_rise` of the usual latency, is ignored, however steady
    the latency was before. A call in flight is long after `least_long_s`; a finished call was long if it also took
    `long` times the shortest of the last calls.

    `weight_up` and `weight_down` are the parts of the usual latency that a slower or faster round replaces. Upwards is
    slow, so that a Browsee that becomes slow does not soon count as usual; it is not never, because it may stay slow.
    """

    first: int = 16
    lowest: int = 1
    highest: int = 256
    deviations: float = 2.5
    least_rise: float = 0.5
    least_rise_s: float = 0.25
    decrease: float = 0.9
    weight_up: float = 0.02
    weight_down: float = 0.4
    least_round_s: float = 0.05
    long: float = 5.0
    least_long_s: float = 2.0


_FORGET = 1.05


class Concurrency:
    """Counts calls in flight against a limit that follows their latency."""

    def __init__(self, config: ConcurrencyConfig, *, now_s: float) -> None:
        self._config = config
        self._limit = float(config.first)
        # Calls in flight by permit, with their start; without long ones.
        self._young: OrderedDict[int, float] = OrderedDict()
        self._in_flight = 0
        self._was_full = False
        self._has_fallen = False
        self._usual_s: float | None = None
        # The shortest recent call; hanging calls of one user do not change it.
        self._quick_s = 0.0
        self._variance = 0.0
        self._round_ends_s = now_s
        self._seconds: list[float] = []

    @property
    def limit(self) -> int:
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def is_full(self, now_s: float) -> bool:
        """Whether no more calls may go. Long calls do not count, up to the highest limit: the calls of a few users may
        hang.
        """
        while self._young and now_s - next(iter(self._young.values())) > self._config.least_long_s:
            self._young.popitem(last=False)
        return len(self._young) >= self.limit or self._in_flight >= self._config.highest

    def is_long(self, seconds: float) -> bool:
        """Whether a call of this duration hung while others do not."""
        return seconds > max(self._config.least_long_s, self._config.long * self._quick_s)

    def began(self, permit: int, now_s: float) -> None:
        """A call was sent."""
        self._in_flight += 1
        self._young[permit] = now_s
        self._was_full = self._was_full or self.is_full(now_s)

    def ended(self, permit: int, *, now_s: float, seconds: float | None) -> None:
        """A call ended after `seconds`; None if its duration says nothing about Browsee's load."""
        self._in_flight -= 1
        self._young.pop(permit, None)
        if seconds is not None:
            self._seconds.append(seconds)
            self._quick_s = seconds if not self._quick_s else min(seconds, self._quick_s * _FORGET)
        if self._seconds and now_s >= self._round_ends_s:
            self._end_round(now_s)

    def _end_round(self, now_s: float) -> None:
        # The median, because calls of some users may hang while others do not.
        round_s = statistics.median(self._seconds)
        config = self._config
        if self._usual_s is None:
            self._usual_s = round_s
        noise_s = max(config.deviations * math.sqrt(self._variance), config.least_rise * self._usual_s)
        if round_s > self._usual_s + max(noise_s, config.least_rise_s):
            self._limit = max(float(config.lowest), self._limit * config.decrease)
            self._has_fallen = True
        elif self._was_full:
            grown = self._limit + 1.0 if self._has_fallen else self._limit * 2.0
            self._limit = min(float(config.highest), grown)
        # The exponentially weighted mean and variance, so that a new usual latency becomes the usual one.
        apart_s = round_s - self._usual_s
        weight = config.weight_up if apart_s > 0 else config.weight_down
        self._usual_s += weight * apart_s
        self._variance = (1.0 - weight) * (self._variance + weight * apart_s**2)
        self._round_ends_s = now_s + max(config.least_round_s, self._usual_s)
        self._seconds.clear()
        self._was_full = self.is_full(now_s)

"""How many calls may be under way at once, by their latency alone. Pure; the clock comes in as `now_s`.

A guard for a Browsee that is slow or hangs: the rate alone would pile up calls until every worker waits. The limit
doubles each round while all that it allows is used, and after the first fall grows by one; it falls by a tenth when a
round's mean latency leaves what is usual by 2.5 standard deviations (as Vector's adaptive request concurrency does).
Never reacts to what an answer says.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConcurrencyConfig:
    """A rise of less than `least_rise_s` is no matter, and one of less than `least_rise` of the usual latency is noise,
    however steady it was before.

    `weight_up` and `weight_down` are how much of the usual latency a slower or faster round replaces: slowly up, so
    that a Browsee that becomes slow is not soon taken for usual; not never, for it may stay so.
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


class Concurrency:
    """Counts calls under way against a limit that follows their latency."""

    def __init__(self, config: ConcurrencyConfig, *, now_s: float) -> None:
        self._config = config
        self._limit = float(config.first)
        self._in_flight = 0
        self._was_full = False
        self._has_fallen = False
        self._usual_s: float | None = None
        self._variance = 0.0
        self._round_ends_s = now_s
        self._seconds: list[float] = []

    @property
    def limit(self) -> int:
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def is_full(self) -> bool:
        return self._in_flight >= self.limit

    def began(self) -> None:
        """A call goes."""
        self._in_flight += 1
        self._was_full = self._was_full or self.is_full

    def ended(self, now_s: float, seconds: float | None) -> None:
        """A call has ended after `seconds`; None if that tells nothing of how busy Browsee is."""
        self._in_flight -= 1
        if seconds is not None:
            self._seconds.append(seconds)
        if self._seconds and now_s >= self._round_ends_s:
            self._end_round(now_s)

    def _end_round(self, now_s: float) -> None:
        mean_s = sum(self._seconds) / len(self._seconds)
        config = self._config
        if self._usual_s is None:
            self._usual_s = mean_s
        noise_s = max(config.deviations * math.sqrt(self._variance), config.least_rise * self._usual_s)
        if mean_s > self._usual_s + max(noise_s, config.least_rise_s):
            self._limit = max(float(config.lowest), self._limit * config.decrease)
            self._has_fallen = True
        elif self._was_full:
            grown = self._limit + 1.0 if self._has_fallen else self._limit * 2.0
            self._limit = min(float(config.highest), grown)
        # The exponentially weighted mean and variance, so that a new usual latency becomes the usual one.
        apart_s = mean_s - self._usual_s
        weight = config.weight_up if apart_s > 0 else config.weight_down
        self._usual_s += weight * apart_s
        self._variance = (1.0 - weight) * (self._variance + weight * apart_s**2)
        self._round_ends_s = now_s + max(config.least_round_s, self._usual_s)
        self._seconds.clear()
        self._was_full = self.is_full

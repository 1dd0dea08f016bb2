"""The rate of calls in the last seconds. Pure; the clock comes in as `now_s`."""

import math


class Achieved:
    """Calls per second: a mean over about `smoothing_s`, unbiased from the first moment."""

    def __init__(self, smoothing_s: float, *, now_s: float) -> None:
        self._smoothing_s = smoothing_s
        self._began_s = now_s
        self._at_s = now_s
        self._weight = 0.0

    def add(self, now_s: float) -> None:
        self._weight = self._weight * self._fading(now_s) + 1.0
        self._at_s = max(self._at_s, now_s)

    def per_s(self, now_s: float) -> float:
        seen = 1.0 - math.exp(-max(0.0, now_s - self._began_s) / self._smoothing_s)
        return self._weight * self._fading(now_s) / (self._smoothing_s * seen) if seen > 0.0 else 0.0

    def _fading(self, now_s: float) -> float:
        return math.exp(-max(0.0, now_s - self._at_s) / self._smoothing_s)

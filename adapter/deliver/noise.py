"""Which share of calls Browsee answers 429 at whatever rate: noise, which no lower rate prevents. Pure.

A limit is silent well below it; noise is not. So only answers to calls that went well below the limit are counted, and
only a share that is small is taken for noise: what is larger may be a limit that has fallen.
"""

import math
from collections import deque
from dataclasses import dataclass

_SPAN_S = 60.0


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """Noise is at most `highest` of the answers, known from `answers` of them with at least `limited` 429s, and
    forgotten after `kept_s`. `chance` is how seldom noise alone may look like a limit, in one window of answers.
    """

    highest: float = 0.05
    answers: int = 500
    limited: int = 2
    kept_s: float = 600.0
    chance: float = 1e-3


class Noise:
    """Counts answers to calls that went well below the limit."""

    def __init__(self, config: NoiseConfig) -> None:
        self._config = config
        # Spans of a minute: when each began, its answers and its 429s.
        self._spans: deque[list[float]] = deque()
        self._answers = 0.0
        self._limited = 0.0
        self._new_answers = 0
        self._new_limited = 0

    def add(self, *, limited: bool) -> None:
        """One more answer, which counts from `keep` on."""
        self._new_answers += 1
        self._new_limited += limited

    def drop(self) -> None:
        """What came since the last `keep` was a limit's doing."""
        self._new_answers = self._new_limited = 0

    def keep(self, now_s: float) -> None:
        """What came since the last `keep` or `drop` was no limit's doing."""
        if not self._new_answers:
            return
        if not self._spans or now_s >= self._spans[-1][0] + _SPAN_S:
            self._spans.append([now_s, 0.0, 0.0])
        self._spans[-1][1] += self._new_answers
        self._spans[-1][2] += self._new_limited
        self._answers += self._new_answers
        self._limited += self._new_limited
        self.drop()

    def forget(self) -> None:
        """Begin anew: what came last was a limit for certain."""
        self.drop()
        self._spans.clear()
        self._answers = self._limited = 0.0

    def share(self, now_s: float) -> float:
        """The share of answers that is noise; 0 while none is known, or where it is too large for that."""
        while self._spans and self._spans[0][0] < now_s - self._config.kept_s:
            _, answers, limited = self._spans.popleft()
            self._answers -= answers
            self._limited -= limited
        if self._answers < self._config.answers or self._limited < self._config.limited:
            return 0.0
        share = self._limited / self._answers
        return share if share <= self._config.highest else 0.0

    def limit_at(self, now_s: float, *, window: int) -> int:
        """How many 429s among `window` answers are more than noise: 1 while no noise is known."""
        share = self.share(now_s)
        return 1 if share == 0.0 else _most(share * window, self._config.chance)


def _most(mean: float, chance: float) -> int:
    """The least count that a Poisson variable of this mean reaches less often than `chance`."""
    count, probability = 0, math.exp(-mean)
    tail = 1.0 - probability
    while tail >= chance:
        count += 1
        probability *= mean / count
        tail -= probability
    return count + 1

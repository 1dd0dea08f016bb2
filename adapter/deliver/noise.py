"""The share of calls that Browsee answers 429 at any rate: noise, which no lower rate prevents. Pure.

Well below a limit there are no 429s of the limit, but there is noise. So only answers to calls well below the limit are
counted, and only a small share counts as noise: a larger one may be a limit that has fallen.
"""

import math
from collections import deque
from dataclasses import dataclass

_SPAN_S = 60.0


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """Noise is at most `highest` of the answers, known from `answers` of them with at least `limited` 429s, and
    forgotten after `kept_s`. `chance` is the probability with which noise alone may look like a limit, in one window of
    answers.
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
        """Count one more answer; it takes effect at `keep`."""
        self._new_answers += 1
        self._new_limited += limited

    def drop(self) -> None:
        """Discard the answers since the last `keep`: a limit caused their 429s."""
        self._new_answers = self._new_limited = 0

    def keep(self, now_s: float) -> None:
        """Keep the answers since the last `keep` or `drop`: no limit caused their 429s."""
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
        """Start again: a limit certainly caused the last 429s."""
        self.drop()
        self._spans.clear()
        self._answers = self._limited = 0.0

    def share(self, now_s: float) -> float:
        """The share of answers that is noise; 0 if none is known, or if it is too large to be noise."""
        while self._spans and self._spans[0][0] < now_s - self._config.kept_s:
            _, answers, limited = self._spans.popleft()
            self._answers -= answers
            self._limited -= limited
        if self._answers < self._config.answers or self._limited < self._config.limited:
            return 0.0
        share = self._limited / self._answers
        return share if share <= self._config.highest else 0.0

    def limit_at(self, now_s: float, *, window: int) -> int:
        """How many 429s among `window` answers are more than noise; 1 while no noise is known."""
        share = self.share(now_s)
        return 1 if share == 0.0 else _most(share * window, self._config.chance)


def _most(mean: float, chance: float) -> int:
    """The least count that a Poisson variable of this mean reaches with a probability below `chance`."""
    count, probability = 0, math.exp(-mean)
    tail = 1.0 - probability
    while tail >= chance:
        count += 1
        probability *= mean / count
        tail -= probability
    return count + 1

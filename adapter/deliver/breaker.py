"""When Browsee is down rather than busy: mostly server errors, timeouts and broken connections. Pure.

Never counts a 429 or a refusal as a failure: both are answers of a server that works.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """Down is: at least `min_failed` of the last `max_answers` answers within `window_s` failed, of at least
    `min_answers`.

    Without `max_answers`, five good minutes at 100 calls a second would have to be outnumbered by 70,000 failures.
    """

    window_s: float = 300.0
    min_answers: int = 10
    max_answers: int = 200
    min_failed: float = 0.7


class Breaker:
    """Watches answers; says when to stop."""

    def __init__(self, config: BreakerConfig) -> None:
        self._config = config
        self._answers: deque[tuple[float, bool]] = deque()
        self._failed = 0

    def answered(self, now_s: float, *, failed: bool) -> None:
        self._answers.append((now_s, failed))
        self._failed += failed
        while len(self._answers) > self._config.max_answers or self._answers[0][0] < now_s - self._config.window_s:
            self._failed -= self._answers.popleft()[1]

    @property
    def is_tripped(self) -> bool:
        """As of the last answer."""
        answers = len(self._answers)
        return answers >= self._config.min_answers and self._failed >= self._config.min_failed * answers

    def reset(self) -> None:
        """Begin anew: what was before an outage says nothing of after."""
        self._answers.clear()
        self._failed = 0

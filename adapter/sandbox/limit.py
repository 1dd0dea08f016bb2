"""A limit of calls in a time, as a token bucket. Pure: the time is an argument."""

import re
from dataclasses import dataclass
from typing import Self

from adapter.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TEXT = re.compile(r"([1-9][0-9]{0,8})/([smh])")


@dataclass(frozen=True, slots=True)
class CallLimit:
    """`count` calls every `per_s` seconds. After an idle time, that many may come at once."""

    count: int
    per_s: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `20/s`, `1200/m` or `50000/h`. Raises ConfigError for anything else."""
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ConfigError(f"limit: found `{text}`; write calls per second, minute or hour: 20/s, 1200/m, 50000/h")
        return cls(int(found[1]), _UNITS[found[2]])

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return f"{self.count}/{next(unit for unit, per_s in _UNITS.items() if per_s == self.per_s)}"

    @property
    def rate(self) -> float:
        """Calls a second, over a long time."""
        return self.count / self.per_s


class CallBucket:
    """Counts calls against a limit; full at first."""

    def __init__(self, limit: CallLimit, *, now_s: float) -> None:
        self._limit = limit
        self._tokens = float(limit.count)
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """0 if a call may pass now, which takes a token; else the seconds until one may, and no token is taken."""
        grown = max(0.0, now_s - self._at_s) * self._limit.rate
        self._tokens = min(float(self._limit.count), self._tokens + grown)
        self._at_s = now_s
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._limit.rate
        self._tokens -= 1.0
        return 0.0

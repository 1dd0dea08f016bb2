"""The gate of an outage: only probes pass. Pure; the clock comes in as `now_s`.

The longer an outage has lasted, the longer the next probe waits, so that its end is noticed soon in proportion to its
length. Probes go in rounds of several at once, because the calls of one user may fail for a reason of their own.
"""

import math
from dataclasses import dataclass

from adapter.deliver.gate import ASK_AGAIN_S

_ROUND_S = 1.0


@dataclass(frozen=True, slots=True)
class OutageConfig:
    """The time between rounds is `share` of the outage's duration, between `least_s` and `most_s`, shortened by up to
    `jitter` of that. At most `probes` are in flight.
    """

    share: float = 0.1
    least_s: float = 0.25
    most_s: float = 30.0
    jitter: float = 0.2
    probes: int = 3


class Outage:
    """Open at first. Spreads probes by the golden ratio instead of random numbers, so that it stays pure."""

    def __init__(self, config: OutageConfig) -> None:
        self._config = config
        self._began_s: float | None = None
        self._due_s = 0.0
        self._round_began_s = -math.inf
        self._round_left = 0
        self._rounds = 0
        self._probes: set[int] = set()

    @property
    def is_shut(self) -> bool:
        return self._began_s is not None

    def shut(self, now_s: float) -> None:
        """Let only probes pass."""
        if self._began_s is None:
            self._began_s = now_s
            self._round_left = 0
            self._due_s = now_s + self._pause_s(now_s)

    def open(self) -> None:
        self._began_s = None
        self._probes.clear()

    def probe_in_s(self, now_s: float) -> float:
        """Seconds until the next round; 0 if it is due, or the gate is open."""
        return max(0.0, self._due_s - now_s) if self.is_shut else 0.0

    @property
    def probes_in_flight(self) -> int:
        """How many probes have no answer yet."""
        return len(self._probes)

    def probes_left(self, now_s: float) -> int:
        """How many probes may go now."""
        free = self._config.probes - len(self._probes)
        if self._round_left and now_s - self._round_began_s < _ROUND_S:
            return min(free, self._round_left)
        return free if now_s >= self._due_s else 0

    def wait_s(self, now_s: float, *, probe: bool) -> float:
        """Seconds to wait before asking again; 0: the call may pass."""
        if self._began_s is None or (probe and self.probes_left(now_s) > 0):
            return 0.0
        return max(ASK_AGAIN_S, self.probe_in_s(now_s))

    def let_pass(self, permit: int, now_s: float) -> None:
        """The call `permit` goes; `wait_s` was 0. If the gate is shut, it is a probe."""
        if self._began_s is None:
            return
        if not self._round_left or now_s - self._round_began_s >= _ROUND_S:
            self._round_began_s = now_s
            self._round_left = self._config.probes
            self._due_s = now_s + self._pause_s(now_s)
        self._round_left -= 1
        self._probes.add(permit)

    def is_probe(self, permit: int) -> bool:
        return permit in self._probes

    def probe_ended(self, permit: int) -> None:
        """A probe ended without success."""
        self._probes.discard(permit)

    def _pause_s(self, now_s: float) -> float:
        config = self._config
        down_s = max(0.0, now_s - (now_s if self._began_s is None else self._began_s))
        self._rounds += 1
        shorter = config.jitter * (self._rounds * 0.6180339887 % 1.0)
        return max(config.least_s, min(config.most_s, config.share * down_s) * (1.0 - shorter))

"""A gate in front of calls: open, or shut but for one probe at a time. Pure; the clock comes in as `now_s`.

Blocks, an open circuit breaker and a misconfigured project are gates. They differ in when they shut, how soon they
probe, and which answer opens them. A gate never looks at an answer itself.
"""

from dataclasses import dataclass

# The end of a probe is unknown, so waiting calls ask again after this time.
ASK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class GateConfig:
    """The first probe goes `first_s` after the gate has shut; each failed probe doubles the pause, up to `max_s`.

    A probe without an answer within `lost_s` counts as lost, and another one goes.
    """

    first_s: float
    max_s: float
    lost_s: float = 120.0


class Gate:
    """Open at first. While it is shut, `wait_s` is 0 only for the next probe."""

    def __init__(self, config: GateConfig) -> None:
        self._config = config
        self._shut_at_s: float | None = None
        self._pause_s = config.first_s
        self._due_s = 0.0
        self._probe: int | None = None

    @property
    def is_shut(self) -> bool:
        return self._shut_at_s is not None

    @property
    def is_probing(self) -> bool:
        """Whether a probe is in flight."""
        return self._probe is not None

    def shut_for_s(self, now_s: float) -> float:
        """Seconds since it shut; 0 if it is open."""
        return 0.0 if self._shut_at_s is None else max(0.0, now_s - self._shut_at_s)

    def probe_in_s(self, now_s: float) -> float:
        """Seconds until the next probe may go; 0 if one may go, or is in flight, or the gate is open."""
        return max(0.0, self._due_s - now_s) if self.is_shut and self._probe is None else 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds to wait before asking again; 0: a call may go."""
        if self._shut_at_s is None:
            return 0.0
        if self._probe is not None and now_s < self._due_s:
            return ASK_AGAIN_S
        return max(0.0, self._due_s - now_s)

    def let_pass(self, permit: int, now_s: float) -> None:
        """The call `permit` goes; `wait_s` was 0. If the gate is shut, it is the probe."""
        if self._shut_at_s is not None:
            self._probe = permit
            self._due_s = now_s + self._config.lost_s

    def is_probe(self, permit: int) -> bool:
        return self._probe == permit

    def shut(self, now_s: float) -> None:
        """Let only probes pass. A shut gate stays as it is."""
        if self._shut_at_s is None:
            self._shut_at_s = now_s
            self._pause_s = self._config.first_s
            self._due_s = now_s + self._pause_s
            self._probe = None

    def hold(self, until_s: float) -> None:
        """Let no probe go before that instant."""
        if self._shut_at_s is not None and self._probe is None:
            self._due_s = max(self._due_s, until_s)

    def probe_failed(self, now_s: float) -> None:
        """The next probe goes after twice the pause."""
        self._pause_s = min(self._pause_s * 2.0, self._config.max_s)
        self.probe_was_inconclusive(now_s)

    def probe_was_inconclusive(self, now_s: float) -> None:
        """The next probe goes after the same pause."""
        self._probe = None
        self._due_s = now_s + self._pause_s

    def open(self) -> None:
        self._shut_at_s = None
        self._probe = None

"""A rate as a token bucket: what a source may send, and how often a client may try. Pure; time is an argument."""

import math


class TokenBucket:
    """A limit of `per_s` messages or bytes a second, and at most one second's worth, or `burst`, at once.

    A request is accepted whole once anything is left; later requests then wait longer.
    """

    def __init__(self, per_s: float, *, burst: float | None = None) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s if burst is None else burst)
        self._left = self._most
        self._at_s = -math.inf

    def wait_s(self, now_s: float) -> float:
        """Seconds until another message is accepted, 0.0 if one is now. `now_s` never goes back."""
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        return max(0.0, (1.0 - self._left) / self._per_s)

    def spend(self, amount: int) -> None:
        """Count what was accepted."""
        self._left -= amount

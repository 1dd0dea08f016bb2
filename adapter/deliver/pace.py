"""How many calls a second: learns a limit that nobody states, from the answers alone. Pure; `now_s` is the clock.

The rate begins low and doubles until Browsee first answers 429 (slow start). What got through just before is then
taken for the limit w; the rate falls below it and follows w·(1 + cut·((t−K)/K)³): quickly back towards w, long near it,
then faster beyond, in case the limit has been raised. This is how CUBIC finds a path's capacity (RFC 9438), with a rate
in place of a window, because a limit of calls a second says nothing of how many may be under way.

Never decides whether a call may go at all: pauses are in `gate`, and a slow Browsee is for `concurrency`.
"""

import math
from dataclasses import dataclass

_LEAST_SPAN_S = 0.01
# What a token may lack by rounding: waiting for that would take less time than a clock can tell, again and again.
_ENOUGH = 1.0 - 1e-6


@dataclass(frozen=True, slots=True)
class PaceConfig:
    """How the rate is learned. With `pinned_per_s` it is that, and nothing is learned.

    `recover_s` is K: the time from a cut back to the limit, or the time of `recover_calls` calls if that is longer: at
    a call every 5 s, 20 s would be a 429 in ten. `slack_s` is how late a call may be and still be made up for.
    `smoothing_s` is the time over which the achieved rate is measured. `evidence` is how many answers a second cut in a
    row needs.
    """

    pinned_per_s: float | None = None
    first_per_s: float = 2.0
    doubling_s: float = 2.0
    cut: float = 0.1
    recover_s: float = 20.0
    recover_calls: float = 50.0
    headroom: float = 2.0
    slack_s: float = 0.1
    smoothing_s: float = 2.0
    evidence: int = 10
    lowest_per_s: float = 0.1
    remembered_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Learned:
    """What survives a restart: the limit, and how long ago it was met."""

    limit_per_s: float
    met_ago_s: float


class Rate:
    """A token bucket whose rate follows the answers.

    Its time is *pressed* time: it stands still while nobody wants to send faster than it lets them, so that a quiet
    hour does not count as an hour without a 429.
    """

    def __init__(self, config: PaceConfig, *, now_s: float) -> None:
        self._config = config
        self._limit_per_s: float | None = None
        self._tokens = 1.0
        self._at_s = now_s
        self._pressed_s = 0.0
        self._cut_at_s = -math.inf
        self._settling_s = 0.0
        self._passed = 0
        self._answered = 0
        self._achieved = _Achieved(config.smoothing_s, now_s)
        self._cycle: tuple[int, float] = 0, 0.0

    @property
    def limit_per_s(self) -> float | None:
        """The limit as far as it is known; None before the first 429, and with a pinned rate."""
        return self._limit_per_s

    def per_s(self, now_s: float) -> float:
        """Calls a second that may go now."""
        config = self._config
        if config.pinned_per_s is not None:
            return config.pinned_per_s
        if self._limit_per_s is None:
            floor = config.first_per_s
            grown = floor * math.exp2(min(self._pressed_s / config.doubling_s, 40.0))
        else:
            floor = self._limit_per_s * (1.0 - config.cut)
            recover_s = max(config.recover_s, config.recover_calls / self._limit_per_s)
            beyond = self._pressed_s / recover_s - 1.0
            grown = self._limit_per_s * (1.0 + config.cut * beyond * beyond * beyond)
        # What was not achieved was not tried, and says nothing of the limit.
        return max(config.lowest_per_s, min(grown, max(floor, config.headroom * self._achieved.per_s(now_s))))

    def wait_s(self, now_s: float) -> float:
        """Seconds until a call may go; 0: now."""
        rate = self.per_s(now_s)
        passed_s = max(0.0, now_s - self._at_s)
        # One more than the slack is worth: at 5 calls a second a sleep that ends 5 ms late would else cost 2.5 %.
        depth = 1.0 + self._config.slack_s * rate
        spilled = max(0.0, self._tokens + passed_s * rate - depth)
        self._tokens = min(depth, self._tokens + passed_s * rate)
        self._pressed_s += max(0.0, passed_s - spilled / rate)
        self._at_s = now_s
        return 0.0 if self._tokens >= _ENOUGH else (1.0 - self._tokens) / rate

    def take(self) -> None:
        """A call goes; `wait_s` was 0."""
        self._tokens -= 1.0

    def answered(self, *, sent_at_s: float, now_s: float, limited: bool) -> None:
        """A call sent at `sent_at_s` was answered: `limited` by a 429, or let through (taken or refused)."""
        if not limited:
            self._achieved.add(now_s)
        # An episode is cut once: what was sent before the cut, or is mixed on its way with what was, says only what is
        # known already.
        if sent_at_s < self._cut_at_s + self._settling_s or self._config.pinned_per_s is not None:
            return
        self._answered += 1
        self._passed += not limited
        if limited and (self._limit_per_s is None or self._answered >= self._config.evidence):
            self._cut(now_s, behind_s=now_s - sent_at_s)

    def _cut(self, now_s: float, *, behind_s: float) -> None:
        """`behind_s` is how long ago the call was sent that was answered 429: what is known is as old as that."""
        span_s = max(self._pressed_s - self._settling_s - behind_s, _LEAST_SPAN_S)
        self._cycle = self._passed, span_s
        self._begin(self._measured(now_s, span_s), now_s)
        self._settling_s = behind_s

    def _measured(self, now_s: float, span_s: float) -> float:
        """The limit, as what got through shows it.

        Over a whole cycle that is exact for a bucket of any depth: it was empty at the last cut and is empty now, so
        what passed between is what was poured in. Over a few answers it is a guess, held to half the rate.
        """
        if self._limit_per_s is None:
            return self._achieved.per_s(now_s)
        rate = self.per_s(now_s)
        measured = min(self._passed / span_s, rate)
        return measured if self._answered >= 5 * self._config.evidence else max(measured, rate / 2.0)

    def _begin(self, limit_per_s: float, now_s: float) -> None:
        self._limit_per_s = max(limit_per_s, self._config.lowest_per_s)
        self._cut_at_s = now_s
        self._settling_s = 0.0
        self._pressed_s = 0.0
        self._passed = self._answered = 0

    def unblocked(self, now_s: float, *, blocked_s: float) -> None:
        """Browsee lets calls through again, after nothing but 429 for `blocked_s`.

        What came before was then spread over that time as well, as with a limit of so many a minute, counted from the
        full minute. It may have been a ban instead, so the limit is at most halved.
        """
        if self._limit_per_s is None or self._config.pinned_per_s is not None:
            return
        passed, span_s = self._cycle
        spread = passed / max(span_s + blocked_s, _LEAST_SPAN_S)
        self._begin(min(self._limit_per_s, max(spread, self._limit_per_s / 2.0)), now_s)

    def snapshot(self, now_s: float) -> Learned | None:
        """What to store, so that the next start need not learn it anew; None before the first 429."""
        if self._limit_per_s is None:
            return None
        return Learned(self._limit_per_s, max(0.0, now_s - self._cut_at_s))

    def restore(self, learned: Learned, *, now_s: float) -> None:
        """Begin just below a limit that was met within an hour; an older one is forgotten."""
        if self._config.pinned_per_s is None and learned.met_ago_s <= self._config.remembered_s:
            self._begin(learned.limit_per_s, now_s)
            self._cut_at_s = now_s - learned.met_ago_s


class _Achieved:
    """Calls let through, per second: a mean over about `smoothing_s`, unbiased from the first moment on."""

    def __init__(self, smoothing_s: float, now_s: float) -> None:
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

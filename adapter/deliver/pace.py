"""The rate of calls: learns a limit that Browsee does not publish, from its answers alone. Pure; `now_s` is the clock.

Theory of operation. The rate starts low and doubles until Browsee first answers 429 (slow start). The rate of success
just before is then taken as the limit w. The rate falls below w and follows w·(1 + cut·((t−K)/K)³): quickly back
towards w, long near it, then faster beyond it, in case the limit has been raised. CUBIC finds a path's capacity this
way (RFC 9438); here a rate replaces the window, because a limit of calls a second does not limit the calls in flight.

A crash loses only what was learned since the monitor last stored `snapshot`. Pauses are the task of `gate`, and a slow
Browsee is the task of `concurrency`.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from adapter.deliver.achieved import Achieved
from adapter.deliver.noise import Noise, NoiseConfig

_LEAST_SPAN_S = 0.01
# A token may lack this much by rounding: a wait for the rest would be shorter than a clock can measure.
_ENOUGH = 1.0 - 1e-6


@dataclass(frozen=True, slots=True)
class PaceConfig:
    """How the rate is learned. With `pinned_per_s` that is the rate, and nothing is learned.

    `recover_s` is K: the time from a cut back to the limit, or the time of `recover_calls` calls if that is longer (at
    a call every 5 s, 20 s would mean a 429 in ten calls). `slack_s` is the delay of a call that is made up for.
    `smoothing_s` is the time over which the achieved rate is measured. `evidence` is the number of answers that a
    second cut in a row needs. Near the limit a cut needs more 429s among the last `window` answers than noise explains:
    one, if no noise is known. In slow start, and more than `far_below` under the limit, it needs `crowd` of the last
    `narrow` answers, and one more from a limit of `crowded_per_s` on, because a cycle then has so many answers that
    noise makes a crowd by chance. While cuts keep coming before the limit is reached, K grows up to `patience` times.
    """

    pinned_per_s: float | None = None
    first_per_s: float = 2.0
    doubling_s: float = 1.0
    brisk_per_s: float = 100.0
    brisk_slower: float = 8.0
    cut: float = 0.1
    recover_s: float = 20.0
    recover_calls: float = 300.0
    moved: float = 1.25
    moved_doubling_s: float = 5.0
    headroom: float = 2.0
    slack_s: float = 0.1
    smoothing_s: float = 2.0
    evidence: int = 20
    window: int = 50
    narrow: int = 20
    crowd: int = 3
    crowded_per_s: float = 50.0
    far_below: float = 0.03
    patience: float = 4.0
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    lowest_per_s: float = 0.1
    remembered_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Learned:
    """The part that survives a restart: the limit, and how long ago it was met."""

    limit_per_s: float
    met_ago_s: float


class Rate:
    """A token bucket whose rate follows the answers.

    Its time is *pressed* time, which stands still while no call waits for a token, so that an idle hour does not count
    as an hour without a 429.
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
        self._achieved = Achieved(config.smoothing_s, now_s=now_s)
        self._sent = Achieved(config.smoothing_s, now_s=now_s)
        self._noise = Noise(config.noise)
        self._began_s = now_s
        self._peak_per_s = 0.0
        self._seen = 0
        self._limited_at: deque[int] = deque(maxlen=config.window)
        self._early_cuts = 0
        self._is_guess = False
        self._before_noise: tuple[float, float] | None = None
        self._cycle: tuple[int, float] = 0, 0.0
        self._moved = math.pow((config.moved - 1.0) / config.cut, 1 / 3)

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
            floor = max(config.first_per_s, self._peak_per_s)
            grown = self._doubled()
        else:
            floor = self._limit_per_s * (1.0 - config.cut)
            recover_s = self._recover_s(self._limit_per_s)
            beyond = min(self._pressed_s / recover_s - 1.0, self._moved)
            grown = self._limit_per_s * (1.0 + config.cut * beyond * beyond * beyond)
            if beyond == self._moved:
                since_s = self._pressed_s - (1.0 + beyond) * recover_s
                grown *= math.exp2(min(since_s / config.moved_doubling_s, 40.0))
        # A rate that was not used was not tested, and says nothing about the limit.
        return max(config.lowest_per_s, min(grown, max(floor, config.headroom * self._sent.per_s(now_s))))

    def _doubled(self) -> float:
        """Slow start: the first rate doubled again and again, more slowly at many calls a second."""
        config = self._config
        brisk_s = math.log2(max(1.0, config.brisk_per_s / config.first_per_s)) * config.doubling_s
        slower_s = max(0.0, self._pressed_s - brisk_s) / config.brisk_slower
        return config.first_per_s * math.exp2(min((min(self._pressed_s, brisk_s) + slower_s) / config.doubling_s, 40.0))

    def _recover_s(self, limit_per_s: float) -> float:
        config = self._config
        longer = min(config.patience, 2.0 ** max(0, self._early_cuts - 1))
        return longer * max(config.recover_s, config.recover_calls / limit_per_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a call may go; 0: now."""
        rate = self.per_s(now_s)
        passed_s = max(0.0, now_s - self._at_s)
        # One more token than the slack: at 5 calls a second a sleep that ends 5 ms late would otherwise cost 2.5 %.
        depth = 1.0 + self._config.slack_s * rate
        spilled = max(0.0, self._tokens + passed_s * rate - depth)
        self._tokens = min(depth, self._tokens + passed_s * rate)
        self._pressed_s += max(0.0, passed_s - spilled / rate)
        self._at_s = now_s
        return 0.0 if self._tokens >= _ENOUGH else (1.0 - self._tokens) / rate

    def take(self, now_s: float) -> None:
        """A call is sent; `wait_s` was 0."""
        self._tokens -= 1.0
        self._sent.add(now_s)

    def answered(self, *, sent_at_s: float, now_s: float, limited: bool) -> None:
        """A call sent at `sent_at_s` was answered: with a 429 if `limited`, else accepted or refused."""
        if not limited:
            self._achieved.add(now_s)
            if self._limit_per_s is None and now_s - self._began_s > self._config.smoothing_s:
                # A rate that succeeded once is known to be allowed, so it is the start after an outage or an idle time.
                self._peak_per_s = max(self._peak_per_s, self._achieved.per_s(now_s))
        # An episode is cut once: answers to calls sent before the cut, or mixed with those on their way, only repeat
        # what is known already.
        if sent_at_s < self._cut_at_s + self._settling_s or self._config.pinned_per_s is not None:
            return
        self._answered += 1
        self._passed += not limited
        self._seen += 1
        if not self._is_guess and self._answered > self._config.evidence:
            self._listen(now_s, limited=limited)
        if limited:
            self._limited_at.append(self._seen)
            if self._is_limit(now_s):
                self._cut(now_s, behind_s=now_s - sent_at_s)

    def _listen(self, now_s: float, *, limited: bool) -> None:
        """Learn the noise from a call well below the limit; once noise is known, undo its effect."""
        if self._is_far_below():
            self._noise.add(limited=limited)
            return
        self._noise.keep(now_s)
        if self._before_noise is None or self._limit_per_s is None or self._noise.share(now_s) == 0.0:
            return
        (before_per_s, at_s), self._before_noise = self._before_noise, None
        if before_per_s > self._limit_per_s and now_s - at_s <= self._config.noise.kept_s:
            self._begin(before_per_s, now_s)
            self._early_cuts = 0

    def _is_far_below(self) -> bool:
        """Whether the rate is so low that the limit, as far as it is known, has no effect."""
        if self._limit_per_s is None:
            return False
        config = self._config
        far = 1.0 - math.pow(config.far_below / config.cut, 1 / 3)
        return self._pressed_s < far * self._recover_s(self._limit_per_s)

    def _is_limit(self, now_s: float) -> bool:
        """Whether the limit, rather than noise, caused the last 429s."""
        config = self._config
        if self._limit_per_s is not None and self._answered < config.evidence:
            return False
        if self._limit_per_s is None:
            return self._limited_among(config.narrow // 2) > config.crowd
        if self._is_far_below():
            least = max(self._crowd(self._limit_per_s or 0.0), self._noise.limit_at(now_s, window=config.narrow))
            return self._limited_among(config.narrow) >= least
        return self._limited_among(config.window) >= self._noise.limit_at(now_s, window=config.window)

    def _crowd(self, limit_per_s: float) -> int:
        return self._config.crowd + (limit_per_s >= self._config.crowded_per_s)

    def _limited_among(self, window: int) -> int:
        """429s among the last `window` answers since the last cut."""
        return sum(at > self._seen - window for at in self._limited_at)

    def _cut(self, now_s: float, *, behind_s: float) -> None:
        """Cut the rate. `behind_s` is the age of the call that was answered 429, and so of what its answer shows."""
        span_s = max(self._pressed_s - self._settling_s - behind_s, _LEAST_SPAN_S)
        self._cycle = self._passed, span_s
        limit_per_s = self._learn_cut(now_s, self._measured(now_s, span_s))
        self._begin(limit_per_s, now_s)
        self._settling_s = behind_s

    def _learn_cut(self, now_s: float, measured: float) -> float:
        """The limit to continue with after this cut, which measured `measured`.

        A lone 429 before the limit was reached may be noise: the first such 429 changes only the rate, and the earlier
        limit is kept. A 429 at the limit measures the limit, and there is no older limit to go back to; nor is there
        one before many 429s.
        """
        limit_per_s = self._limit_per_s
        crowd = self._limited_among(self._config.narrow)
        if limit_per_s is None or crowd >= self._crowd(limit_per_s):
            self._early_cuts = 0
            self._is_guess = True
            self._noise.drop()
            if crowd > self._config.crowd:
                self._before_noise = None
            return measured
        self._is_guess = False
        self._noise.keep(now_s)
        is_early = self._pressed_s < self._recover_s(limit_per_s)
        if self._before_noise is None or not is_early or limit_per_s >= self._before_noise[0]:
            self._before_noise = limit_per_s, now_s
        self._early_cuts = self._early_cuts + 1 if is_early else 0
        return limit_per_s if self._early_cuts == 1 else measured

    def _measured(self, now_s: float, span_s: float) -> float:
        """The limit, as the delivered calls show it.

        Over a whole cycle this is exact for a bucket of any depth: the bucket was empty at the last cut and is empty
        now, so what passed between is what was poured in. Over a few answers it is a guess, limited to half the rate.
        """
        if self._limit_per_s is None or self._pressed_s > (1.0 + self._moved) * self._recover_s(self._limit_per_s):
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
        self._limited_at.clear()

    def unblocked(self, now_s: float, *, blocked_s: float) -> None:
        """Browsee accepts calls again, after only 429s for `blocked_s`.

        The calls before were then spread over that time as well, as with a limit of calls a minute, counted from the
        full minute. It may have been a ban instead, so the limit is at most halved.
        """
        if self._limit_per_s is None or self._config.pinned_per_s is not None:
            return
        self.forget_noise()
        passed, span_s = self._cycle
        spread = passed / max(span_s + blocked_s, _LEAST_SPAN_S)
        self._begin(min(self._limit_per_s, max(spread, self._limit_per_s / 2.0)), now_s)

    def forget_noise(self) -> None:
        """Browsee certainly showed a limit: by a block, or by asking for a pause."""
        self._noise.forget()
        self._before_noise = None
        self._early_cuts = 0

    def snapshot(self, now_s: float) -> Learned | None:
        """What to store, so that the next start need not learn it again; None before the first 429."""
        if self._limit_per_s is None:
            return None
        return Learned(self._limit_per_s, max(0.0, now_s - self._cut_at_s))

    def restore(self, learned: Learned, *, now_s: float) -> None:
        """Start just below a limit that was met within an hour; an older one is ignored."""
        if self._config.pinned_per_s is None and learned.met_ago_s <= self._config.remembered_s:
            self._begin(learned.limit_per_s, now_s)
            self._cut_at_s = now_s - learned.met_ago_s

"""Whether Browsee is down, judged by users and not by calls. Pure; the clock comes in as `now_s`.

In an outage the calls of every user fail. Users whose own calls always fail do not mean one: between their calls,
calls of others are delivered. So the breaker counts the different lanes that failed since the last delivered call. It
trips when so many are not credible any more, given the usual share of successes. A call that hangs fails long after it
was sent: if a call that was sent later has been delivered, the server worked meanwhile. Later failures of a lane that
failed while others were delivered are ignored. A 429 or a refusal never counts as a failure: a working server sent it.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """Browsee is down if at least `min_lanes` and at most `max_lanes` lanes failed in a row, and so many that the
    probability of that, by the usual share of successes, is below `chance`. If no call was delivered for `window_s`,
    failures of any `min_lanes` lanes are enough. At most `max_known` lanes are remembered.
    """

    window_s: float = 300.0
    min_lanes: int = 5
    max_lanes: int = 200
    chance: float = 1e-4
    max_known: int = 10_000


class Breaker:
    """Learns from answers whether Browsee is down. Lanes are the queue's numbers, `seq` is the event's."""

    def __init__(self, config: BreakerConfig, *, now_s: float) -> None:
        self._config = config
        self._passed_at_s = -math.inf
        self._last_passed_sent_s = -math.inf
        self._at_s = now_s
        # Recent successes and failed lanes; both fade with `window_s`.
        self._passes = 0.0
        self._failures = 0.0
        self._failed: dict[int, int] = {}
        self._failed_calls = 0
        self._failed_at_s = -math.inf
        self._known: OrderedDict[int, None] = OrderedDict()

    def passed(self, now_s: float, *, lane: int, sent_at_s: float) -> dict[int, int]:
        """A call was delivered. Returns the events, by lane, that have failed since the last delivered call and whose
        lanes had not failed before: an outage that is over may have caused their failures.
        """
        self._fade(now_s)
        self._passes += 1.0
        self._passed_at_s = now_s
        self._last_passed_sent_s = max(sent_at_s, self._last_passed_sent_s)
        self._known.pop(lane, None)
        if not self._failed_calls:
            return {}
        failed, self._failed, self._failed_calls = self._failed, {}, 0
        failed.pop(lane, None)
        for one in failed:
            self._remember(one)
        return failed

    def failed(self, now_s: float, *, lane: int, seq: int, sent_at_s: float) -> None:
        """A call failed: a server error, no answer, no connection."""
        if now_s - self._passed_at_s > self._config.window_s:
            # A lane that failed long ago while others passed may now fail for the reason that all do.
            self._known.clear()
        if now_s - self._failed_at_s > self._config.window_s:
            self._failed_calls = 0
        self._failed_at_s = now_s
        if lane in self._known:
            return
        if lane not in self._failed:
            self._fade(now_s)
            self._failures += 1.0
            if sent_at_s < self._last_passed_sent_s:
                self._remember(lane)
                return
        self._failed[lane] = seq
        self._failed_calls += 1

    @property
    def in_outage(self) -> dict[int, int]:
        """The events, by lane, that failed since the last delivered call."""
        return dict(self._failed)

    def is_tripped(self, now_s: float) -> bool:
        """Whether calls are to stop."""
        config = self._config
        if now_s - self._passed_at_s > config.window_s:
            return self._failed_calls >= config.min_lanes
        return len(self._failed) >= self._enough()

    def _enough(self) -> int:
        """The number of failed lanes in a row that is not chance."""
        config = self._config
        others = max(0.0, self._failures - len(self._failed))
        share = min(self._passes / max(self._passes + others, 1.0), 0.999)
        if share <= 0.0:
            return config.max_lanes
        return max(config.min_lanes, min(config.max_lanes, math.ceil(math.log(config.chance) / math.log1p(-share))))

    def _remember(self, lane: int) -> None:
        """This lane failed while others were delivered."""
        self._known[lane] = None
        if len(self._known) > self._config.max_known:
            self._known.popitem(last=False)

    def _fade(self, now_s: float) -> None:
        faded = math.exp(-max(0.0, now_s - self._at_s) / self._config.window_s)
        self._at_s = max(now_s, self._at_s)
        self._passes *= faded
        self._failures *= faded

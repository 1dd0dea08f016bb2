"""Virtual hours of delivery: a project's real controller against an emulated Browsee, without a network or a clock."""

import functools
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapter.deliver.misconfigured import Subject
from adapter.deliver.permits import Permit, Wait
from adapter.deliver.policy import Accepted, TryAgain, Verdict
from adapter.deliver.project import Project, ProjectConfig
from adapter.model import Reason
from adapter.sandbox.limit import CallBucket, CallLimit

MAX_UNDER_WAY = 256


@dataclass(frozen=True, slots=True)
class Phase:
    """From `at_s` on Browsee's limit is `limit`; None: it answers every call with 429.

    `noise` is the share of calls answered 429 at whatever rate. A call beyond the limit has all calls of the next
    `ban_s` answered 429. Another client makes `others_per_s` calls within the same limit.
    """

    at_s: float
    limit: CallLimit | None
    noise: float = 0.0
    ban_s: float = 0.0
    others_per_s: float = 0.0


@dataclass(slots=True)
class Measured:
    """What a run did: the instants of calls let through and of calls answered 429, and what the limit offered."""

    offered: float
    passed_at: list[float] = field(default_factory=list)
    limited_at: list[float] = field(default_factory=list)

    @property
    def used(self) -> float:
        """The delivered share of what the limit would have allowed in all this time."""
        return len(self.passed_at) / self.offered

    @property
    def refused(self) -> float:
        """The share of calls answered 429."""
        return len(self.limited_at) / (len(self.limited_at) + len(self.passed_at))

    def passed_between(self, from_s: float, to_s: float) -> int:
        """The number of delivered calls."""
        return sum(from_s <= at_s < to_s for at_s in self.passed_at)

    def sent_between(self, from_s: float, to_s: float) -> int:
        """How many calls were made."""
        return self.passed_between(from_s, to_s) + sum(from_s <= at_s < to_s for at_s in self.limited_at)

    def refused_between(self, from_s: float, to_s: float) -> float:
        """The share of calls answered 429."""
        sent = self.sent_between(from_s, to_s)
        return 1.0 - self.passed_between(from_s, to_s) / sent if sent else 0.0

    def reached(self, rate: float, *, from_s: float = 0.0, within_s: float = 5.0) -> float:
        """Seconds from `from_s` until `rate` calls a second were delivered for `within_s`; inf if never."""
        window: deque[float] = deque()
        for at_s in self.passed_at:
            if at_s < from_s:
                continue
            window.append(at_s)
            while window[0] < at_s - within_s:
                window.popleft()
            if len(window) >= rate * within_s:
                return at_s - from_s
        return float("inf")


class _Server:
    """Browsee with a limit that it does not state: a token bucket."""

    def __init__(self, phases: Sequence[Phase], chance: random.Random) -> None:
        self._phases = deque(phases)
        self._chance = chance
        self._phase = phases[0]
        self._bucket: CallBucket | None = None
        self._banned_until_s = 0.0
        self._others_at_s = 0.0

    def answer(self, now_s: float) -> Verdict:
        while self._phases and self._phases[0].at_s <= now_s:
            self._phase = self._phases.popleft()
            self._bucket = None if self._phase.limit is None else CallBucket(self._phase.limit, now_s=now_s)
            self._others_at_s = now_s
        passes = self._bucket is not None and now_s >= self._banned_until_s and self._takes(self._bucket, now_s)
        if not passes or (self._phase.noise and self._chance.random() < self._phase.noise):
            return TryAgain(Reason.RATE_LIMITED, counted=False)
        return Accepted()

    def _takes(self, bucket: CallBucket, now_s: float) -> bool:
        while self._phase.others_per_s and self._others_at_s < now_s:
            bucket.take(self._others_at_s)
            self._others_at_s += self._chance.expovariate(self._phase.others_per_s)
        if bucket.take(now_s) == 0:
            return True
        self._banned_until_s = now_s + self._phase.ban_s
        return False


@dataclass(frozen=True, slots=True)
class Load:
    """How the world behaves: `users` who always have a next call, `latency_s` and how much it and timers vary.

    With `demand_per_s` so many events come a second, of users in turn. Calls of `refused_users`, spread over all, are
    answered 429 for ever. A user whose call was answered 429 has its next one within `retry_s`.
    """

    users: int = 500
    demand_per_s: float | None = None
    refused_users: int = 0
    retry_s: float = 0.0
    latency_s: float = 0.15
    jitter: float = 0.3
    late_s: float = 0.003


def simulate(phases: Sequence[Phase], *, seconds: float, load: Load | None = None, seed: int = 1) -> Measured:
    """Deliver for `seconds` of virtual time."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible world
    world = _World(_Server(phases, chance), load or Load(), chance)
    measured = Measured(_offered(phases, seconds))
    while world.now_s <= seconds:
        world.step(measured)
    return measured


class _World:
    """One dispatcher that asks for admission, and calls on their way there and back. Time is that of the next event."""

    def __init__(self, server: _Server, load: Load, chance: random.Random) -> None:
        self.now_s = 0.0
        self._server = server
        self._load = load
        self._chance = chance
        self._project = Project(ProjectConfig(), now_s=0.0)
        self._users = deque(range(load.users))
        self._under_way = 0
        self._sent = 0
        self._is_asking = True
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[Measured], None]]] = []
        self._at(0.0, self._ask)

    def step(self, measured: Measured) -> None:
        self.now_s, _, event = heapq.heappop(self._events)
        event(measured)

    def _at(self, at_s: float, event: Callable[[Measured], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._numbers), event))

    def _one_way_s(self) -> float:
        jitter = self._load.jitter
        return self._load.latency_s * self._chance.uniform(1 - jitter, 1 + jitter) / 2

    def _ask(self, _: Measured) -> None:
        """Ask for one call to go; a caller without a free user asks again when one is free."""
        self._is_asking = False
        if not self._users or self._under_way >= MAX_UNDER_WAY:
            return
        demand = self._load.demand_per_s
        if demand is not None and self._sent >= demand * self.now_s:
            self._ask_at((self._sent + 1) / demand)
            return
        admission = self._project.admit("track", self.now_s)
        if isinstance(admission, Wait):
            self._ask_at(self.now_s + admission.seconds + self._chance.uniform(0, self._load.late_s))
            return
        user = self._users.popleft()
        self._under_way += 1
        self._sent += 1
        self._at(self.now_s + self._one_way_s(), functools.partial(self._arrive, admission.permit, user))
        self._ask_at(self.now_s)

    def _ask_at(self, at_s: float) -> None:
        self._is_asking = True
        self._at(at_s, self._ask)

    def _arrive(self, permit: Permit, user: int, measured: Measured) -> None:
        verdict = self._server.answer(self.now_s)
        refused = self._load.refused_users
        if refused and (user + 1) % (self._load.users // refused) == 0:
            verdict = TryAgain(Reason.RATE_LIMITED, counted=False)
        passed = isinstance(verdict, Accepted)
        (measured.passed_at if passed else measured.limited_at).append(self.now_s)
        self._at(self.now_s + self._one_way_s(), functools.partial(self._come_back, permit, user, verdict))

    def _come_back(self, permit: Permit, user: int, verdict: Verdict, measured: Measured) -> None:
        self._project.answered(permit, verdict, of=Subject(user, permit.number), now_s=self.now_s)
        self._under_way -= 1
        if isinstance(verdict, Accepted):
            self._free(user, measured)
            return
        # The event is tried again, and counts as no new one.
        self._sent -= 1
        again_s = self._chance.uniform(0, self._load.retry_s) if self._load.retry_s else 0.0
        self._at(self.now_s + again_s, functools.partial(self._free, user))

    def _free(self, user: int, measured: Measured) -> None:
        self._users.append(user)
        if not self._is_asking:
            self._ask(measured)


def _offered(phases: Sequence[Phase], seconds: float) -> float:
    """What the limits let through in all: what a full bucket holds at first, and what is poured in."""
    ends = [phase.at_s for phase in phases[1:]] + [seconds]
    rates = [0.0 if phase.limit is None else phase.limit.rate - phase.others_per_s for phase in phases]
    full = float(phases[0].limit.count) if phases[0].limit is not None else 0.0
    return full + sum(rate * (end_s - phase.at_s) for rate, phase, end_s in zip(rates, phases, ends, strict=True))

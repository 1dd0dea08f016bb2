"""Virtual hours of delivery: a project's real controller against an emulated Browsee, without a network or a clock."""

import functools
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapter.deliver.misconfigured import Subject
from adapter.deliver.policy import Accepted, TryAgain, Verdict
from adapter.deliver.project import Project, ProjectConfig, Ticket, Wait
from adapter.model import Reason
from adapter.sandbox.limit import Limit, TokenBucket

MAX_UNDER_WAY = 256


@dataclass(frozen=True, slots=True)
class Phase:
    """From `at_s` on Browsee's limit is `limit`; None: it answers every call with 429."""

    at_s: float
    limit: Limit | None


@dataclass(slots=True)
class Measured:
    """What a run did: the instants of calls let through and of calls answered 429, and what the limit offered."""

    offered: float
    passed_at: list[float] = field(default_factory=list)
    limited_at: list[float] = field(default_factory=list)

    @property
    def used(self) -> float:
        """The share of what the limit would have let through in all this time that got through."""
        return len(self.passed_at) / self.offered

    @property
    def refused(self) -> float:
        """The share of calls answered 429."""
        return len(self.limited_at) / (len(self.limited_at) + len(self.passed_at))

    def reached(self, rate: float, *, from_s: float = 0.0, within_s: float = 5.0) -> float:
        """Seconds from `from_s` until `rate` calls a second got through for `within_s`; inf if never."""
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
    """Browsee with a limit: a token bucket that nobody is told of."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._phases = deque(phases)
        self._bucket: TokenBucket | None = None

    def answer(self, now_s: float) -> Verdict:
        while self._phases and self._phases[0].at_s <= now_s:
            limit = self._phases.popleft().limit
            self._bucket = None if limit is None else TokenBucket(limit, now_s=now_s)
        if self._bucket is None or self._bucket.take(now_s) > 0:
            return TryAgain(Reason.RATE_LIMITED, counted=False)
        return Accepted()


@dataclass(frozen=True, slots=True)
class Load:
    """How the world behaves: `users` who always have a next call, `latency_s` and how much it and timers vary."""

    users: int = 500
    latency_s: float = 0.15
    jitter: float = 0.3
    late_s: float = 0.003


def simulate(phases: Sequence[Phase], *, seconds: float, load: Load | None = None, seed: int = 1) -> Measured:
    """Deliver for `seconds` of virtual time."""
    world = _World(_Server(phases), load or Load(), random.Random(seed))  # noqa: S311 - a reproducible world
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
        self._free = min(load.users, MAX_UNDER_WAY)
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
        """Ask for one call to go; whoever has nobody left to send for asks again when an answer comes."""
        admission = self._project.admit("track", self.now_s)
        if isinstance(admission, Wait):
            self._at(self.now_s + admission.seconds + self._chance.uniform(0, self._load.late_s), self._ask)
            return
        self._free -= 1
        self._at(self.now_s + self._one_way_s(), functools.partial(self._arrive, admission.ticket))
        if self._free:
            self._at(self.now_s, self._ask)

    def _arrive(self, ticket: Ticket, measured: Measured) -> None:
        verdict = self._server.answer(self.now_s)
        passed = isinstance(verdict, Accepted)
        (measured.passed_at if passed else measured.limited_at).append(self.now_s)
        self._at(self.now_s + self._one_way_s(), functools.partial(self._come_back, ticket, verdict))

    def _come_back(self, ticket: Ticket, verdict: Verdict, _: Measured) -> None:
        self._project.answered(ticket, verdict, of=Subject(ticket.number, ticket.number), now_s=self.now_s)
        self._free += 1
        if self._free == 1:
            self._at(self.now_s, self._ask)


def _offered(phases: Sequence[Phase], seconds: float) -> float:
    """What the limits let through in all: what a full bucket holds at first, and what is poured in."""
    ends = [phase.at_s for phase in phases[1:]] + [seconds]
    rates = [0.0 if phase.limit is None else phase.limit.rate for phase in phases]
    full = float(phases[0].limit.count) if phases[0].limit is not None else 0.0
    return full + sum(rate * (end_s - phase.at_s) for rate, phase, end_s in zip(rates, phases, ends, strict=True))

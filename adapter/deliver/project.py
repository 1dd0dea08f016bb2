"""Everything that decides whether a call to one Browsee project may go now. Pure; the clock comes in as `now_s`.

A worker asks `admit`, waits if it is told to, sends, has the answer classified, and tells `answered`, whose ruling is
the verdict to act on. Here pace, concurrency, blocks, breaker, asked-for pauses and misconfiguration meet; each is a
small machine of its own. Never sends, never sleeps, and never settles an event.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct

from adapter.deliver.breaker import Breaker, BreakerConfig
from adapter.deliver.concurrency import Concurrency, ConcurrencyConfig
from adapter.deliver.gate import Gate, GateConfig
from adapter.deliver.misconfigured import KindOfCall, RefusalsConfig, Ruling
from adapter.deliver.pace import Learned, PaceConfig, Rate
from adapter.deliver.policy import Accepted, RefusedByBrowsee, TryAgain, Verdict
from adapter.model import Kind, Reason

KINDS: tuple[Kind, ...] = ("track", "identify")
# A call under way has no known end: who waits for one asks again after this long.
FULL_WAIT_S = 0.05
# Whoever was slowed this long ago counts as slowed now; shorter, and the state would flicker.
SLOWED_FOR_S = 10.0

BLOCKED = GateConfig(first_s=1.0, max_s=30.0)
DOWN = GateConfig(first_s=30.0, max_s=30.0)
MISCONFIGURED = GateConfig(first_s=1.0, max_s=60.0)

Delivery: TypeAlias = Literal["ok", "slowed", "paused"]


class Why(StrEnum):
    """Why a call may not go now."""

    PACE = "pace"
    SLOW = "slow answers"
    RETRY_AFTER = "retry after"
    BLOCKED = "blocked"
    DOWN = "down"
    MISCONFIGURED = "misconfigured"


PAUSING = (Why.DOWN, Why.RETRY_AFTER, Why.BLOCKED, Why.MISCONFIGURED)
"""What stops every call."""
SLOWING = (Why.PACE, Why.SLOW, Why.MISCONFIGURED)
"""What makes calls wait; misconfigured where it is identify calls alone that are paused."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`block_run` is how many 429 in a row, without a call let through, are a block."""

    pace: PaceConfig = field(default_factory=PaceConfig)
    concurrency: ConcurrencyConfig = field(default_factory=ConcurrencyConfig)
    breaker: BreakerConfig = field(default_factory=BreakerConfig)
    refusals: RefusalsConfig = field(default_factory=RefusalsConfig)
    block_run: int = 10
    blocked: GateConfig = BLOCKED
    down: GateConfig = DOWN
    misconfigured: GateConfig = MISCONFIGURED


class Ticket(Struct, frozen=True):
    """One call that may go. Hand it back to `answered`, or to `abandoned` if there will be no answer."""

    number: int
    kind: Kind
    sent_at_s: float


class Go(Struct, frozen=True):
    """Send now."""

    ticket: Ticket


class Wait(Struct, frozen=True):
    """Ask again in `seconds`, which are more than 0."""

    seconds: float
    why: Why


Admission: TypeAlias = Go | Wait


@dataclass(frozen=True, slots=True)
class State:
    """How delivery to this project goes, for `/readyz`. `text` says why, for people, and is empty while all is well.

    `per_s` is the rate now, `limit_per_s` the limit as learned (None: not met yet, or pinned).
    """

    delivery: Delivery
    why: Why | None
    text: str
    per_s: float
    limit_per_s: float | None
    concurrency: int
    in_flight: int


_Trouble: TypeAlias = tuple[Delivery, Why | None, str]
_NO_TROUBLE: _Trouble = ("ok", None, "")
_SLOW_TEXT = "Browsee answers slowly, so fewer calls are under way at once"
_LIMIT_TEXT = "calls go as fast as Browsee's limit is known to allow"
_PINNED_TEXT = "calls go as fast as browsee.rate of the settings allows"
_LEARNING_TEXT = "calls go ever faster until Browsee's limit is met"


class Project:
    """One Browsee project: an address and a key. Shared by all that send to it; belongs to one thread."""

    def __init__(self, config: ProjectConfig, *, now_s: float) -> None:
        self._config = config
        self._rate = Rate(config.pace, now_s=now_s)
        self._concurrency = Concurrency(config.concurrency, now_s=now_s)
        self._breaker = Breaker(config.breaker)
        self._down = Gate(config.down)
        self._blocked = Gate(config.blocked)
        self._limited_run = 0
        self._kinds = {kind: KindOfCall(config.misconfigured, config.refusals) for kind in KINDS}
        self._paused_until_s = now_s
        self._slowed: tuple[float, Why] | None = None
        self._last_ticket = 0

    def admit(self, kind: Kind, now_s: float) -> Admission:
        """Whether a call of this kind may go now. Each `Go` must come back by its ticket."""
        wait = next(self._pauses(kind, now_s), None)
        if wait is not None:
            return wait
        if self._concurrency.is_full:
            self._slowed = now_s, Why.SLOW
            return Wait(FULL_WAIT_S, Why.SLOW)
        wait_s = self._rate.wait_s(now_s)
        if wait_s > 0:
            self._slowed = now_s, Why.PACE
            return Wait(wait_s, Why.PACE)
        self._last_ticket += 1
        for gate in (self._down, self._blocked, self._kinds[kind].gate):
            gate.let_pass(self._last_ticket, now_s)
        self._rate.take()
        self._concurrency.began()
        return Go(Ticket(self._last_ticket, kind, now_s))

    def _pauses(self, kind: Kind, now_s: float) -> Iterator[Wait]:
        if now_s < self._paused_until_s:
            yield Wait(self._paused_until_s - now_s, Why.RETRY_AFTER)
        gates = (
            (self._down, Why.DOWN),
            (self._blocked, Why.BLOCKED),
            (self._kinds[kind].gate, Why.MISCONFIGURED),
        )
        for gate, why in gates:
            wait_s = gate.wait_s(now_s)
            if wait_s > 0:
                yield Wait(wait_s, why)

    def paused_for_s(self, now_s: float) -> float:
        """Seconds for which nothing is to be taken from the queue, whatever the pace; 0 if something may go.

        Paused tracks pause all: most events are tracks, and to take each only to put it off would write the whole
        backlog anew, again and again.
        """
        return next((wait.seconds for wait in self._pauses("track", now_s)), 0.0)

    def sets_aside(self, kind: Kind) -> bool:
        """Whether events with calls of this kind should let others of their user pass: identify alone is paused."""
        return kind == "identify" and self._kinds["identify"].gate.is_shut and not self._kinds["track"].gate.is_shut

    def takes(self, kind: Kind, now_s: float) -> bool:
        """Whether a call of this kind would go now, but for the pace."""
        return next(self._pauses(kind, now_s), None) is None

    def answered(self, ticket: Ticket, verdict: Verdict, *, lane: str, receipt: int, now_s: float) -> Ruling:
        """Learn from the answer to `ticket`; `lane` is the user and `receipt` the event that the call was for."""
        limited = isinstance(verdict, TryAgain) and verdict.reason is Reason.RATE_LIMITED
        passed = isinstance(verdict, Accepted | RefusedByBrowsee)
        self._concurrency.ended(now_s, None if _is_quick(verdict) else now_s - ticket.sent_at_s)
        self._learn_block(ticket, now_s, limited=limited, passed=passed)
        if (limited or passed) and not self._blocked.is_shut:
            self._rate.answered(sent_at_s=ticket.sent_at_s, now_s=now_s, limited=limited)
        self._learn_outage(ticket, now_s, failed=isinstance(verdict, TryAgain) and not limited)
        if isinstance(verdict, TryAgain) and verdict.retry_after_s is not None:
            self._paused_until_s = max(self._paused_until_s, now_s + verdict.retry_after_s)
        return self._kinds[ticket.kind].answered(ticket.number, verdict, lane=lane, receipt=receipt, now_s=now_s)

    def abandoned(self, ticket: Ticket, *, now_s: float) -> None:
        """There will be no answer: the call was not sent, or nobody waits for it any more."""
        self._concurrency.ended(now_s, None)
        for gate in (self._down, self._blocked, self._kinds[ticket.kind].gate):
            if gate.is_probe(ticket.number):
                gate.probe_told_nothing(now_s)

    def _learn_block(self, ticket: Ticket, now_s: float, *, limited: bool, passed: bool) -> None:
        if passed:
            self._limited_run = 0
        self._limited_run += limited
        if self._limited_run >= self._config.block_run:
            self._blocked.shut(now_s)
        if not self._blocked.is_probe(ticket.number):
            return
        if limited:
            self._blocked.probe_failed(now_s)
        elif passed:
            self._rate.unblocked(now_s, blocked_s=self._blocked.shut_for_s(now_s))
            self._blocked.open()
        else:
            self._blocked.probe_told_nothing(now_s)

    def _learn_outage(self, ticket: Ticket, now_s: float, *, failed: bool) -> None:
        if self._down.is_probe(ticket.number):
            if failed:
                self._down.probe_failed(now_s)
            else:
                self._down.open()
                self._breaker.reset()
            return
        if not self._down.is_shut:
            self._breaker.answered(now_s, failed=failed)
            if self._breaker.is_tripped:
                self._down.shut(now_s)

    def snapshot(self, now_s: float) -> Learned | None:
        """What to store at each change of the limit and every few seconds; None while nothing is learned."""
        return self._rate.snapshot(now_s)

    def restore(self, learned: Learned, *, now_s: float) -> None:
        """Begin with what an earlier process stored."""
        self._rate.restore(learned, now_s=now_s)

    def state(self, now_s: float) -> State:
        """How delivery goes now."""
        trouble = next(self._troubles(now_s), _NO_TROUBLE)
        return State(
            *trouble,
            per_s=self._rate.per_s(now_s),
            limit_per_s=self._rate.limit_per_s,
            concurrency=self._concurrency.limit,
            in_flight=self._concurrency.in_flight,
        )

    def _troubles(self, now_s: float) -> Iterator[_Trouble]:
        """What keeps calls from going, the worst first."""
        track, identify = self._kinds["track"], self._kinds["identify"]
        if self._down.is_shut:
            next_s = self._down.probe_in_s(now_s)
            yield "paused", Why.DOWN, f"Browsee does not answer as it should; next try in {next_s:.0f} s"
        if now_s < self._paused_until_s:
            left_s = self._paused_until_s - now_s
            yield "paused", Why.RETRY_AFTER, f"Browsee asked for a pause; it ends in {left_s:.0f} s"
        if self._blocked.is_shut:
            next_s = self._blocked.probe_in_s(now_s)
            yield "paused", Why.BLOCKED, f"Browsee answers every call with 429; next try in {next_s:.0f} s"
        if track.gate.is_shut:
            yield "paused", Why.MISCONFIGURED, track.detail
        if identify.gate.is_shut:
            yield "slowed", Why.MISCONFIGURED, f"identify calls are paused: {identify.detail}"
        if self._slowed is not None and now_s - self._slowed[0] <= SLOWED_FOR_S:
            why = self._slowed[1]
            yield "slowed", why, _SLOW_TEXT if why is Why.SLOW else self._pace_text()

    def _pace_text(self) -> str:
        if self._config.pace.pinned_per_s is not None:
            return _PINNED_TEXT
        return _LEARNING_TEXT if self._rate.limit_per_s is None else _LIMIT_TEXT


def _is_quick(verdict: Verdict) -> bool:
    """Answered before any work was done, so that its time says nothing of how busy Browsee is."""
    return isinstance(verdict, TryAgain) and verdict.reason in (Reason.RATE_LIMITED, Reason.UNREACHABLE)

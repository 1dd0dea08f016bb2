"""Decides whether a call to one Browsee project may go now. Pure; the clock comes in as `now_s`.

A worker calls `admit`, waits if it must, sends, has the answer classified, and calls `answered`, which returns the
verdict to act on. Pace, concurrency, blocks, breaker, requested pauses and misconfiguration meet here; `state.py` says
how they work together. Never sends, never sleeps, and never settles an event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from adapter.deliver import state as states
from adapter.deliver.block import BlockGate
from adapter.deliver.breaker import Breaker, BreakerConfig
from adapter.deliver.concurrency import Concurrency, ConcurrencyConfig
from adapter.deliver.gate import Gate, GateConfig
from adapter.deliver.lanes import Lanes
from adapter.deliver.misconfigured import CallKindHealth, RefusalsConfig, Ruling, Subject
from adapter.deliver.outage import Outage, OutageConfig
from adapter.deliver.pace import Learned, PaceConfig, Rate
from adapter.deliver.permits import Admission, Go, Permit, Wait
from adapter.deliver.policy import Accepted, RefusedByBrowsee, TryAgain, Verdict
from adapter.deliver.state import Obstacle, PauseReason, State, worded
from adapter.model import Kind, Reason

_PASSED = (Accepted, RefusedByBrowsee)
_NO_OBSTACLE = Obstacle("ok", None, "")
KINDS: tuple[Kind, ...] = ("track", "identify")
# A call that waits for another to end asks again after this time: some end without an answer.
FULL_WAIT_S = 0.05
# A project that was slowed this long ago counts as slowed now; with less, the state would flicker.
SLOWED_FOR_S = 10.0
# The call of one user may hang; after this time another tests whether the pause that Browsee asked for is over.
ASKED_LOST_S = 2.0
BLOCKED = GateConfig(first_s=1.0, max_s=30.0)
MISCONFIGURED = GateConfig(first_s=1.0, max_s=60.0)


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`block_run` 429s in a row, without a delivered call, are a block. `any_2xx`: see `classify`."""

    pace: PaceConfig = field(default_factory=PaceConfig)
    concurrency: ConcurrencyConfig = field(default_factory=ConcurrencyConfig)
    breaker: BreakerConfig = field(default_factory=BreakerConfig)
    refusals: RefusalsConfig = field(default_factory=RefusalsConfig)
    block_run: int = 10
    any_2xx: bool = False
    blocked: GateConfig = BLOCKED
    down: OutageConfig = field(default_factory=OutageConfig)
    misconfigured: GateConfig = MISCONFIGURED


class Project:
    """One Browsee project: an address and a key. Shared by all workers that send to it; belongs to one thread."""

    def __init__(self, config: ProjectConfig, *, now_s: float) -> None:
        self._config = config
        self._rate = Rate(config.pace, now_s=now_s)
        self._concurrency = Concurrency(config.concurrency, now_s=now_s)
        self._breaker = Breaker(config.breaker, now_s=now_s)
        self._lanes = Lanes()
        self._apart = 0
        self._down = Outage(config.down)
        self._down_cause = ""
        self._block = BlockGate(config.blocked, run=config.block_run)
        self._kinds = {kind: CallKindHealth(config.misconfigured, config.refusals) for kind in KINDS}
        self._asked = Gate(GateConfig(first_s=0.0, max_s=0.0, lost_s=ASKED_LOST_S))
        self._slowed: tuple[float, PauseReason] | None = None
        self._last_permit = 0

    @property
    def any_2xx(self) -> bool:
        """Whether every 2xx is a success."""
        return self._config.any_2xx

    def admit(self, kind: Kind, now_s: float, *, probe: bool = False, apart: bool = False) -> Admission:
        """Whether a call of this kind may go now. Each `Go` must come back by its permit.

        `probe`: the event was chosen to test whether a pause is over. `apart`: see `Permit`.
        """
        wait = self._pause(kind, now_s, probe=probe)
        if wait is not None:
            return wait
        apart = apart or probe
        if not apart and self._concurrency.is_full(now_s):
            self._slowed = now_s, PauseReason.SLOW
            return Wait(FULL_WAIT_S, PauseReason.SLOW)
        wait_s = self._rate.wait_s(now_s)
        if wait_s > 0:
            self._slowed = now_s, PauseReason.PACE
            return Wait(wait_s, PauseReason.PACE)
        self._last_permit += 1
        self._down.let_pass(self._last_permit, now_s)
        for gate in self._gates(kind):
            gate.let_pass(self._last_permit, now_s)
        self._rate.take(now_s)
        if apart:
            self._apart += 1
        else:
            self._concurrency.began(self._last_permit, now_s)
        return Go(Permit(self._last_permit, kind, now_s, apart))

    def _pause(self, kind: Kind, now_s: float, *, probe: bool) -> Wait | None:
        """The pause that no lower rate can replace, the worst one first."""
        for seconds, why in (
            (self._asked.wait_s(now_s), PauseReason.RETRY_AFTER),
            (self._down.wait_s(now_s, probe=probe), PauseReason.DOWN),
            (self._block.gate.wait_s(now_s), PauseReason.BLOCKED),
            (self._kinds[kind].gate.wait_s(now_s), PauseReason.MISCONFIGURED),
        ):
            if seconds > 0:
                return Wait(seconds, why)
        return None

    def paused_for_s(self, now_s: float) -> float:
        """Seconds for which no event is to be taken from the queue, whatever the pace; 0 if some may, even if only
        `probes`.

        Paused tracks pause everything: most events are tracks, and taking each only to delay it would rewrite the whole
        backlog again and again.
        """
        wait = self._pause("track", now_s, probe=True)
        return 0.0 if wait is None else wait.seconds

    def probes(self, now_s: float) -> int | None:
        """How many events are to test now whether a pause of all calls is over; None if there is none."""
        if self._down.is_shut:
            return self._down.probes_left(now_s)
        if self._asked.is_shut or self._block.gate.is_shut or self._kinds["track"].gate.is_shut:
            return int(self.paused_for_s(now_s) == 0)
        return None

    def _gates(self, kind: Kind) -> tuple[Gate, ...]:
        """The gates of calls of this kind that let one probe pass at a time."""
        return self._asked, self._block.gate, self._kinds[kind].gate

    @property
    def probes_in_flight(self) -> int:
        """How many calls in flight test whether a pause is over."""
        return self._down.probes_in_flight + any(gate.is_probing for gate in self._gates("track"))

    @property
    def passed_lately(self) -> frozenset[int]:
        """Lanes that suit a probe: their last calls were delivered."""
        return self._lanes.passed_lately

    @property
    def in_flight(self) -> int:
        """The number of calls in flight."""
        return self._concurrency.in_flight + self._apart

    @property
    def concurrency(self) -> int:
        """The limit of calls in flight."""
        return self._concurrency.limit

    def per_s(self, now_s: float) -> float:
        """Calls a second that may go now."""
        return self._rate.per_s(now_s)

    def is_slow(self, lane: int) -> bool:
        """Whether the last call of this lane was slow while those of others were not."""
        return self._lanes.is_slow(lane)

    def repeats_probe(self, kind: Kind, of: Subject) -> bool:
        """Whether to let an event of another name be the next probe for a misconfigured kind of call."""
        return not self._lanes.has_passed(of.lane) and self._kinds[kind].repeats_probe(of.event)

    def sets_aside(self, kind: Kind) -> bool:
        """Whether events with calls of this kind should be parked, so that others of their user pass: identify alone is
        paused.
        """
        return kind == "identify" and self._kinds["identify"].gate.is_shut and not self._kinds["track"].gate.is_shut

    def takes(self, kind: Kind, now_s: float) -> bool:
        """Whether a call of this kind could go now, apart from the pace."""
        return self._pause(kind, now_s, probe=True) is None

    def answered(self, permit: Permit, verdict: Verdict, *, of: Subject, now_s: float, cause: str = "") -> Ruling:
        """Learn from the answer to `permit`; `of` says whose call it was, and `cause` in words why it failed."""
        limited = isinstance(verdict, TryAgain) and verdict.reason is Reason.RATE_LIMITED
        asked_s = verdict.retry_after_s if isinstance(verdict, TryAgain) else None
        passed = isinstance(verdict, _PASSED)
        failed = isinstance(verdict, TryAgain) and not limited
        seconds = now_s - permit.sent_at_s
        self._lanes.answered(of.lane, passed=isinstance(verdict, Accepted), slow=self._concurrency.is_long(seconds))
        self._end(permit, now_s, None if _is_quick(verdict) else seconds)
        # Repeated 429s of one user, or requests to wait, say nothing about the project: they are failures of its event.
        is_own = (limited or asked_s is not None) and self._lanes.put_off(of.lane)
        limited = limited and not is_own
        blocked_s = self._block.answered(permit.number, limited=limited, passed=passed, now_s=now_s)
        if blocked_s is not None:
            self._rate.unblocked(now_s, blocked_s=blocked_s)
        if (limited or passed) and not self._block.gate.is_shut:
            self._rate.answered(sent_at_s=permit.sent_at_s, now_s=now_s, limited=limited)
        self._learn_asked(permit, now_s, passed=passed, asked_s=None if is_own else asked_s)
        due = self._learn_outage(permit, now_s, of=of, failed=failed, passed=passed, cause=cause)
        if is_own and isinstance(verdict, TryAgain):
            verdict = structs.replace(verdict, counted=True)
        ruling = self._kinds[permit.kind].answered(permit.number, verdict, of=of, now_s=now_s)
        if failed and self._down.is_shut and isinstance(ruling.verdict, TryAgain):
            # An outage is not the fault of an event; the gate decides when it is retried.
            return Ruling(structs.replace(ruling.verdict, counted=False), ruling.requeued, due, at_once=True)
        return structs.replace(ruling, due=due) if due else ruling

    def abandoned(self, permit: Permit, *, now_s: float) -> None:
        """There will be no answer: the call was not sent, or its caller was cancelled."""
        self._end(permit, now_s, None)
        self._down.probe_ended(permit.number)
        for gate in self._gates(permit.kind):
            if gate.is_probe(permit.number):
                gate.probe_was_inconclusive(now_s)

    def _end(self, permit: Permit, now_s: float, seconds: float | None) -> None:
        if permit.apart:
            self._apart -= 1
        else:
            self._concurrency.ended(permit.number, now_s=now_s, seconds=seconds)

    def _learn_asked(self, permit: Permit, now_s: float, *, passed: bool, asked_s: float | None) -> None:
        is_probe = self._asked.is_probe(permit.number)
        if is_probe and passed:
            self._asked.open()
        elif is_probe or (asked_s is not None and self._asked.is_probing):
            self._asked.probe_was_inconclusive(now_s)
        if asked_s is not None:
            self._asked.shut(now_s)
            self._asked.hold(now_s + asked_s)
            self._rate.forget_noise()

    def _learn_outage(
        self, permit: Permit, now_s: float, *, of: Subject, failed: bool, passed: bool, cause: str
    ) -> Mapping[int, int]:
        """Events that are due at once, by lane: an outage that is over, or has just been recognised, delayed them."""
        if not failed:
            if self._down.is_probe(permit.number):
                self._down.open()
            return self._breaker.passed(now_s, lane=of.lane, sent_at_s=permit.sent_at_s) if passed else {}
        self._down_cause = cause
        self._down.probe_ended(permit.number)
        self._breaker.failed(now_s, lane=of.lane, seq=of.seq, sent_at_s=permit.sent_at_s)
        if self._down.is_shut or not self._breaker.is_tripped(now_s):
            return {}
        self._down.shut(now_s)
        return {lane: seq for lane, seq in self._breaker.in_outage.items() if lane != of.lane}

    def snapshot(self, now_s: float) -> Learned | None:
        """What to store at each change of the limit and every few seconds; None while nothing is learned."""
        return self._rate.snapshot(now_s)

    def restore(self, learned: Learned, *, now_s: float) -> None:
        """Start with what an earlier process stored."""
        self._rate.restore(learned, now_s=now_s)

    def state(self, now_s: float) -> State:
        """The state of delivery now."""
        obstacle = next(self._obstacles(now_s), _NO_OBSTACLE)
        return State(
            obstacle.delivery,
            obstacle.why,
            worded(obstacle),
            per_s=self._rate.per_s(now_s),
            limit_per_s=self._rate.limit_per_s,
            concurrency=self._concurrency.limit,
            in_flight=self.in_flight,
            cause=obstacle.cause,
        )

    def _obstacles(self, now_s: float) -> Iterator[Obstacle]:
        """What holds calls up, the worst obstacle first."""
        track, identify = self._kinds["track"], self._kinds["identify"]
        if self._down.is_shut:
            cause = f"no call to Browsee gets through: {self._down_cause or 'no good answer'}"
            yield Obstacle("paused", PauseReason.DOWN, cause, self._down.probe_in_s(now_s))
        asked_s = self._asked.probe_in_s(now_s)
        if asked_s > 0:
            yield Obstacle("paused", PauseReason.RETRY_AFTER, "Browsee asked for a pause", asked_s)
        if self._block.gate.is_shut:
            cause = "Browsee answers every call with 429"
            yield Obstacle("paused", PauseReason.BLOCKED, cause, self._block.gate.probe_in_s(now_s))
        if track.gate.is_shut:
            yield Obstacle("paused", PauseReason.MISCONFIGURED, track.detail, track.gate.probe_in_s(now_s))
        if identify.gate.is_shut:
            cause = f"identify calls are paused: {identify.detail}"
            yield Obstacle("slowed", PauseReason.MISCONFIGURED, cause, identify.gate.probe_in_s(now_s))
        if self._slowed is not None and now_s - self._slowed[0] <= SLOWED_FOR_S:
            why = self._slowed[1]
            yield Obstacle("slowed", why, states.SLOW_TEXT if why is PauseReason.SLOW else self._pace_text())

    def _pace_text(self) -> str:
        if self._config.pace.pinned_per_s is not None:
            return states.PINNED_TEXT
        return states.LEARNING_TEXT if self._rate.limit_per_s is None else states.LIMIT_TEXT


def _is_quick(verdict: Verdict) -> bool:
    """Whether Browsee answered without doing any work, so that the latency says nothing about its load."""
    return isinstance(verdict, TryAgain) and verdict.reason in (Reason.RATE_LIMITED, Reason.UNREACHABLE)

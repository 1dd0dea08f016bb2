"""Whether a project is misconfigured, rather than its calls wrong. Pure; the clock comes in as `now_s`.

Some answers say so outright (401, 404 …). While calls of others are delivered, they are believed only if several come
in a row: a firewall in front of Browsee may answer 403 to what it takes for an attack. But 400 is the only failure that
Browsee documents, so a wrong key may look like a refusal of every call. If the last refusals were many, of several
users, with one cause, and no call was delivered between them, the events are not to blame; if an event is refused again
after others were delivered, it is. Texts are compared without ids and numbers. If the texts differ even so, more
refusals are needed, of more users and of different events, and a longer time without a success.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from adapter.deliver.gate import Gate, GateConfig
from adapter.deliver.policy import Accepted, Misconfigured, RefusedByBrowsee, TryAgain, Verdict
from adapter.model import Call, Lease, Reason
from adapter.queue.causes import fold_cause

# The number of remembered events that met a misconfigured project; the oldest is forgotten first.
MAX_SUSPECTS = 1000
# Probes that are skipped because the last one had the same event name, before one is sent all the same.
MAX_PASSED_OVER = 3


class Subject(Struct, frozen=True):
    """The call that was answered: the queue's number of its lane, the event's seq, its user and the name in the
    call.
    """

    lane: int
    seq: int
    user: str = ""
    event: str = ""

    @classmethod
    def of(cls, lease: Lease, call: Call) -> "Subject":
        """The subject of this call of that event."""
        user = lease.event.user_id or lease.event.anonymous_id or ""
        return cls(lease.lane, lease.seq, user, str(call.body.get("event", "")))


@dataclass(frozen=True, slots=True)
class RefusalsConfig:
    """`count` refusals with one cause, of `users` users, show that no event is to blame. So do `any_count` refusals
    with any texts, of `any_users` users and `any_events` names, if no call was delivered for `quiet_s`. An event that
    `probes` probes refused, while another was delivered, is to blame itself. Answers that say outright that the project
    is misconfigured are believed at once if no call was delivered for `quiet_s`, else if `in_a_row` came in a row.
    """

    count: int = 20
    users: int = 5
    any_count: int = 50
    any_users: int = 20
    any_events: int = 2
    quiet_s: float = 300.0
    probes: int = 3
    in_a_row: int = 5


class Ruling(Struct, frozen=True):
    """The verdict to act on: that of the answer; or Misconfigured, if many refusals show that no event is to blame; or
    TryAgain, if one event keeps failing as no other does.

    `requeued` are the seqs of events refused earlier for the same cause; they are pending again. `due` are the seqs, by
    lane, of events that need not wait any more. `at_once`: the event is due again without a wait.
    """

    verdict: Verdict
    requeued: tuple[int, ...] = ()
    due: Mapping[int, int] = {}
    at_once: bool = False


class CallKindHealth:
    """The track or the identify calls of a project. Each kind may be misconfigured alone: identify is for paid plans.

    `detail` says what is wrong while `gate` is shut.
    """

    def __init__(self, gate: GateConfig, refusals: RefusalsConfig) -> None:
        self.gate = Gate(gate)
        self.detail = ""
        self._config = refusals
        self._refusals = _Refusals(refusals)
        # Shut because of many refusals, rather than of an answer that says so outright.
        self._by_refusals = False
        self._accepted = 0
        self._accepted_at_s = -math.inf
        self._in_a_row = 0
        self._suspects: dict[int, int] = {}
        # By seq: how many probes it failed, and how many calls were delivered before the first of them.
        self._probed: dict[int, tuple[int, int]] = {}
        self._probed_event = ""
        self._passed_over = 0

    def repeats_probe(self, event: str) -> bool:
        """Whether the next probe should be another event, because the last one had this name. True a few times only."""
        if not self.gate.is_shut or event != self._probed_event or self._passed_over >= MAX_PASSED_OVER:
            return False
        self._passed_over += 1
        return True

    def answered(self, permit: int, verdict: Verdict, *, of: Subject, now_s: float) -> Ruling:
        """Learn from the answer to the call `permit`, and rule on it."""
        probe = self.gate.is_probe(permit)
        if probe:
            self._probed_event, self._passed_over = of.event, 0
        match verdict:
            case Misconfigured():
                return self._misconfigured(verdict, seq=of.seq, now_s=now_s, probe=probe)
            case RefusedByBrowsee(message=message):
                return self._refused(verdict, message, of=of, now_s=now_s, probe=probe)
            case Accepted():
                self._accepted += 1
                self._accepted_at_s = now_s
                self._in_a_row = 0
                self._suspects.pop(of.seq, None)
                self._refusals.accepted(now_s)
                if self.gate.is_shut and (probe or self._by_refusals):
                    self.gate.open()
                    self._probed_event = ""
            case TryAgain():
                if probe:
                    self.gate.probe_was_inconclusive(now_s)
        return Ruling(verdict)

    def _misconfigured(self, verdict: Misconfigured, *, seq: int, now_s: float, probe: bool) -> Ruling:
        """A pause, unless this event has met the same before and others were delivered since.

        Then the event is to blame: it is retried with growing delays, and each attempt counts; otherwise it would pause
        all others for ever.
        """
        if self._is_suspect(seq):
            if probe:
                self.gate.probe_was_inconclusive(now_s)
            return Ruling(TryAgain(Reason.MISCONFIGURED))
        self._suspect(seq)
        self._in_a_row += 1
        is_quiet = now_s - self._accepted_at_s >= self._config.quiet_s
        if self.gate.is_shut or is_quiet or self._in_a_row >= self._config.in_a_row:
            self._shut(verdict.detail, now_s, probe=probe, by_refusals=False, least_s=verdict.least_s)
        return Ruling(verdict)

    def _suspect(self, *seqs: int) -> None:
        """These events met a misconfigured project, unless others are delivered before the events are refused again."""
        for seq in seqs:
            self._suspects.pop(seq, None)
            self._suspects[seq] = self._accepted
        while len(self._suspects) > MAX_SUSPECTS:
            self._suspects.pop(next(iter(self._suspects)))

    def _is_suspect(self, seq: int) -> bool:
        """Whether this event met a misconfigured project before, and others were delivered since."""
        return self._suspects.get(seq, self._accepted) != self._accepted

    def _refused(self, verdict: RefusedByBrowsee, message: str, *, of: Subject, now_s: float, probe: bool) -> Ruling:
        if self.gate.is_shut and self._by_refusals:
            if probe:
                self.gate.probe_failed(now_s)
            if self._is_suspect(of.seq) or self._is_to_blame(of.seq, probe=probe):
                return Ruling(verdict)
            self._suspect(of.seq)
            return Ruling(Misconfigured(self.detail))
        if probe:
            # Browsee read the call, so an earlier answer that said otherwise no longer holds.
            self.gate.open()
        if self._is_suspect(of.seq) or self._is_to_blame(of.seq, probe=False):
            return Ruling(verdict)
        self._refusals.add(fold_cause(message), of)
        detail = self._refusals.verdict(message, now_s)
        if not detail:
            return Ruling(verdict)
        requeued = tuple(other for other in self._refusals.seqs if other != of.seq)
        self._refusals.forget()
        self._suspect(*requeued, of.seq)
        self._shut(detail, now_s, probe=False, by_refusals=True)
        return Ruling(Misconfigured(self.detail), requeued)

    def _is_to_blame(self, seq: int, *, probe: bool) -> bool:
        """Whether probes have shown that this event is refused while others are delivered."""
        count, accepted = self._probed.pop(seq, (0, self._accepted))
        count += probe
        if count:
            self._probed[seq] = count, accepted
            if len(self._probed) > MAX_SUSPECTS:
                self._probed.pop(next(iter(self._probed)))
        return count >= self._config.probes and accepted < self._accepted

    def _shut(self, detail: str, now_s: float, *, probe: bool, by_refusals: bool, least_s: float = 0.0) -> None:
        if probe or not self.gate.is_shut:
            self.detail = detail
            self._by_refusals = by_refusals
        if probe:
            self.gate.probe_failed(now_s)
        else:
            self.gate.shut(now_s)
        self.gate.hold(now_s + least_s)


class _Refusals:
    """The last refusals of one kind of call since the last delivered one."""

    def __init__(self, config: RefusalsConfig) -> None:
        self._config = config
        self._accepted_at_s = -math.inf
        self._cause = ""
        self._equal = 0
        self._last: deque[Subject] = deque(maxlen=max(config.count, config.any_count))

    def accepted(self, now_s: float) -> None:
        self._accepted_at_s = now_s
        self.forget()

    def forget(self) -> None:
        self._last.clear()
        self._equal = 0

    def add(self, cause: str, of: Subject) -> None:
        self._equal = self._equal + 1 if cause == self._cause else 1
        self._cause = cause
        self._last.append(of)

    def verdict(self, message: str, now_s: float) -> str:
        """What is wrong with the project, as its refusals show; empty if the events may be to blame."""
        config, last = self._config, list(self._last)
        equal = last[-min(self._equal, config.count) :]
        if len(equal) >= config.count and len({of.user for of in equal}) >= config.users:
            # The folded text quotes no event, so it may be shown; so may a text that is equal for all.
            return (
                f"Browsee refuses every call of several users with the same message ({fold_cause(message)}); "
                "check browsee_api_key and the mapping"
            )
        if (
            len(last) >= config.any_count
            and now_s - self._accepted_at_s >= config.quiet_s
            and len({of.user for of in last}) >= config.any_users
            and len({of.event for of in last}) >= config.any_events
        ):
            return "Browsee refuses every call, each with another message; check browsee_api_key and the mapping"
        return ""

    @property
    def seqs(self) -> tuple[int, ...]:
        """The refused events, oldest first, each once."""
        return tuple(dict.fromkeys(of.seq for of in self._last))

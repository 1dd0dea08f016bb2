"""Whether a project is set up wrongly, rather than its calls. Pure; the clock comes in as `now_s`.

Some answers say so outright (401, 404 …). But the only failure that Browsee documents is 400, so a wrong key may look
like a refusal of every call: when the last refusals were many, of several users, all with one message, and nothing got
through between them, then it is not the events. Never looks at a call, and keeps no more refusals than it needs.
"""

from collections import deque
from dataclasses import dataclass

from msgspec import Struct

from adapter.deliver.gate import Gate, GateConfig
from adapter.deliver.policy import Accepted, Misconfigured, RefusedByBrowsee, TryAgain, Verdict
from adapter.model import Reason

# Events remembered as having met a misconfigured project; the oldest is forgotten first.
MAX_SUSPECTS = 1000


@dataclass(frozen=True, slots=True)
class RefusalsConfig:
    """So many refusals with one message, of at least so many users, are not the events' fault."""

    count: int = 20
    users: int = 5


class Ruling(Struct, frozen=True):
    """The verdict to act on: that of the answer, or Misconfigured where many refusals show that no event is to blame,
    or TryAgain where one event keeps meeting what no other does.

    `revived` are the receipts of events that were refused earlier for the same cause: they are pending again.
    """

    verdict: Verdict
    revived: tuple[int, ...] = ()


class KindOfCall:
    """The track or the identify calls of a project: each may be misconfigured alone, as identify is for paid plans.

    `detail` says what is wrong while `gate` is shut.
    """

    def __init__(self, gate: GateConfig, refusals: RefusalsConfig) -> None:
        self.gate = Gate(gate)
        self.detail = ""
        self._refusals = _Refusals(refusals)
        self._refused_as: str | None = None
        self._accepted = 0
        self._suspects: dict[int, int] = {}

    def answered(self, ticket: int, verdict: Verdict, *, lane: str, receipt: int, now_s: float) -> Ruling:
        """Learn from the answer to the call `ticket`, and rule on it."""
        probe = self.gate.is_probe(ticket)
        match verdict:
            case Misconfigured(detail=detail):
                return self._misconfigured(verdict, detail, receipt=receipt, now_s=now_s, probe=probe)
            case RefusedByBrowsee(message=message):
                return self._refused(verdict, message, lane=lane, receipt=receipt, now_s=now_s, probe=probe)
            case Accepted():
                self._accepted += 1
                self._suspects.pop(receipt, None)
                self._refusals.forget()
                if probe:
                    self.gate.open()
            case TryAgain():
                if probe:
                    self.gate.probe_told_nothing(now_s)
        return Ruling(verdict)

    def _misconfigured(self, verdict: Verdict, detail: str, *, receipt: int, now_s: float, probe: bool) -> Ruling:
        """A pause, unless this event has met the same before and others got through since.

        Then it is the event after all: a firewall in front of Browsee may answer 403 to what it takes for an attack.
        Such an event is tried again at its own expense, ever more seldom; else it would pause all others for ever.
        """
        before = self._suspects.pop(receipt, None)
        self._suspects[receipt] = self._accepted
        if len(self._suspects) > MAX_SUSPECTS:
            self._suspects.pop(next(iter(self._suspects)))
        if before is None or before == self._accepted:
            self._shut(detail, now_s, probe=probe, refused_as=None)
            return Ruling(verdict)
        if probe:
            self.gate.probe_told_nothing(now_s)
        return Ruling(TryAgain(Reason.MISCONFIGURED))

    def _refused(self, verdict: Verdict, message: str, *, lane: str, receipt: int, now_s: float, probe: bool) -> Ruling:
        if self.gate.is_shut and message == self._refused_as:
            self._shut(self.detail, now_s, probe=probe, refused_as=message)
            return Ruling(Misconfigured(self.detail))
        if probe:
            # Refused for another cause, so it was looked at: whatever was wrong with the project is not any more.
            self.gate.open()
        self._refusals.add(message, lane=lane, receipt=receipt)
        if not self._refusals.blame_the_project:
            return Ruling(verdict)
        # Equal for several users, the message quotes none of them, and may be shown.
        revived = tuple(other for other in self._refusals.receipts if other != receipt)
        self._refusals.forget()
        self._shut(
            f"Browsee refuses every call of several users with the same message ({message}); "
            "check browsee_api_key and the mapping",
            now_s,
            probe=False,
            refused_as=message,
        )
        return Ruling(Misconfigured(self.detail), revived)

    def _shut(self, detail: str, now_s: float, *, probe: bool, refused_as: str | None) -> None:
        if probe or not self.gate.is_shut:
            self.detail = detail
            self._refused_as = refused_as
        if probe:
            self.gate.probe_failed(now_s)
        else:
            self.gate.shut(now_s)


class _Refusals:
    """The last refusals of one kind of call, as far as they have one message."""

    def __init__(self, config: RefusalsConfig) -> None:
        self._config = config
        self._message: str | None = None
        self._last: deque[tuple[str, int]] = deque(maxlen=config.count)

    def forget(self) -> None:
        self._last.clear()

    def add(self, message: str, *, lane: str, receipt: int) -> None:
        if message != self._message:
            self._message = message
            self._last.clear()
        self._last.append((lane, receipt))

    @property
    def blame_the_project(self) -> bool:
        full = len(self._last) == self._config.count
        return full and len({lane for lane, _ in self._last}) >= self._config.users

    @property
    def receipts(self) -> tuple[int, ...]:
        """The events refused, oldest first, each once."""
        return tuple(dict.fromkeys(receipt for _, receipt in self._last))

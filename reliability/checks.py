"""The promises, one small function each: they read the evidence of a run and say which promise is broken. Pure.

Every sentence begins with the letter of its check: C conservation, I integrity, D duplicates, O order, B balance, R
resources. L (a fresh event passes) and H (`/readyz` is right) need a running service; see `judge`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adapter.model import JsonObject
from adapter.queue.contract import Balance
from reliability.oracle import CALLS, Message

ACCEPTED = 200
FINAL = frozenset({ACCEPTED, 400})
"""Answers after which a call must not be repeated."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that reached the stand-in for Browsee, and the status it was answered with; 0 is a dropped connection."""

    event: str
    user: str
    status: int
    body: JsonObject
    at_s: float = 0.0

    @property
    def message_id(self) -> str:
        """The message that it was made of; "" if that is unknown."""
        properties = self.body.get("properties")
        return str(properties.get("id", "")) if isinstance(properties, dict) else ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits: calls repeated after a final answer, bytes of memory, bytes of the queue file."""

    duplicates: int = 0
    memory_bytes: int = 250_000_000
    file_bytes: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a run: `calls` in the order of arrival, `dead` reasons by message id."""

    obligations: Mapping[str, Message]
    calls: Sequence[Seen]
    dead: Mapping[str, str]
    balance: Balance
    memory_bytes: int
    file_bytes: int

    @property
    def accepted(self) -> Counter[tuple[str, str]]:
        """How often each call, by message id and name, was accepted."""
        return Counter((call.message_id, call.event) for call in self.calls if call.status == ACCEPTED)


PromiseCheck: TypeAlias = Callable[[Evidence, Bounds], Iterator[str]]


def lost(evidence: Evidence) -> list[str]:
    """Ids of acknowledged messages that are neither delivered with all their calls nor dead."""
    accepted = evidence.accepted
    return [
        message_id
        for message_id, message in evidence.obligations.items()
        if message_id not in evidence.dead and not all(accepted[message_id, name] for name in CALLS[message.event])
    ]


def repeats(calls: Sequence[Seen]) -> int:
    """Calls that were sent after a call with the same key had its final answer."""
    ended: set[tuple[str, str]] = set()
    count = 0
    for call in calls:
        key = call.message_id, call.event
        count += key in ended
        if call.status in FINAL:
            ended.add(key)
    return count


def conserved(evidence: Evidence, _: Bounds) -> Iterator[str]:
    """C: every obligation is delivered, or dead with a reason."""
    gone = lost(evidence)
    if gone:
        yield f"C: {len(gone)} acknowledged events are neither delivered nor dead, such as {gone[0]}"
    mute = [message_id for message_id, reason in evidence.dead.items() if not reason]
    if mute:
        yield f"C: {len(mute)} events died without a reason, such as {mute[0]}"


def intact(evidence: Evidence, _: Bounds) -> Iterator[str]:
    """I: the body of each call is what the mapping makes of its message, and no call has an unknown message."""
    wrong = [call for call in evidence.calls if call.body not in _expected(call, evidence)]
    if wrong:
        yield f"I: {len(wrong)} calls are not what the mapping makes of their event, such as one of {wrong[0].user}"


def _expected(call: Seen, evidence: Evidence) -> Sequence[JsonObject]:
    # A message that was stored, and whose answer was lost, is not an obligation and is delivered all the same.
    user, _, number = call.message_id.rpartition("/")
    known = evidence.obligations.get(call.message_id)
    if known is None and number.isdigit():
        known = next((Message(user, int(number), name) for name, made in CALLS.items() if call.event in made), None)
    return () if known is None else known.calls


def repeated_within(evidence: Evidence, bounds: Bounds) -> Iterator[str]:
    """D: no more calls are repeated than allowed."""
    count = repeats(evidence.calls)
    if count > bounds.duplicates:
        yield f"D: {count} calls were repeated; {bounds.duplicates} at most may be"


def ordered(evidence: Evidence, _: Bounds) -> Iterator[str]:
    """O: the calls of each user follow the order of the messages, and none is sent before an earlier one is
    finished.
    """
    by_user: dict[str, list[Seen]] = defaultdict(list)
    for call in evidence.calls:
        by_user[call.user].append(call)
    late = {user: count for user, calls in by_user.items() if (count := _late(calls))}
    if late:
        yield f"O: {sum(late.values())} calls of {len(late)} users came after one that they should precede"


def _late(calls: Sequence[Seen]) -> int:
    furthest, count = (-1, -1), 0
    ended: set[tuple[int, int]] = set()
    for call in calls:
        place = _place(call)
        # A repeat after a crash does not break the order: the first call had its place.
        count += place < furthest and place not in ended
        furthest = max(furthest, place)
        if call.status in FINAL:
            ended.add(place)
    return count


def _place(call: Seen) -> tuple[int, int]:
    number = int(call.message_id.rpartition("/")[2] or -1)
    return number, next((made.index(call.event) for made in CALLS.values() if call.event in made), 0)


def balanced(evidence: Evidence, _: Bounds) -> Iterator[str]:
    """B: every received message is in exactly one term of the ledger, and none is left over."""
    if evidence.balance.unaccounted:
        yield f"B: {evidence.balance.unaccounted} messages are in no term of the ledger"
    if evidence.balance.pending:
        yield f"B: {evidence.balance.pending} events are pending although nothing is wrong any more"


def bounded(evidence: Evidence, bounds: Bounds) -> Iterator[str]:
    """R: memory and file stay within their limits."""
    for what, found, most in (
        ("memory", evidence.memory_bytes, bounds.memory_bytes),
        ("the queue file", evidence.file_bytes, bounds.file_bytes),
    ):
        if found > most:
            yield f"R: {what} grew to {found / 1e6:.0f} MB; {most / 1e6:.0f} MB at most"


CHECKS: tuple[PromiseCheck, ...] = (conserved, intact, repeated_within, ordered, balanced, bounded)


def broken(evidence: Evidence, bounds: Bounds) -> tuple[str, ...]:
    """The broken promises of all checks."""
    return tuple(sentence for check in CHECKS for sentence in check(evidence, bounds))

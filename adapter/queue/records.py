"""What an operator reads of a queue, one event and its end, one rejection, one cause of many; and what a queue is
opened with. Pure values.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import orjson

from adapter.model import CallFailure, Event, EventWarning, Problem, Reason, Rejection
from adapter.queue.causes import fold_cause

Outcome: TypeAlias = Literal["pending", "delivered", "dropped", "unmatched", "dead"]

RequeuedRejection: TypeAlias = Literal["pending", "deletion", "duplicate", "gone"]
"""What became of a rejection that can be read now."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMING_ONE = frozenset({Reason.REFUSED.value, Reason.EXHAUSTED.value})
"""Reasons whose detail may name the one event, such as Browsee's own words with the id of a request."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event and what became of it. `outcome` is a word of the ledger; `mapping` the version that decided it.

    `ended_at` is None while it is pending; `delivered_keys` are the calls delivered before it died or was put off;
    `warnings` are those of ingest and then the mapping's. An event without a body is one whose user's data was deleted.
    """

    seq: int
    event: Event
    outcome: Outcome
    reason: str
    rule: str
    detail: str
    attempt: int
    mapping: str
    ended_at: datetime | None
    delivered_keys: tuple[str, ...]
    warnings: tuple[EventWarning, ...] = ()

    @property
    def cause(self) -> str:
        """Why it ended so, in one line; "" where there is nothing to say."""
        return _cause(self.reason, self.detail, self.rule)

    @property
    def common_cause(self) -> str:
        """The cause without what names this event, so that events of one cause have one text."""
        return _cause(self.reason, _common(self.reason, self.detail), self.rule)


@dataclass(frozen=True, slots=True)
class RejectionRecord:
    """A message that never became an event, by the number it is kept under."""

    number: int
    rejection: Rejection

    @property
    def cause(self) -> str:
        """Why, in one line."""
        return _cause_of_rejection(self.rejection.reason, self.rejection.problems)

    @property
    def common_cause(self) -> str:
        """The same: its text is ours, and names no message."""
        return self.cause


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """Dead letters, or rejections, of one cause. `first` is the seq or number of the oldest, received at `since`;
    the newest was received at `until`. `sources` are theirs.

    `reason` and `detail` find the others of the group, as they are stored. `mapping` is the version of the mapping that
    refused the newest of them, "" where none did.
    """

    count: int
    reason: str
    detail: str
    first: int
    rejected: bool
    since: datetime
    until: datetime
    sources: tuple[str, ...]
    mapping: str = ""

    @property
    def cause(self) -> str:
        """The cause that its letters tell, in one line."""
        if self.rejected:
            return _cause_of_rejection(self.reason, problems_of(self.detail))
        return _cause(self.reason, self.detail)

    @property
    def common_cause(self) -> str:
        """The cause without what names one event."""
        return self.cause if self.rejected else _cause(self.reason, _common(self.reason, self.detail))


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that was not delivered, and when."""

    at: datetime
    failure: CallFailure


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a pending event is: how many of its user go before it, and if none, when it is due and how often tried.

    `blocked_by` is the seq of the first of those before it, None if there is none. `parked`: it stands aside, because
    calls of its kind are paused. `failure` says why its last try failed, "" if none has.
    """

    ahead: int
    blocked_by: int | None
    parked: bool
    due_at: datetime
    attempt: int
    failure: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are meant: those of a source, of some outcomes, of a user, of a name, of a type, taken by a rule, of
    a cause, and received from `since` until before `until`; `warned`: those with warnings only; `after`: those after
    that seq only, and none before it is looked at. What is None, empty or 0 narrows nothing. `users` are what the
    user's id may be stored as, two at most. `cause` is in the cause as an operator reads it, in letters of either case.
    """

    source: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    users: tuple[str, ...] = ()
    name: str | None = None
    type: str | None = None
    rule: str | None = None
    cause: str | None = None
    warned: bool = False
    after: int = 0
    since: datetime = _EVER
    until: datetime = _NEVER


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of events, newest first.

    `bottom` is the seq that the page came down to, received at `down_to`; `is_all`: there is nothing below.
    """

    records: tuple[EventRecord, ...]
    bottom: int
    is_all: bool
    down_to: datetime | None


def plain_cause(cause: str) -> str:
    """A cause to compare: in letters of one case, and without the backticks around names, which mean something else to
    a shell.
    """
    return cause.replace("`", "").casefold()


def cause_has(wanted: str, *, reason: str, detail: str, rule: str) -> bool:
    """Whether the cause of an event has `wanted` in it, as it is or as events of one cause share it."""
    plain = plain_cause(wanted)
    causes = (_cause(reason, detail, rule), _cause(reason, _common(reason, detail), rule))
    return any(plain in plain_cause(cause) for cause in causes)


def is_named(rejection: Rejection, name: str) -> bool:
    """Whether its message has `name` as its event's name; False where it cannot be read."""
    try:
        message = orjson.loads(rejection.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("event") == name


def problems_of(stored: str) -> tuple[Problem, ...]:
    """The problems of a rejection, as they are stored."""
    return tuple(Problem(*parts) for parts in orjson.loads(stored))


def _cause(reason: str, detail: str, rule: str = "") -> str:
    # What is delivered has no reason: its rule made the calls, and is no cause of anything.
    said = f"{detail} (rule '{rule}')" if rule and reason else detail
    return ": ".join(part for part in (reason, said) if part)


def _common(reason: str, detail: str) -> str:
    return fold_cause(detail) if reason in _NAMING_ONE else detail


def _cause_of_rejection(reason: str, problems: Sequence[Problem]) -> str:
    text = "; ".join(f"{problem.pointer} {problem.message}".lstrip() for problem in problems)
    return f"{reason}: {text}"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished events, dead letters, seen ids and deletion requests are kept, in seconds."""

    history_s: float = 24 * 3600
    dead_s: float = 30 * 86400
    dedup_s: float = 72 * 3600
    deletions_s: float = 30 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """What the settings say of a queue: sources without order, limits, and what is kept. With `shared` no source may
    hold more than its share. Where several processes serve it, one that does not `deliver` leaves that to the others.
    """

    unordered: Collection[str] = ()
    max_pending: int = 5_000_000
    max_bytes: int = 10 * 1000**3
    shared: bool = False
    retention: Retention = Retention()
    delivers: bool = True


@dataclass(frozen=True, slots=True)
class QueueCheck:
    """Whether a queue could be served: `found` says what was tried, `todo` what to do about it, "" if nothing."""

    ok: bool
    found: str
    todo: str = ""

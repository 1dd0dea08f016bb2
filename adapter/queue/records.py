"""What operators read of a queue: events with their outcome, rejections, causes. And the options of a queue. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import orjson

from adapter.model import CallFailure, Event, EventWarning, Problem, Reason, Rejection
from adapter.queue.causes import fold_cause

Outcome: TypeAlias = Literal["pending", "delivered", "dropped", "unmatched", "dead"]

RequeuedRejection: TypeAlias = Literal["pending", "deletion", "duplicate", "gone"]
"""The result of requeueing a rejection."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMING_ONE = frozenset({Reason.REFUSED.value, Reason.EXHAUSTED.value})
"""Reasons whose detail may name one event, such as Browsee's message with the id of a request."""
MAX_CAUSE: Final = 500
"""Characters of a cause that select it exactly: as many as the text of a request may have."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event and its outcome. `outcome` is a term of the ledger; `mapping` is the version that decided it.

    `ended_at` is None while the event is pending. `delivered_keys` are the calls that were delivered before it died or
    was delayed. `warnings` are those of ingest, then the mapping's. An event without a body is one whose user's data
    was deleted.
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
        """Why the event ended this way, in one line; "" if there is no reason."""
        return _cause(self.reason, self.detail, self.rule)

    @property
    def common_cause(self) -> str:
        """The cause without the parts that name this event, so that events with one cause have one text."""
        return _cause(self.reason, _common(self.reason, self.detail), self.rule)


@dataclass(frozen=True, slots=True)
class RejectionRecord:
    """A message that never became an event, with the number that it is kept under."""

    number: int
    rejection: Rejection

    @property
    def cause(self) -> str:
        """Why it was rejected, in one line."""
        return _cause_of_rejection(self.rejection.reason, self.rejection.problems)

    @property
    def common_cause(self) -> str:
        """The same text: the adapter words it, and it names no message."""
        return self.cause


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """Dead letters, or rejections, with one cause. `first` is the seq or number of the oldest, received at `since`; the
    newest was received at `until`. `sources` are the sources of all.

    `reason` and `detail` select the group, as they are stored. `mapping` is the version of the mapping that refused the
    newest of them, "" if none did.
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
        """The cause of these dead letters or rejections, in one line."""
        if self.rejected:
            return _cause_of_rejection(self.reason, problems_of(self.detail))
        return _cause(self.reason, self.detail)

    @property
    def common_cause(self) -> str:
        """The cause without the parts that name one event."""
        return self.cause if self.rejected else _cause(self.reason, _common(self.reason, self.detail))


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that was not delivered, and the time of that."""

    at: datetime
    failure: CallFailure


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The place of a pending event: how many events of its user are before it; and if none is, when it is due and how
    many attempts it has had.

    `blocked_by` is the seq of the first event before it, None if there is none. `parked`: it is set aside, because
    calls of its kind are paused. `failure` says why its last attempt failed, "" if none has.
    """

    ahead: int
    blocked_by: int | None
    parked: bool
    due_at: datetime
    attempt: int
    failure: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are selected: by source, outcomes, user, name, type, rule, cause, and by receipt in [`since`,
    `until`).

    `warned`: only events with warnings. `after`: only events after that seq; earlier ones are not read. A value of
    None, "" or 0 selects all. `users` are the stored forms of the user's id, two at most. `cause` is a part of the
    cause as an operator reads it, without regard to case; with `exact` it is the whole cause, or its first
    `MAX_CAUSE` characters.
    """

    source: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    users: tuple[str, ...] = ()
    name: str | None = None
    type: str | None = None
    rule: str | None = None
    cause: str | None = None
    exact: bool = False
    warned: bool = False
    after: int = 0
    since: datetime = _EVER
    until: datetime = _NEVER


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of events, newest first.

    `bottom` is the lowest seq that was read, received at `down_to`; `is_all`: there is no event below it.
    """

    records: tuple[EventRecord, ...]
    bottom: int
    is_all: bool
    down_to: datetime | None


def plain_cause(cause: str) -> str:
    """A cause for comparison: in lower case, and without the backticks around names, which a shell would interpret."""
    return cause.replace("`", "").casefold()


def is_cause(wanted: str, causes: Iterable[str], *, exact: bool) -> bool:
    """Whether `wanted` selects one of `causes`, the texts of one cause: as `Filter` describes `cause` and `exact`."""
    if exact:
        return wanted in (cause[:MAX_CAUSE] for cause in causes)
    plain = plain_cause(wanted)
    return any(plain in plain_cause(cause) for cause in causes)


def has_wanted_cause(wanted: Filter, *, reason: str, detail: str, rule: str) -> bool:
    """Whether an event has the wanted cause, as stored or without the parts that name one event."""
    causes = (_cause(reason, detail, rule), _cause(reason, _common(reason, detail), rule))
    return wanted.cause is None or is_cause(wanted.cause, causes, exact=wanted.exact)


def is_named(rejection: Rejection, name: str) -> bool:
    """Whether `name` is the name of its message; False if the message cannot be read."""
    try:
        message = orjson.loads(rejection.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("event") == name


def problems_of(stored: str) -> tuple[Problem, ...]:
    """The problems of a rejection from their stored form."""
    return tuple(Problem(*parts) for parts in orjson.loads(stored))


def _cause(reason: str, detail: str, rule: str = "") -> str:
    # A delivered event has no reason. Its rule made the calls and is not a cause.
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
    """The options of a queue: sources without order, limits, and retention. `shared`: no source may hold more than its
    share. Of several processes that serve a queue, those without `delivers` only accept messages.
    """

    unordered: Collection[str] = ()
    max_pending: int = 5_000_000
    max_bytes: int = 10 * 1000**3
    shared: bool = False
    retention: Retention = Retention()
    delivers: bool = True


@dataclass(frozen=True, slots=True)
class QueueCheck:
    """Whether a queue could be served: `found` says what was checked, `todo` what to do about it, "" if nothing."""

    ok: bool
    found: str
    todo: str = ""

"""The core types: what a sender's message becomes until it is finished.

Everything here is frozen and has no behaviour beyond its own validity. All other modules are functions on these types.
They are msgspec structs because several are made for each event: a frozen dataclass of 8 fields takes 12 times as long.
Instants are aware UTC datetimes; JSON bodies are plain dicts that must not be changed once they are in one of these.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from msgspec import Struct

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object as a sender wrote it: not validated, of any depth."""

Kind: TypeAlias = Literal["track", "identify"]
"""The calls that Browsee has."""

DELETE = "delete"
"""The type of a message that asks to delete its user's data (Segment's spec for partners, "User Deletion")."""


class Secret:
    """A key or password: only `reveal()` returns it; print, log and repr do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; the caller must not let it reach a log, an error or a stored call."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class Reason(StrEnum):
    """Why something ended or waits: metric label, log key and console filter at once, so the set is closed."""

    # A message that never became an event.
    UNPARSEABLE = "unparseable"
    SCHEMA = "schema"
    TOO_LARGE = "too large"
    OTHER_BODY = "same id, other body"
    DELETION_UNAUTHORISED = "deletion not authorised"
    # An event without a call.
    BY_RULE = "by rule"
    INTEGRATIONS = "integrations"
    CONSENT = "consent"
    TOO_OLD = "too old"
    SAMPLED = "sampled"
    NO_CALLS = "no calls"
    IDENTIFY_OFF = "identify is off"
    DELETED = "deleted"
    DELETION = "deletion request"
    # An event given up.
    REFUSED = "refused"
    REFUSED_BY_MAPPING = "refused by the mapping"
    EXHAUSTED = "exhausted"
    DAMAGED = "damaged"
    # An event that is retried.
    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    GARBAGE = "garbage"
    MISCONFIGURED = "misconfigured"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAULT = "fault of the adapter"


class WarningKind(StrEnum):
    """A peculiarity of an event that was processed all the same: metric label and filter at once, so the set is
    closed.
    """

    TIME = "time not read"
    CLOCK = "time corrected"
    ID = "no id"
    LEFT_OUT = "left out"
    REPLACED = "replaced"
    CUT = "cut"
    LIST = "not a list"
    NOT_FLAT = "not flat"
    STEP = "step failed"
    PERSONAL = "personal data masked"


MAX_WARNINGS = 20
"""Warnings kept of one event; equal ones count once."""
MAX_WARNING_BYTES = 200
"""UTF-8 bytes of a warning's cause; longer causes are cut."""


class EventWarning(Struct, frozen=True):
    """A value of an event that could not be used as sent, and what was done instead.

    `field` is one of our field names (`timestamp`, `userId`) or the path in the mapping of the field that was being
    set. `cause` describes the value by type and shape, and never quotes it. `rule` is the mapping's rule, "" if ingest
    found it. Warnings of ingest stay with the event; those of the mapping are replaced at each settle.
    """

    kind: WarningKind
    field: str
    cause: str
    rule: str = ""


class Event(Struct, frozen=True):
    """A message that passed its schema.

    `body` is the message as sent except for corrected timestamps, merged envelope and normalised ids; `user_id` and
    `anonymous_id` are never blank. `timestamp` is when it happened, between 2000 and `received_at` + 24 h.
    `traceparent` is that of its request, if it had a valid one; it is used for logs and traces only. `warnings` are
    those of ingest. `dropped`: ingest ended the event, so it is stored as dropped and never delivered.
    """

    source: str
    message_id: str
    type: str
    user_id: str | None
    anonymous_id: str | None
    timestamp: datetime
    received_at: datetime
    body: JsonObject
    traceparent: str | None = None
    warnings: tuple[EventWarning, ...] = ()
    dropped: "Dropped | None" = None


class Privacy(Struct, frozen=True):
    """The guards that an event passed before it was stored.

    `guards` names each applied guard of a mapping's `privacy`. `hashed` holds the first characters of the hashes that
    they made, so that no hash is hashed again. `user_key` and `anonymous_key` are keyed hashes of the ids as sent: the
    order of the user's events is kept by them, and the events are found by them.
    """

    guards: frozenset[str]
    hashed: frozenset[str]
    user_key: str | None
    anonymous_key: str | None


class PrivateEvent(Event, frozen=True, kw_only=True):
    """An event as a private source stores it: type, ids and body are what the guards left of them."""

    privacy: Privacy


class Problem(Struct, frozen=True):
    """One problem of a message. `pointer` is an RFC 6901 JSON Pointer into it; `message` says what was expected, worded
    from `keyword` and schema, and never quotes the sender's value.
    """

    pointer: str
    keyword: str
    message: str


class Rejection(Struct, frozen=True):
    """A message that never became an event, kept so that nothing is lost. `body` is what was sent, possibly cut."""

    source: str
    reason: Reason
    problems: tuple[Problem, ...]
    body: bytes
    message_id: str | None
    received_at: datetime


class Call(Struct, frozen=True):
    """One call of Browsee's API. It contains no host and no secret, so it is safe to show and to store.

    `key` is the kind, the event name and the number of earlier calls of that name in this event
    (`track/ORDER_COMPLETED/0`). It names no rule and no position, so it means the same call after a mapping change.
    `rule` is for people.
    """

    key: str
    kind: Kind
    body: JsonObject
    rule: str


class Calls(Struct, frozen=True):
    """What a ruleset makes of an event: at least one call, in the order to send them."""

    calls: tuple[Call, ...]
    warnings: tuple[EventWarning, ...] = ()


class Refused(Struct, frozen=True):
    """The mapping refuses this event: something that it requires is missing."""

    rule: str
    problems: tuple[Problem, ...]
    warnings: tuple[EventWarning, ...] = ()


class Delivered(Struct, frozen=True):
    """Every call was delivered. `detail` says anything unusual about the answers; `rule` made the calls."""

    detail: str = ""
    rule: str = ""


class Dropped(Struct, frozen=True):
    """The mapping wants no call for this event. `text` is the reason as the mapping's author wrote it."""

    reason: Reason
    rule: str
    text: str
    warnings: tuple[EventWarning, ...] = ()


class Unmatched(Struct, frozen=True):
    """No rule matches this event."""


class CallFailure(Struct, frozen=True):
    """A call that was not delivered. `status` is None if no HTTP answer came. `cause` is in words and holds no value of
    the event or of the answer. `seconds` is the duration of the call.
    """

    call: str
    status: int | None
    cause: str
    seconds: float


MAX_FAILURES = 20
"""Failed calls kept of one event, the newest."""


class Retry(Struct, frozen=True):
    """Not now. `counted` is False if the event is not to blame (429, pauses, stopping): no attempt is used up.

    `delay_s`: the event is due again after so many seconds; None if it was not tried and stays due as it was.
    `parked`: the event is set aside, so that later ones of its user may pass while its kind of call is paused.
    `steps_back`: until it is finished, the event counts among those that failed before, though it did not.
    `detail` says more about why the attempt failed, and `failure` which call it was, for operators.
    """

    reason: Reason
    delay_s: float | None
    counted: bool
    parked: bool = False
    steps_back: bool = False
    detail: str = ""
    failure: CallFailure | None = None


class Dead(Struct, frozen=True):
    """Given up; kept in the dead letters until it is requeued or discarded. `failure`: the call that ended it."""

    reason: Reason
    detail: str
    failure: CallFailure | None = None


Rendered: TypeAlias = Calls | Dropped | Unmatched | Refused
Outcome: TypeAlias = Delivered | Dropped | Unmatched | Retry | Dead


class Lease(Struct, frozen=True):
    """One event, held by one worker until `expires_at`.

    `attempt` counts the failures that were the event's own, 0 at first; `retried_s` is how long it has waited between
    them; `delivered_keys` are the keys of calls that are delivered already. Since `due_at_s`, in seconds since 1970 by
    the queue's clock, only events of other users kept it from being taken. `token` distinguishes this holder from
    others. `is_damaged`: the stored event cannot be read any more, and its body is not what was sent. `lane` is the
    queue's number of the lane.
    """

    event: Event
    seq: int
    attempt: int
    retried_s: float
    delivered_keys: frozenset[str]
    due_at_s: float
    expires_at: datetime
    token: int
    is_damaged: bool = False
    lane: int = 0

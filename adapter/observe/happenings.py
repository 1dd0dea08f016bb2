"""Everything this service says about itself: typed, with constant text; facts are fields.

A happening is one log line and, if it names a metric, one count; what it `measures` is an observation of a histogram.
Labels are bounded: sources, reasons, kinds, rules. Message ids are facts for the log only, and bodies or secrets are in
neither. `traceparent` is of the request that brought the event; a line has its parts, under OpenTelemetry's names.
"""

import logging
from dataclasses import dataclass
from typing import ClassVar, Literal

from adapter.model import EventWarning, Reason, WarningKind
from adapter.observe.metrics import CALL, CALL_WAIT, DELIVERY, DELIVERY_ORDER, DELIVERY_TURN, Metric


@dataclass(frozen=True, slots=True)
class Happening:
    """Base: `text` is the constant log text, `level` its level; `labels` name the fields that label `metric`.

    A happening with a field `count` counts that many, any other counts one. One with `seldom_by` is counted each time
    and logged once a minute for each value of those fields, which are bounded: a sender can bring any number of them.
    `measures` are fields in seconds, each with its histogram, whose labels are fields too. `multiline` names a field
    of several lines, such as findings with carets, which the text log shows below the line.
    """

    text: ClassVar[str]
    level: ClassVar[int] = logging.INFO
    metric: ClassVar[str | None] = None
    help: ClassVar[str] = ""
    labels: ClassVar[tuple[str, ...]] = ()
    seldom_by: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[tuple[tuple[str, Metric], ...]] = ()
    multiline: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class MessagesStored(Happening):
    text = "messages stored"
    level = logging.DEBUG
    metric = "browsee_adapter_messages_stored"
    help = "Messages durably stored as events."
    labels = ("source",)
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class DuplicatesSeen(Happening):
    text = "duplicates seen"
    level = logging.DEBUG
    metric = "browsee_adapter_messages_duplicate"
    help = "Messages whose source and message id had been received before."
    labels = ("source",)
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class DuplicatesDiffered(Happening):
    text = "messages have the id of a stored event and another body; kept as rejections"
    metric = "browsee_adapter_messages_duplicate_differing"
    help = "Messages with the id of a stored event and another body; kept as rejections, same id, other body."
    labels = ("source",)
    seldom_by = ("source",)
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class MessageRejected(Happening):
    text = "message rejected"
    level = logging.WARNING
    metric = "browsee_adapter_messages_rejected"
    help = "Messages that never became an event; kept with their problems."
    labels = ("source", "reason")
    seldom_by = ("source", "reason")
    source: str
    reason: Reason
    message_id: str | None
    problems: str


@dataclass(frozen=True, slots=True)
class RequestRefused(Happening):
    """`route` is the path without key and query, with a source's name only where it is one of ours.

    `reason` says more than the sender was told, for example that a key was unknown; `source` is whose key it was.
    """

    text = "request refused"
    level = logging.WARNING
    metric = "browsee_adapter_requests_refused"
    help = "Requests answered with an error of which nothing was kept."
    labels = ("status", "code", "route", "reason")
    seldom_by = ("status", "code", "route", "reason", "source")
    status: int
    code: str
    route: str
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionsClosed(Happening):
    """`reason`: `room` for others, `silent` without ever sending a request, `unread` answers, `paused`: not
    read for too long.
    """

    text = "connections closed"
    metric = "browsee_adapter_connections_closed"
    help = "Connections closed by the service before their peers did."
    labels = ("reason",)
    seldom_by = ("reason",)
    reason: Literal["room", "silent", "unread", "paused"]
    count: int


@dataclass(frozen=True, slots=True)
class BodyRepaired(Happening):
    text = "body repaired: values that are not JSON became null or U+FFFD"
    metric = "browsee_adapter_bodies_repaired"
    help = "NaN, infinities and lone surrogates replaced while decoding."
    labels = ("source",)
    seldom_by = ("source",)
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class EventDelivered(Happening):
    """`seconds` are from its receipt; of them `order_s` until it was due and `turn_s` until it was taken."""

    text = "event delivered"
    level = logging.DEBUG
    metric = "browsee_adapter_events_delivered"
    help = "Events whose every call Browsee took."
    labels = ("source",)
    measures = (("seconds", DELIVERY), ("order_s", DELIVERY_ORDER), ("turn_s", DELIVERY_TURN))
    source: str
    message_id: str
    mapping: str
    seconds: float
    order_s: float
    turn_s: float
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EventDropped(Happening):
    text = "event dropped"
    level = logging.DEBUG
    metric = "browsee_adapter_events_dropped"
    help = "Events that make no call, because a rule, their sender or a limit of age says so."
    labels = ("source", "reason", "rule")
    source: str
    reason: Reason
    rule: str
    message_id: str
    mapping: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EventUnmatched(Happening):
    text = "event unmatched: no rule takes it"
    level = logging.DEBUG
    metric = "browsee_adapter_events_unmatched"
    help = "Events that no rule of the mapping takes."
    labels = ("source",)
    source: str
    message_id: str
    mapping: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EventDied(Happening):
    text = "event died: kept in the dead letters"
    level = logging.ERROR
    metric = "browsee_adapter_events_dead"
    help = "Events given up."
    labels = ("source", "reason")
    seldom_by = ("source", "reason")
    source: str
    reason: Reason
    message_id: str
    mapping: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EventRetried(Happening):
    text = "event will be tried again"
    level = logging.DEBUG
    metric = "browsee_adapter_events_retried"
    help = "Tries that ended without a final answer."
    labels = ("source", "reason")
    source: str
    reason: Reason
    message_id: str
    delay_s: float
    attempt: int
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class CallAnswered(Happening):
    """`call` is its key, such as track/ORDER_COMPLETED/0; `status` the HTTP status, or `none` without an answer.

    It waited `wait_s` for the rate, and then took `seconds`.
    """

    text = "call answered"
    level = logging.DEBUG
    measures = (("seconds", CALL), ("wait_s", CALL_WAIT))
    kind: str
    status: str
    call: str
    rule: str
    wait_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class UnexpectedAnswer(Happening):
    text = "Browsee took the call with an answer that is not documented"
    level = logging.WARNING
    metric = "browsee_adapter_unexpected_answers"
    help = "Answers 200 with JSON that is neither success nor failure; counted as delivered."
    labels = ("kind",)
    seldom_by = ("kind",)
    kind: str


@dataclass(frozen=True, slots=True)
class EventWarned(Happening):
    """`rule` is empty where ingest noticed it."""

    text = "event has a warning"
    level = logging.WARNING
    metric = "browsee_adapter_event_warnings"
    help = "Warnings of events: values that could not be used as they were sent."
    labels = ("source", "kind", "field")
    seldom_by = ("source", "kind", "field")
    source: str
    kind: WarningKind
    field: str
    cause: str
    rule: str
    message_id: str

    @classmethod
    def of(cls, source: str, message_id: str, warning: EventWarning) -> "EventWarned":
        """The telemetry of `warning`, which the event `message_id` of `source` has."""
        # Senders name the fields that are not flat, and may have any number of names: none of them is a label.
        field = warning.field.partition(".")[0] if warning.kind is WarningKind.NOT_FLAT else warning.field
        return cls(source, warning.kind, field, warning.cause, warning.rule, message_id)


@dataclass(frozen=True, slots=True)
class UserDeleted(Happening):
    """`message_id` is the request's; `events` and `rejections` are how many bodies went."""

    text = "a user's data deleted, as a deletion request asked"
    metric = "browsee_adapter_deletions"
    help = "Deletion requests carried out."
    labels = ("source",)
    source: str
    message_id: str
    events: int
    rejections: int


@dataclass(frozen=True, slots=True)
class DeletionsWaiting(Happening):
    """Said at the start and whenever there are more."""

    text = "deletion requests wait: their source may not delete"
    level = logging.WARNING
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class DeliveryPaused(Happening):
    text = "delivery paused"
    level = logging.WARNING
    metric = "browsee_adapter_delivery_pauses"
    help = "Times that delivery to a Browsee project was paused."
    labels = ("sources", "why")
    sources: str
    why: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeliveryResumed(Happening):
    text = "delivery resumed"
    sources: str


@dataclass(frozen=True, slots=True)
class LimitLearned(Happening):
    text = "Browsee's limit learned"
    sources: str
    per_s: float


@dataclass(frozen=True, slots=True)
class MappingActivated(Happening):
    text = "mapping activated"
    metric = "browsee_adapter_mapping_activations"
    help = "Mappings put to work, at start or by reload."
    labels = ("file",)
    file: str
    version: str


@dataclass(frozen=True, slots=True)
class MappingFailed(Happening):
    text = "mapping not activated; the last good one goes on"
    level = logging.ERROR
    metric = "browsee_adapter_mapping_failures"
    help = "Mapping files that could not be activated."
    labels = ("file",)
    multiline = "problems"
    file: str
    problems: str


@dataclass(frozen=True, slots=True)
class QueueFailed(Happening):
    text = "queue could not promise durability"
    level = logging.ERROR
    metric = "browsee_adapter_queue_failures"
    help = "Operations of the queue that failed."
    labels = ()
    seldom_by = ("cause",)
    cause: str


@dataclass(frozen=True, slots=True)
class QueueFullAtStart(Happening):
    """Later refusals are `RequestRefused`; this one comes before the first sender finds out."""

    text = "the service starts with a full queue: every event is answered 503 until there is room"
    level = logging.WARNING
    cause: str


@dataclass(frozen=True, slots=True)
class WorkerFailed(Happening):
    """A fault of ours: the event is tried again, and that counts as a try."""

    text = "worker failed; the event stays pending"
    level = logging.ERROR
    metric = "browsee_adapter_worker_failures"
    help = "Faults of this service while delivering; should always be 0."
    labels = ()
    seldom_by = ("error",)
    message_id: str
    error: str


@dataclass(frozen=True, slots=True)
class ServiceStarted(Happening):
    text = "service started"
    url: str
    queue: str
    destination: str


@dataclass(frozen=True, slots=True)
class ServiceStopping(Happening):
    text = "service stopping: finishing what is in flight"
    in_flight: int


@dataclass(frozen=True, slots=True)
class ServiceStopped(Happening):
    text = "service stopped"
    pending: int


HAPPENINGS: tuple[type[Happening], ...] = (
    MessagesStored,
    DuplicatesSeen,
    DuplicatesDiffered,
    MessageRejected,
    RequestRefused,
    ConnectionsClosed,
    BodyRepaired,
    EventDelivered,
    EventDropped,
    EventUnmatched,
    EventDied,
    EventRetried,
    CallAnswered,
    UnexpectedAnswer,
    EventWarned,
    UserDeleted,
    DeletionsWaiting,
    DeliveryPaused,
    DeliveryResumed,
    LimitLearned,
    MappingActivated,
    MappingFailed,
    QueueFailed,
    QueueFullAtStart,
    WorkerFailed,
    ServiceStarted,
    ServiceStopping,
    ServiceStopped,
)

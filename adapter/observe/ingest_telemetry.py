"""Telemetry of requests, connections and messages; a warning of an event can also come from its mapping."""

import logging
from collections.abc import Callable
from typing import Literal, TypeAlias

from adapter.model import EventWarning, Reason, WarningKind
from adapter.observe.telemetry import Telemetry

ClosedFor: TypeAlias = Literal["room", "silent", "unread", "paused"]


class MessagesStored(Telemetry, frozen=True):
    text = "messages stored"
    level = logging.DEBUG
    metric = "browsee_adapter_messages_stored"
    help = "Messages stored durably as events."
    labels = ("source",)
    source: str
    count: int


class DuplicatesSeen(Telemetry, frozen=True):
    text = "duplicates seen"
    level = logging.DEBUG
    metric = "browsee_adapter_messages_duplicate"
    help = "Messages that were received before: same source, message id, type and name."
    labels = ("source",)
    source: str
    count: int


class DuplicatesDiffered(Telemetry, frozen=True):
    text = "messages have the id of a stored event and another body; kept as rejections"
    metric = "browsee_adapter_messages_duplicate_differing"
    help = "Messages with the id of a stored event and a different body; kept as rejections (same id, other body)."
    labels = ("source",)
    throttle_by = ("source",)
    source: str
    count: int


class MessageRejected(Telemetry, frozen=True):
    text = "message rejected"
    level = logging.WARNING
    metric = "browsee_adapter_messages_rejected"
    help = "Messages that did not become an event; kept with their problems."
    labels = ("source", "reason")
    throttle_by = ("source", "reason")
    source: str
    reason: Reason
    message_id: str | None
    problems: str


class RequestRefused(Telemetry, frozen=True):
    """`route` is the path without key and query, with the name of a source only if it is configured.

    `reason` says more than the sender was answered, for example that a key was unknown; `source` is the one with that
    key.
    """

    text = "request refused"
    level = logging.WARNING
    metric = "browsee_adapter_requests_refused"
    help = "Requests answered with an error, of which nothing was stored."
    labels = ("status", "code", "route", "reason")
    throttle_by = ("status", "code", "route", "reason", "source")
    status: int
    code: str
    route: str
    reason: str = ""
    source: str = ""


class ConnectionsClosed(Telemetry, frozen=True):
    """`reason`: `room` for others, `silent` without any request, `unread` answers, `paused`: not read for too long."""

    text = "connections closed"
    metric = "browsee_adapter_connections_closed"
    help = "Connections closed by the service before their peers did."
    labels = ("reason",)
    throttle_by = ("reason",)
    reason: ClosedFor
    count: int


class AcceptingStalled(Telemetry, frozen=True):
    """`reason` is the system's name of what is missing, such as `EMFILE` for a file descriptor of this process."""

    text = "new connections wait: the system cannot open another; tried again each second"
    level = logging.ERROR
    metric = "browsee_adapter_accepting_stalled"
    help = "Times that new connections waited for a second because file descriptors or memory ran out."
    labels = ("reason",)
    throttle_by = ("reason",)
    reason: str


class BodyRepaired(Telemetry, frozen=True):
    text = "body repaired: values that are not JSON became null or U+FFFD"
    metric = "browsee_adapter_bodies_repaired"
    help = "NaN, infinities and lone surrogates replaced while decoding."
    labels = ("source",)
    throttle_by = ("source",)
    source: str
    count: int


class EventWarned(Telemetry, frozen=True):
    """`rule` is empty if ingest found it."""

    text = "event has a warning"
    level = logging.WARNING
    metric = "browsee_adapter_event_warnings"
    help = "Warnings of events: values that could not be used as sent."
    labels = ("source", "kind", "field")
    throttle_by = ("source", "kind", "field")
    source: str
    kind: WarningKind
    field: str
    cause: str
    rule: str
    message_id: str

    @classmethod
    def of(cls, source: str, message_id: str, warning: EventWarning) -> "EventWarned":
        """The telemetry of `warning`, of the event `message_id` of `source`."""
        # Senders choose the names of fields that are not flat, without a limit, so they are not labels.
        field = warning.field.partition(".")[0] if warning.kind is WarningKind.NOT_FLAT else warning.field
        return cls(source, warning.kind, field, warning.cause, warning.rule, message_id)


class ConnectionTelemetry:
    """Emits events of connections outside of requests, as `adapter.http.limits.ConnectionEvents` defines them."""

    def __init__(self, emit: Callable[[Telemetry], None]) -> None:
        self._emit = emit

    def closed(self, why: ClosedFor, count: int) -> None:
        self._emit(ConnectionsClosed(why, count))

    def refused(self, status: int, reply: str) -> None:
        self._emit(RequestRefused(status, reply, ""))

    def stalled(self, reason: str) -> None:
        self._emit(AcceptingStalled(reason))

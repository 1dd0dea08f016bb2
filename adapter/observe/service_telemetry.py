"""Telemetry of the service itself: its start and end, its queue, its mappings, and deletions of users' data."""

import logging

from adapter.observe.telemetry import Telemetry


class UserDeleted(Telemetry, frozen=True):
    """`message_id` is the request's; `events` and `rejections` are how many bodies were deleted."""

    text = "a user's data deleted, as a deletion request asked"
    metric = "browsee_adapter_deletions"
    help = "Deletion requests carried out."
    labels = ("source",)
    source: str
    message_id: str
    events: int
    rejections: int


class DeletionsWaiting(Telemetry, frozen=True):
    """Emitted at the start and whenever there are more."""

    text = "deletion requests wait: their source may not delete"
    level = logging.WARNING
    source: str
    count: int


class MappingActivated(Telemetry, frozen=True):
    text = "mapping activated"
    metric = "browsee_adapter_mapping_activations"
    help = "Mappings activated, at start or by reload."
    labels = ("file",)
    file: str
    version: str


class MappingFailed(Telemetry, frozen=True):
    text = "mapping not activated; the last one stays active"
    level = logging.ERROR
    metric = "browsee_adapter_mapping_failures"
    help = "Mapping files that could not be activated."
    labels = ("file",)
    multiline = "problems"
    file: str
    problems: str


class TracesOff(Telemetry, frozen=True):
    """OpenTelemetry's variables ask for traces, and `cause` says why none are exported."""

    text = "no traces are exported"
    level = logging.WARNING
    cause: str


class SpansLost(Telemetry, frozen=True):
    text = "spans lost: the collector does not take them"
    level = logging.WARNING
    metric = "browsee_adapter_spans_lost"
    help = "Spans that the trace collector did not accept."
    labels = ()
    throttle_by = ("cause",)
    cause: str
    count: int


class QueueFailed(Telemetry, frozen=True):
    text = "queue could not promise durability"
    level = logging.ERROR
    metric = "browsee_adapter_queue_failures"
    help = "Failed operations of the queue."
    labels = ()
    throttle_by = ("cause",)
    cause: str


class QueueFullAtStart(Telemetry, frozen=True):
    """Later refusals are `RequestRefused`; this one is emitted before the first sender is refused."""

    text = "the service starts with a full queue: every event is answered 503 until there is room"
    level = logging.WARNING
    cause: str


class ServiceStarted(Telemetry, frozen=True):
    text = "service started"
    url: str
    queue: str
    destination: str


class ServiceStopping(Telemetry, frozen=True):
    text = "service stopping: waiting for calls in flight"
    in_flight: int


class ServiceStopped(Telemetry, frozen=True):
    text = "service stopped"
    pending: int

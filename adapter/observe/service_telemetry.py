"""What the service says of itself: its start and end, its queue, its mappings, and deletions of users' data."""

import logging
from dataclasses import dataclass

from adapter.observe.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class UserDeleted(Telemetry):
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
class DeletionsWaiting(Telemetry):
    """Said at the start and whenever there are more."""

    text = "deletion requests wait: their source may not delete"
    level = logging.WARNING
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class MappingActivated(Telemetry):
    text = "mapping activated"
    metric = "browsee_adapter_mapping_activations"
    help = "Mappings activated, at start or by reload."
    labels = ("file",)
    file: str
    version: str


@dataclass(frozen=True, slots=True)
class MappingFailed(Telemetry):
    text = "mapping not activated; the last good one goes on"
    level = logging.ERROR
    metric = "browsee_adapter_mapping_failures"
    help = "Mapping files that could not be activated."
    labels = ("file",)
    multiline = "problems"
    file: str
    problems: str


@dataclass(frozen=True, slots=True)
class QueueFailed(Telemetry):
    text = "queue could not promise durability"
    level = logging.ERROR
    metric = "browsee_adapter_queue_failures"
    help = "Operations of the queue that failed."
    labels = ()
    throttle_by = ("cause",)
    cause: str


@dataclass(frozen=True, slots=True)
class QueueFullAtStart(Telemetry):
    """Later refusals are `RequestRefused`; this one comes before the first sender finds out."""

    text = "the service starts with a full queue: every event is answered 503 until there is room"
    level = logging.WARNING
    cause: str


@dataclass(frozen=True, slots=True)
class ServiceStarted(Telemetry):
    text = "service started"
    url: str
    queue: str
    destination: str


@dataclass(frozen=True, slots=True)
class ServiceStopping(Telemetry):
    text = "service stopping: finishing what is in flight"
    in_flight: int


@dataclass(frozen=True, slots=True)
class ServiceStopped(Telemetry):
    text = "service stopped"
    pending: int

"""Tells all of one event: what was received, what the mapping makes of it, what was answered. Sends nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adapter.console import serialize, wording
from adapter.console.serialize import Entry, PauseText
from adapter.errors import ConfigError
from adapter.mapping import explain
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Event, JsonObject, PrivateEvent, Reason, Rendered
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import EventRecord, RejectionRecord
from adapter.wire.instants import instant_text


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """The mapping of one source: its file as the settings spell it, and how to read and to load it.

    `read` gives the text of the file as it is now; both raise ConfigError if it cannot be used.
    """

    name: str
    read: Callable[[], str]
    load: Callable[[str], Ruleset]


SourceMappings: TypeAlias = Mapping[str, SourceMapping]
"""By the name of the source."""


@dataclass(frozen=True, slots=True)
class Private:
    """How what was stored privately is known by.

    `same_ids` gives all that an id may be stored as, `mark_of` what a line of `export` says of such an event (None for
    others); `is_withheld` tells a rejected body of which only size and hash were kept.
    """

    same_ids: Callable[[str], Sequence[str]]
    mark_of: Callable[[Event], JsonObject | None]
    is_withheld: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of an event now. `by` says which mapping; without `rendered` it says why there is none."""

    by: str
    rendered: Rendered | None = None
    hint: str = ""


def mapped(record: EventRecord, admin: QueueAdmin, mappings: SourceMappings) -> Mapped:
    """The event through the mapping that was used for it; if it is pending, through the active one."""
    if serialize.is_deleted(record):
        return Mapped("its user's data was deleted")
    if serialize.is_objected(record):
        return Mapped("its sender objects to that")
    if record.reason == Reason.DELETION:
        return Mapped("it asks to delete its user's data")
    mapping = mappings.get(record.event.source)
    if mapping is None:
        return Mapped(f"the settings have no source {record.event.source} any more")
    if record.mapping:
        text, by = admin.mapping(record.mapping), f"by mapping {record.mapping}, which was used"
    else:
        text, by = admin.last_mapping(mapping.name), "by the active mapping"
    try:
        ruleset = mapping.load(mapping.read() if text is None else text)
    except ConfigError as error:
        return Mapped(f"the mapping cannot be used with these settings: {error}")
    if record.mapping and text is None:
        by = f"by {mapping.name} as it is now; mapping {record.mapping} was used and is not kept"
    elif record.mapping and ruleset.version != record.mapping:
        by = f"by the text of mapping {record.mapping}, which was used, with vars of the settings as they are now"
    return Mapped(by, ruleset.render(record.event), ruleset.hint(record.event))


def whole(
    entry: Entry, admin: QueueAdmin, mappings: SourceMappings, private: Private, pause_text: PauseText
) -> JsonObject:
    """Everything about it, `Whole` in schemas/openapi.yaml."""
    placed = _placed(entry, admin, pause_text)
    if isinstance(entry, RejectionRecord):
        body = entry.rejection.body
        withheld = private.is_withheld(body)
        return {**placed, "withheld": withheld, "bytesKept": len(body), "body": body.decode(errors="replace")}
    made = mapped(entry, admin, mappings)
    becomes = None if made.rendered is None else explain.as_json(made.rendered, made.hint)
    event = entry.event
    guards = sorted(event.privacy.guards) if isinstance(event, PrivateEvent) else None
    return {**placed, "guards": guards, "message": event.body, "mappingSource": made.by, "mapped": becomes}


def where(entry: Entry, admin: QueueAdmin, pause_text: PauseText) -> JsonObject:
    """Where it is now, `Whereabouts` in schemas/openapi.yaml: its row, and one line that says it."""
    placed = _placed(entry, admin, pause_text)
    return {**placed, "line": wording.where(placed)}


def _placed(entry: Entry, admin: QueueAdmin, pause_text: PauseText) -> JsonObject:
    """The row of an event or rejection; of a pending event also its place in its user's lane."""
    fields = serialize.as_json(entry, pause_text)
    standing = admin.position(entry) if isinstance(entry, EventRecord) and entry.ended_at is None else None
    if standing is None:
        return fields
    return fields | {
        "ahead": standing.ahead,
        "parked": standing.parked,
        "dueAt": instant_text(standing.due_at),
        "attempts": standing.attempt,
        "lastFailure": standing.failure or None,
        "pauseKnown": pause_text(fields["source"]) is not None,
    }

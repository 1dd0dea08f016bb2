"""Everything about one event: what was received, what the mapping makes of it, what was answered. Sends nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from adapter.console import serialize, wording
from adapter.console.serialize import Entry, PauseText
from adapter.errors import ConfigError
from adapter.mapping import explain
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Dropped, Event, JsonObject, PrivateEvent, Reason, Refused, Rendered, Unmatched
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import EventRecord, RejectionRecord, Retention
from adapter.wire.instants import instant_text


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """The mapping of one source: its file as the settings spell it, and functions that read and load it.

    `read` returns the current text of the file; both raise ConfigError if it cannot be used.
    """

    name: str
    read: Callable[[], str]
    load: Callable[[str], Ruleset]


SourceMappings: TypeAlias = Mapping[str, SourceMapping]
"""Mappings by the name of the source."""


class ActiveRulesets:
    """The rulesets of the active mappings and of earlier versions, each compiled once."""

    def __init__(self, admin: QueueAdmin, mappings: SourceMappings) -> None:
        self._admin = admin
        self._mappings = mappings
        self._found: dict[tuple[str, str], Ruleset | None] = {}

    def of(self, source: str, *, version: str = "") -> Ruleset | None:
        """The ruleset that is active for `source`, or that of `version`; None if it is not available."""
        if (source, version) not in self._found:
            self._found[source, version] = self._load(source, version=version)
        return self._found[source, version]

    def place(self, source: str, *, version: str, rule: str) -> tuple[str | None, int | None]:
        """The file and the line of a rule, by its name; None if it is not known."""
        mapping = self._mappings.get(source)
        ruleset = self.of(source, version=version)
        return None if mapping is None else mapping.name, None if ruleset is None else line_of(ruleset, rule)

    def _load(self, source: str, *, version: str) -> Ruleset | None:
        mapping = self._mappings.get(source)
        if mapping is None:
            return None
        text = self._admin.mapping(version) if version else self._admin.last_mapping(mapping.name)
        try:
            return mapping.load(mapping.read() if text is None and not version else text or "")
        except ConfigError:
            return None


def line_of(ruleset: Ruleset, rule: str) -> int | None:
    """The line of the rule with that name in its file, from 1; None if there is none."""
    return next((found.line for found in ruleset.rules if found.name == rule), None)


@dataclass(frozen=True, slots=True)
class Private:
    """How privately stored events are recognised.

    `same_ids` returns all stored forms of an id, `mark_of` the mark of such an event in a line of `export` (None for
    other events); `is_withheld` recognises a rejected body of which only size and hash were kept.
    """

    same_ids: Callable[[str], Sequence[str]]
    mark_of: Callable[[Event], JsonObject | None]
    is_withheld: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of an event now. `by` names the mapping; without `rendered` it says why there is none.

    `rule_line` is the line of its rule in that mapping's text, None if no rule matches it.
    """

    by: str
    rendered: Rendered | None = None
    hint: str = ""
    rule_line: int | None = None


def mapped(record: EventRecord, admin: QueueAdmin, mappings: SourceMappings) -> Mapped:
    """The event rendered by the mapping that decided it; if it is pending, by the active one."""
    if why := _why_unmapped(record):
        return Mapped(why)
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
    rendered = ruleset.render(record.event)
    return Mapped(by, rendered, ruleset.hint(record.event), _rule_line(ruleset, rendered))


def _why_unmapped(record: EventRecord) -> str:
    """Why no mapping applies to this event; "" if one does."""
    if serialize.is_deleted(record):
        return "its user's data was deleted"
    if serialize.is_objected(record):
        return "its sender objects to that"
    return "it asks to delete its user's data" if record.reason == Reason.DELETION else ""


def _rule_line(ruleset: Ruleset, rendered: Rendered) -> int | None:
    match rendered:
        case Calls(calls=calls):
            return line_of(ruleset, calls[0].rule)
        case Refused(rule=rule) | Dropped(rule=rule):
            return line_of(ruleset, rule)
        case Unmatched():
            return None


def whole(
    entry: Entry,
    admin: QueueAdmin,
    mappings: SourceMappings,
    private: Private,
    pause_text: PauseText,
    *,
    retention: Retention,
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
    mapping = mappings.get(event.source)
    return {
        **placed,
        **_origin(event),
        "guards": guards,
        "message": event.body,
        "mappingSource": made.by,
        "mapped": becomes,
        "file": None if mapping is None else mapping.name,
        "ruleLine": made.rule_line,
        "keptUntil": _kept_until(entry, retention),
    }


def _origin(event: Event) -> JsonObject:
    """When the event happened, which field says so, and the trace that it belongs to."""
    parts = (event.traceparent or "").split("-")
    return {
        "timestamp": instant_text(event.timestamp),
        "timestampFrom": "received" if event.timestamp == event.received_at else "message",
        "traceId": parts[1] if len(parts) > 1 else None,
    }


def _kept_until(record: EventRecord, retention: Retention) -> str | None:
    if record.ended_at is None:
        return None
    kept_s = retention.dead_s if record.outcome == "dead" else retention.history_s
    return instant_text(record.ended_at + timedelta(seconds=kept_s))


def calls_of(entry: Entry, rulesets: ActiveRulesets) -> JsonObject:
    """`timestamp` and `calls` of an event, for its user's timeline: the calls that Browsee got, or would get of a
    pending event, by the mapping that decided it. Empty for a rejection.
    """
    if isinstance(entry, RejectionRecord):
        return {}
    ruleset = None if _why_unmapped(entry) else rulesets.of(entry.event.source, version=entry.mapping)
    rendered = None if ruleset is None else ruleset.render(entry.event)
    calls = rendered.calls if isinstance(rendered, Calls) else ()
    is_done = entry.outcome == "delivered"
    return {
        "timestamp": instant_text(entry.event.timestamp),
        "calls": [
            {
                "key": call.key,
                "kind": call.kind,
                "body": call.body,
                "delivered": is_done or call.key in entry.delivered_keys,
            }
            for call in calls
        ],
    }


def where(entry: Entry, admin: QueueAdmin, pause_text: PauseText) -> JsonObject:
    """Where it is now, `Whereabouts` in schemas/openapi.yaml: its row, and one line that says it."""
    placed = _placed(entry, admin, pause_text)
    return {**placed, "line": wording.where(placed)}


def _placed(entry: Entry, admin: QueueAdmin, pause_text: PauseText) -> JsonObject:
    """The row of an event or rejection; of a pending event also its place in its user's lane."""
    fields = serialize.as_json(entry, pause_text)
    if isinstance(entry, EventRecord):
        fields["failures"] = [serialize.failure_as_json(failed) for failed in admin.failures(entry.seq)]
    standing = admin.position(entry) if isinstance(entry, EventRecord) and entry.ended_at is None else None
    if standing is None:
        return fields
    return fields | {
        "ahead": standing.ahead,
        "blockedBy": None if standing.blocked_by is None else str(standing.blocked_by),
        "parked": standing.parked,
        "dueAt": instant_text(standing.due_at),
        "attempts": standing.attempt,
        "lastFailure": standing.failure or None,
        "pauseKnown": pause_text(fields["source"]) is not None,
    }

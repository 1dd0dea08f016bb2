"""Tells all of one event: what was received, what the mapping makes of it, what was answered. Sends nothing."""

import json
from dataclasses import dataclass

from adapter.activation import loader
from adapter.cli import entries
from adapter.cli.entries import Entry
from adapter.cli.reading import text_of
from adapter.cli.table import counted
from adapter.errors import ConfigError
from adapter.ingest.timestamps import written
from adapter.mapping import explain
from adapter.mapping.document import printable
from adapter.model import JsonObject, PrivateEvent, Rendered
from adapter.private import is_withheld
from adapter.queue.desk import Desk
from adapter.queue.stories import Rejected, Story
from adapter.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of an event now. `by` says which mapping; without `rendered` it says why there is none."""

    by: str
    rendered: Rendered | None = None
    hint: str = ""


def mapped(story: Story, desk: Desk, settings: Settings) -> Mapped:
    """The event through the mapping that was used for it; if it is pending, through the one at work."""
    if entries.is_deleted(story):
        return Mapped("its user's data was deleted")
    source = next((source for source in settings.sources if source.name == story.event.source), None)
    if source is None:
        return Mapped(f"the settings have no source {story.event.source} any more")
    if story.mapping:
        text, by = desk.mapping(story.mapping), f"by mapping {story.mapping}, which was used"
    else:
        text, by = desk.last_mapping(str(source.mapping)), "by the mapping at work"
    try:
        ruleset = loader(settings, source)(text_of(source.mapping) if text is None else text)
    except ConfigError as error:
        return Mapped(f"the mapping cannot be used with these settings: {error}")
    if story.mapping and text is None:
        by = f"by {source.mapping} as it is now; mapping {story.mapping} was used and is not kept"
    elif story.mapping and ruleset.version != story.mapping:
        by = f"by the text of mapping {story.mapping}, which was used, with vars of the settings as they are now"
    return Mapped(by, ruleset.render(story.event), ruleset.hint(story.event))


def as_text(entry: Entry, desk: Desk, settings: Settings) -> str:
    """Everything about it, in paragraphs."""
    if isinstance(entry, Rejected):
        return _rejection_text(entry)
    event = entry.event
    made = mapped(entry, desk, settings)
    lines = [f"event {entry.receipt}: {event.source}/{event.message_id}", "", f"received {written(event.received_at)}"]
    lines += _indented(_pretty(event.body) if event.body else "its user's data was deleted")
    if isinstance(event, PrivateEvent):
        went = counted(len(event.privacy.guards), "guard")
        lines += ["", f"stored privately: what stands above is what {went} of the mapping's privacy left"]
    lines += ["", f"mapped {made.by}" if made.rendered is not None else f"not mapped: {made.by}"]
    if made.rendered is not None:
        lines += _indented(explain.as_text(made.rendered, made.hint))
    lines += ["", *_answered(entry, desk)]
    return printable_lines(lines)


def as_json(entry: Entry, desk: Desk, settings: Settings) -> JsonObject:
    """The same as data."""
    told = entries.as_json(entry)
    if isinstance(entry, Rejected):
        body = entry.rejection.body
        return {**told, "withheld": is_withheld(body), "body": body.decode(errors="replace")}
    made = mapped(entry, desk, settings)
    standing = desk.standing(entry) if entry.ended_at is None else None
    if standing is not None:
        told |= {
            "ahead": standing.ahead,
            "parked": standing.parked,
            "dueAt": written(standing.due_at),
            "failedTries": standing.attempt,
        }
    becomes = None if made.rendered is None else explain.as_json(made.rendered, made.hint)
    event = entry.event
    told["guards"] = sorted(event.privacy.guards) if isinstance(event, PrivateEvent) else None
    return {**told, "message": event.body, "mappedBy": made.by, "mapped": becomes}


def where(entry: Entry, desk: Desk) -> str:
    """Where the message is now and why, in one line."""
    if isinstance(entry, Rejected):
        kept = entry.rejection
        place = f"{kept.source}/{kept.message_id}" if kept.message_id else kept.source
        return f"{place}: rejected: {entry.cause} (kept as {entries.id_of(entry)})"
    place = f"{entry.event.source}/{entry.event.message_id}"
    return f"{place}: {_outcome_line(entry, desk)} (event {entry.receipt})"


def printable_lines(lines: list[str]) -> str:
    """`lines` as one text, without what could command a terminal."""
    return "\n".join(printable(line) for text in lines for line in text.split("\n"))


def _rejection_text(entry: Rejected) -> str:
    kept = entry.rejection
    lines = [f"rejection {entries.id_of(entry)}: {kept.source}/{kept.message_id or '-'}", ""]
    size = "" if is_withheld(kept.body) else f", {len(kept.body)} bytes kept"
    lines += [f"received {written(kept.received_at)}{size}"]
    lines += _indented(kept.body.decode(errors="replace"))
    lines += ["", f"rejected: {kept.reason}"]
    lines += [f"  {f'{problem.pointer} {problem.message}'.lstrip()}" for problem in kept.problems]
    return printable_lines(lines)


def _answered(story: Story, desk: Desk) -> list[str]:
    lines = [_outcome_line(story, desk)]
    if story.ended_at is not None and story.attempt:
        lines.append(f"  after {counted(story.attempt, 'failed try', 'failed tries')}")
    lines += [f"  got through before: {key}" for key in story.sent]
    return lines


def _outcome_line(story: Story, desk: Desk) -> str:
    if story.ended_at is not None:
        why = f": {story.cause}" if story.cause else ""
        return f"{story.outcome} {written(story.ended_at)}{why}"
    standing = desk.standing(story)
    if standing is None:
        return "pending: it is ending right now"
    if standing.parked:
        return "pending: parked until Browsee takes identify calls again"
    if standing.ahead:
        return f"pending: {counted(standing.ahead, 'event')} of its user must end before it"
    tried = f", after {counted(standing.attempt, 'failed try', 'failed tries')}" if standing.attempt else ""
    return f"pending: the first of its user, due {written(standing.due_at)}{tried}"


def _pretty(body: JsonObject) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]

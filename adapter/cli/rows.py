"""Rows of events and rejections for people, made of a console's entries. Pure."""

from adapter.console.wording import counted
from adapter.model import JsonObject

DELETION_COLUMNS = ("id", "received", "source", "user", "message id", "done", "events", "rejections")


def cells(entry: JsonObject) -> tuple[str, ...]:
    """Id, received, source, message id, event, user, outcome and why; `-` for empty cells."""
    facts = (
        entry["id"],
        entry["receivedAt"],
        entry["source"],
        entry["messageId"],
        event_named(entry),
        entry.get("userId") or entry.get("anonymousId"),
        entry["outcome"],
        why(entry),
    )
    return tuple(fact or "-" for fact in facts)


def deletion_cells(request: JsonObject) -> tuple[str, ...]:
    """The row of DELETION_COLUMNS."""
    named = ("id", "receivedAt", "source", "userId", "messageId", "doneAt", "events", "rejections")
    return tuple("-" if request[name] is None else str(request[name]) for name in named)


def why(entry: JsonObject) -> str | None:
    """The cause of the outcome, or of a pause; and the number of warnings."""
    warnings = entry.get("warnings")
    parts = [entry["cause"] or entry.get("waitsFor"), counted(len(warnings), "warning") if warnings else None]
    return "; ".join(part for part in parts if part)


def event_named(entry: JsonObject) -> str | None:
    """Type and name, such as `track Order Completed`; None if there is none."""
    kind, name = entry.get("type"), entry.get("event")
    return f"{kind} {name}" if isinstance(name, str) else kind

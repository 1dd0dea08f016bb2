"""Rows of events and rejections for people, made of what a console tells of each. Pure."""

from adapter.console.wording import counted
from adapter.model import JsonObject

COLUMNS = ("id", "received", "source", "message id", "event", "user", "outcome", "why")
DELETION_COLUMNS = ("id", "received", "source", "user", "message id", "done", "events", "rejections")


def cells(entry: JsonObject) -> tuple[str, ...]:
    """The row of COLUMNS; `-` where there is nothing."""
    facts = (
        entry["id"],
        entry["receivedAt"],
        entry["source"],
        entry["messageId"],
        _named(entry),
        entry.get("userId") or entry.get("anonymousId"),
        entry["outcome"],
        _why(entry),
    )
    return tuple(fact or "-" for fact in facts)


def deletion_cells(request: JsonObject) -> tuple[str, ...]:
    """The row of DELETION_COLUMNS."""
    named = ("id", "receivedAt", "source", "userId", "messageId", "doneAt", "events", "rejections")
    return tuple("-" if request[name] is None else str(request[name]) for name in named)


def _why(entry: JsonObject) -> str | None:
    """The cause of the outcome, or of a pause; and how many warnings there are."""
    warnings = entry.get("warnings")
    parts = [entry["cause"] or entry.get("waitsFor"), counted(len(warnings), "warning") if warnings else None]
    return "; ".join(part for part in parts if part)


def _named(entry: JsonObject) -> str | None:
    kind, name = entry.get("type"), entry.get("event")
    return f"{kind} {name}" if isinstance(name, str) else kind

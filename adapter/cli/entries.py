"""What is kept of one message, an event or a rejection, as a row for people and as data for programs. Pure."""

from typing import TypeAlias

from adapter.ingest.timestamps import written
from adapter.model import JsonObject
from adapter.queue.stories import Rejected, Story

Entry: TypeAlias = Story | Rejected

COLUMNS = ("id", "received", "source", "message id", "event", "user", "outcome", "why")


def id_of(entry: Entry) -> str:
    """What commands take to mean it: a receipt number, or `r` and the number of a rejection."""
    return str(entry.receipt) if isinstance(entry, Story) else f"r{entry.number}"


def cells(entry: Entry) -> tuple[str, ...]:
    """The row of COLUMNS; `-` where there is nothing."""
    facts: tuple[str | None, ...]
    if isinstance(entry, Rejected):
        kept = entry.rejection
        facts = (written(kept.received_at), kept.source, kept.message_id, None, None, "rejected", entry.cause)
    else:
        event = entry.event
        at = written(event.received_at)
        facts = (at, event.source, event.message_id, _named(entry), _user(entry), entry.outcome, _why(entry))
    return (id_of(entry), *(fact or "-" for fact in facts))


def as_json(entry: Entry) -> JsonObject:
    """The same and more as data, without the body; absent values are null."""
    if isinstance(entry, Rejected):
        kept = entry.rejection
        return {
            "id": id_of(entry),
            "source": kept.source,
            "messageId": kept.message_id,
            "receivedAt": written(kept.received_at),
            "outcome": "rejected",
            "reason": str(kept.reason),
            "cause": entry.cause,
            "problems": [
                {"pointer": problem.pointer, "keyword": problem.keyword, "message": problem.message}
                for problem in kept.problems
            ],
        }
    event = entry.event
    return {
        "id": id_of(entry),
        "source": event.source,
        "messageId": event.message_id,
        "receivedAt": written(event.received_at),
        "type": event.type,
        "event": event.body.get("event"),
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "outcome": entry.outcome,
        "reason": entry.reason or None,
        "cause": _why(entry) or None,
        "rule": entry.rule or None,
        "endedAt": None if entry.ended_at is None else written(entry.ended_at),
        "failedTries": entry.attempt,
        "mapping": entry.mapping or None,
        "gotThrough": list(entry.sent),
        "deleted": is_deleted(entry),
    }


def is_deleted(story: Story) -> bool:
    """Its user's data was deleted: there is no body any more."""
    return not story.event.body


def received_at_s(entry: Entry) -> float:
    """Seconds since 1970 of its receipt, to put events and rejections in one order."""
    kept = entry.event if isinstance(entry, Story) else entry.rejection
    return kept.received_at.timestamp()


def _named(story: Story) -> str:
    name = story.event.body.get("event")
    return f"{story.event.type} {name}" if isinstance(name, str) else story.event.type


def _user(story: Story) -> str | None:
    return story.event.user_id or story.event.anonymous_id


def _why(story: Story) -> str:
    # What is delivered says why only if something was odd.
    return "its user's data was deleted" if is_deleted(story) and story.reason != "deleted" else story.cause

"""Events, rejections and deletion requests as JSON, as the API and the commands list them. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from adapter.mapping.explain import warnings_as_json
from adapter.model import JsonObject, Reason
from adapter.queue.contract import Deletion
from adapter.queue.records import EventRecord, FailedCall, RejectionRecord
from adapter.wire.instants import instant_text

Entry: TypeAlias = EventRecord | RejectionRecord
PauseText: TypeAlias = Callable[[str], str | None]
"""Why delivery of a source is paused, by the source's name: a text; "" if delivery goes on; None if that is unknown."""

_OBJECTIONS = frozenset({Reason.INTEGRATIONS.value, Reason.CONSENT.value})


def id_of(entry: Entry) -> str:
    """The id that commands accept for it: a number, or `r` and the number of a rejection."""
    return str(entry.seq) if isinstance(entry, EventRecord) else f"r{entry.number}"


def as_json(entry: Entry, pause_text: PauseText) -> JsonObject:
    """Everything but the body, `Row` in schemas/openapi.yaml; absent values are null."""
    if isinstance(entry, RejectionRecord):
        kept = entry.rejection
        return {
            "id": id_of(entry),
            "source": kept.source,
            "messageId": kept.message_id,
            "receivedAt": instant_text(kept.received_at),
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
        "receivedAt": instant_text(event.received_at),
        "type": event.type,
        "event": event.body.get("event"),
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "outcome": entry.outcome,
        "reason": entry.reason or None,
        "cause": _why(entry) or None,
        "rule": entry.rule or None,
        "endedAt": None if entry.ended_at is None else instant_text(entry.ended_at),
        "attempts": entry.attempt,
        "mapping": entry.mapping or None,
        "deliveredCalls": list(entry.delivered_keys),
        "warnings": warnings_as_json(entry.warnings),
        "deleted": is_deleted(entry),
        "waitsFor": None if entry.ended_at is not None else pause_text(event.source) or None,
    }


def failure_as_json(failed: FailedCall) -> JsonObject:
    """A call that was not delivered, `FailedCall` in schemas/openapi.yaml; `ms` from the call to its end."""
    failure = failed.failure
    return {
        "at": instant_text(failed.at),
        "call": failure.call,
        "status": failure.status,
        "cause": failure.cause,
        "ms": round(failure.seconds * 1000),
    }


def is_deleted(record: EventRecord) -> bool:
    """Whether its user's data was deleted, so that there is no body."""
    return not record.event.body and not is_objected(record)


def is_objected(record: EventRecord) -> bool:
    """Whether its sender objected, so that ingest kept no body and no mapping applied."""
    return not record.event.body and not record.mapping and record.reason in _OBJECTIONS


def received_at(entry: Entry) -> datetime:
    """When it was received."""
    return entry.event.received_at if isinstance(entry, EventRecord) else entry.rejection.received_at


def _why(record: EventRecord) -> str:
    # A delivered event has a detail only if something was unusual.
    return "its user's data was deleted" if is_deleted(record) and record.reason != "deleted" else record.cause


def deletion_as_json(request: Deletion) -> JsonObject:
    """A deletion request, `Deletion` in schemas/openapi.yaml; `doneAt` is null until it is carried out."""
    return {
        "id": str(request.number),
        "source": request.source,
        "userId": request.user,
        "messageId": request.message_id,
        "receivedAt": instant_text(request.received_at),
        "doneAt": None if request.done_at is None else instant_text(request.done_at),
        "events": request.events,
        "rejections": request.rejections,
    }

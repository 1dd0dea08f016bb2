"""A small, faithful stand-in for ingest's normalisation, which mapping is handed and must not import."""

import json
from datetime import UTC, datetime
from typing import Any

from adapter.files.document import read_document
from adapter.mapping.load import load
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.ruleset import Ruleset, SourceOptions
from adapter.model import Call, Calls, Event, JsonObject, WarningKind

RECEIVED_AT = datetime(2024, 1, 2, 12, tzinfo=UTC)


def read(message: JsonObject) -> Event:
    """The event of a sender's message, unjudged: ids as text, the first timestamp that is a date."""
    times = [message.get(key) for key in ("timestamp", "originalTimestamp", "sentAt", "receivedAt")]
    body = dict(message)
    for key in ("userId", "anonymousId"):
        if key in body:
            body[key] = _id(body[key])
    return Event(
        source="test",
        message_id=str(message.get("messageId", "m-1")),
        type=str(message.get("type", "")),
        user_id=body.get("userId"),
        anonymous_id=body.get("anonymousId"),
        timestamp=next((instant for time in times if (instant := _instant(time)) is not None), RECEIVED_AT),
        received_at=RECEIVED_AT,
        body=body,
    )


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def located(address: str) -> JsonObject:
    """One place is known."""
    return {"country": "DE", "city": "Berlin"} if address == "203.0.113.7" else {}


def ruleset(text: str, *, hash_key: str | None = "demo-key", vars: JsonObject | None = None, **source: Any) -> Ruleset:  # noqa: A002
    """The ruleset of a mapping that is expected to be good, for a source with these options."""
    return load(
        text,
        file="test.yaml",
        read=read,
        hash_key=hash_key,
        vars=vars,
        source=SourceOptions(**{"locate": located, **source}),
    )


def parsed(text: str) -> Any:
    """YAML as the mapping's own loader reads it."""
    document = read_document(text, file="test.yaml")
    assert document.findings == ()
    return document.data


def event(**words: Any) -> Event:
    """The event of a track message with an anonymous id, and whatever else is said."""
    return read({"type": "track", "event": "E", "messageId": "m-1", "anonymousId": "a", **words})


def calls_of(mapping: JsonObject | str, **words: Any) -> tuple[Call, ...]:
    """The calls that a mapping, as text or data, makes of such an event."""
    text = mapping if isinstance(mapping, str) else json.dumps({"version": 1, **mapping})
    rendered = ruleset(text).render(event(**words))
    assert isinstance(rendered, Calls), rendered
    return rendered.calls


def value_of(value: Any, *, tables: JsonObject | None = None, **words: Any) -> tuple[Any, list[str]]:
    """What a value is for such an event, ABSENT included, and the causes of its warnings.

    That a list or an object is sent at all is a warning of its own, which is not among them.
    """
    rule = {"track": "T", "copy": "none", "properties": {"v": value, "used": {"value": 1}}}
    mapping: JsonObject = {"version": 1, "settings": {"nulls": "keep"}, "rules": [rule]}
    if tables is not None:
        mapping["tables"] = tables
    rendered = ruleset(json.dumps(mapping)).render(event(**words))
    assert isinstance(rendered, Calls), rendered
    return rendered.calls[0].body["properties"].get("v", ABSENT), [
        warned.cause for warned in rendered.warnings if warned.kind is not WarningKind.NOT_FLAT
    ]

"""One event as one line of a file, `{"source": …, "receivedAt": …, "message": …}`, as `send` reads it. Pure."""

from collections.abc import Callable
from datetime import datetime

import orjson

from adapter.console.serialize import Entry
from adapter.ingest.decode import decode
from adapter.model import Event, JsonObject, Problem
from adapter.queue.records import EventRecord
from adapter.wire.instants import instant_text


def line_of(source: str, received_at: datetime, message: JsonObject, *, privacy: JsonObject | None = None) -> bytes:
    """One line, with its end; `privacy` is the mark of a message that was stored privately."""
    line = {"source": source, "receivedAt": instant_text(received_at), "message": message}
    if privacy is not None:
        line["privacy"] = privacy
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def line_of_entry(entry: Entry, mark_of: Callable[[Event], JsonObject | None]) -> bytes | None:
    """The line of an event or rejection; None for a body that is not a JSON object, such as one that was not kept."""
    if isinstance(entry, EventRecord):
        event = entry.event
        return line_of(event.source, event.received_at, event.body, privacy=mark_of(event))
    body = decode(entry.rejection.body)
    if isinstance(body, Problem) or not body.is_single:
        return None
    return line_of(entry.rejection.source, entry.rejection.received_at, body.messages[0])

"""One event as one line of a file, `{"source": …, "receivedAt": …, "message": …}`, as `send` reads it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

import orjson

from adapter.console.serialize import Entry
from adapter.ingest.decode import decode
from adapter.model import Event, JsonObject, Problem
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import EventRecord, Filter
from adapter.wire.instants import instant_text

_PAGE: Final = 100
"""Events in memory at a time: 51 MB, if each is as large as `limits.message` allows."""


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


def lines_down(
    admin: QueueAdmin,
    wanted: Filter,
    *,
    mark_of: Callable[[Event], JsonObject | None],
    go_on: Callable[[], None],
) -> Iterator[Sequence[bytes]]:
    """The lines of these events, newest first, in pages. Nothing stays open between two; `go_on` raises to stop."""
    before, is_all = admin.newest_seq() + 1, False
    while not is_all:
        go_on()
        page = admin.page_before(wanted, limit=_PAGE, before=before)
        lines = [line for record in page.records if record.event.body and (line := line_of_entry(record, mark_of))]
        if lines:
            yield lines
        before, is_all = page.bottom, page.is_all

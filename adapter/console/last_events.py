"""The newest event or rejection of a source, searched for once: the next search starts where the last one ended.
Pure.
"""

from collections.abc import Callable
from typing import NamedTuple

from adapter.console import serialize
from adapter.console.serialize import Entry
from adapter.model import JsonObject
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import EventRecord, Filter
from adapter.wire.instants import instant_text

_LATE = 1_000
"""Seqs that are read again: replicas may store events a moment after later ones of other replicas."""


class LastLook(NamedTuple):
    """The result of a search: `seq` is the newest event of the source, 0 if there was none, among those up to seq
    `end`.
    """

    seq: int
    end: int


def last_entry(
    admin: QueueAdmin, source: str, last: LastLook | None, *, go_on: Callable[[], None]
) -> tuple[JsonObject | None, LastLook]:
    """The newest event or rejection of a source that is kept, `LastEvent` in schemas/openapi.yaml, and the start of the
    next search. The first search goes down to that event, however many others came since; later ones do not.
    """
    end = admin.newest_seq()
    if last is None or last.end > end:  # the second: the queue was replaced
        event = _newest_event(admin, Filter(source=source), before=end + 1, go_on=go_on)
    else:
        later = Filter(source=source, after=max(0, last.end - _LATE))
        event = _newest_event(admin, later, before=end + 1, go_on=go_on)
        event = event or _newest_event(admin, Filter(source=source), before=last.seq + 1, go_on=go_on)
    found: list[Entry] = [*admin.newest_rejections(limit=1, source=source), *([event] if event else [])]
    newest = max(found, key=serialize.received_at, default=None)
    return None if newest is None else _as_json(newest), LastLook(event.seq if event else 0, end)


def _newest_event(admin: QueueAdmin, wanted: Filter, *, before: int, go_on: Callable[[], None]) -> EventRecord | None:
    """One page after another, because each reads a bounded number of events."""
    while True:
        go_on()
        page = admin.page_before(wanted, limit=1, before=before)
        if page.records or page.is_all:
            return next(iter(page.records), None)
        before = page.bottom


def _as_json(entry: Entry) -> JsonObject:
    event = entry.event if isinstance(entry, EventRecord) else None
    return {
        "id": serialize.id_of(entry),
        "event": event and event.body.get("event"),
        "type": event and event.type,
        "outcome": entry.outcome if isinstance(entry, EventRecord) else "rejected",
        "at": instant_text(serialize.received_at(entry)),
    }

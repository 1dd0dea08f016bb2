"""Rows of the operator's statements as records, if SQLite has its own form of a column: see `queue.record_rows`."""

from collections.abc import Sequence
from typing import Any

from adapter.queue import record_rows
from adapter.queue.records import CauseGroup, EventRecord
from adapter.queue.sqlite.message_row import SELECTED, from_row


def event_record(found: Sequence[Any], delivered_keys: tuple[str, ...]) -> EventRecord:
    """The event in a row of the statement `event`."""
    seq, stored, ends = found[0], found[1 : SELECTED + 1], found[SELECTED + 1 :]
    return record_rows.event_record(seq, from_row(stored), ends, delivered_keys=delivered_keys)


def cause_group(found: Sequence[Any], *, rejected: bool) -> CauseGroup:
    """The group in a row of the statements `dead_groups` and `rejection_groups`."""
    *columns, sources = found
    return record_rows.cause_group((*columns, sources.split(",")), rejected=rejected)

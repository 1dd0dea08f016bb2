"""Rows of the operator's statements as records, where text of a sender is bytea: see `queue.record_rows`."""

from collections.abc import Sequence
from typing import Any

from adapter.model import Event, PrivateEvent
from adapter.queue import record_rows
from adapter.queue.contract import Deletion
from adapter.queue.postgres.message_row import SELECTED, from_row, unpacked
from adapter.queue.records import EventRecord, Filter, RejectionRecord, has_wanted_cause


def event_record(found: Sequence[Any], delivered_keys: tuple[str, ...]) -> EventRecord:
    """The event in a row of the statement `events`."""
    seq, stored, ends = found[0], found[1 : SELECTED + 1], found[SELECTED + 1 :]
    return record_rows.event_record(seq, from_row(stored), ends, delivered_keys=delivered_keys)


def rejection_record(found: Sequence[Any]) -> RejectionRecord:
    """The rejection in a row of the statement `rejection`."""
    number, source, reason, message_id, *more = found
    return record_rows.rejection_record((number, source, reason, unpacked(message_id), *more))


def deletion_of(found: Sequence[Any]) -> Deletion:
    """The request in a row of the statement `open_deletions`."""
    number, source, user, message_id, *more = found
    return record_rows.deletion_of((number, source, unpacked(user) or "", unpacked(message_id) or "", *more))


def has_cause(wanted: Filter, why: Sequence[str]) -> bool:
    """Whether the wanted cause is that of reason, detail and rule, in this order."""
    reason, detail, rule = why
    return has_wanted_cause(wanted, reason=reason, detail=detail, rule=rule)


def is_wanted(event: Event, wanted: Filter) -> bool:
    """Whether it is of the users and has the name that are wanted, and not only their bytes somewhere in its body."""
    if wanted.name is not None and event.body.get("event") != wanted.name:
        return False
    if not wanted.users:
        return True
    ids, keys = {event.user_id, event.anonymous_id}, {event.user_id, event.anonymous_id}
    if isinstance(event, PrivateEvent):
        keys = {event.privacy.user_key, event.privacy.anonymous_key}
    return wanted.users[0] in ids or not keys.isdisjoint(wanted.users)

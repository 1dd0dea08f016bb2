"""Rows of the operator's statements as records, alike in all databases: the order of their columns.

A backend's `record_rows` reads the columns that its database stores in another form.
"""

from collections.abc import Sequence
from typing import Any

from adapter.model import CallFailure, Reason, Rejection
from adapter.queue.activations import Activation
from adapter.queue.codec import Row, from_us, restore
from adapter.queue.contract import Deletion
from adapter.queue.event_warnings import unpack
from adapter.queue.records import CauseGroup, EventRecord, FailedCall, QueuePosition, RejectionRecord, problems_of


def event_record(seq: int, stored: Row, ends: Sequence[Any], *, delivered_keys: tuple[str, ...]) -> EventRecord:
    """The event with its outcome; `ends` are the columns of the statement `event` after the message."""
    warned, outcome, reason, rule, detail, attempt, mapping, finished_us = ends[:8]
    dead_reason, dead_detail, dead_attempt, dead_mapping, died_us = ends[8:]
    if died_us is not None:
        outcome, reason, rule, detail = "dead", dead_reason, "", dead_detail
        attempt, mapping, finished_us = dead_attempt, dead_mapping, died_us
    event, _ = restore(stored)
    return EventRecord(
        seq=seq,
        event=event,
        outcome=outcome or "pending",
        reason=reason or "",
        rule=rule or "",
        detail=detail or "",
        attempt=attempt or 0,
        mapping=mapping or "",
        ended_at=None if finished_us is None else from_us(finished_us),
        delivered_keys=delivered_keys,
        warnings=event.warnings + unpack(warned),
    )


def failed_call(found: Sequence[Any]) -> FailedCall:
    """The failed call in a row of the statement `failures`."""
    at_us, call, status, cause, ms = found
    return FailedCall(from_us(at_us), CallFailure(call=call, status=status, cause=cause, seconds=ms / 1000))


def activation_of(found: Sequence[Any]) -> Activation:
    """The activation in a row of the statement `activations`."""
    id_, name, version, digest, at_us, by = found
    return Activation(id=id_, name=name, version=version, digest=digest, at=from_us(at_us), by=by)


def cause_group(found: Sequence[Any], *, rejected: bool) -> CauseGroup:
    """The group in a row of the statements `dead_groups` and `rejection_groups`; the last column lists its sources."""
    reason, detail, count, first, since_us, until_us, mapping, sources = found
    return CauseGroup(
        count=count,
        reason=reason,
        detail=detail,
        first=first,
        rejected=rejected,
        since=from_us(since_us),
        until=from_us(until_us),
        sources=tuple(sorted(sources)),
        mapping=mapping,
    )


def queue_position(head: Sequence[Any], *, ahead: int, parked: bool) -> QueuePosition:
    """The place of an event with `ahead` others before it in its lane, whose head is in a row of `head_of`."""
    seq, due_us, attempt, *failure = head
    # Attempts and their failure are the head's: an event behind it has had no attempt.
    return QueuePosition(
        ahead=ahead,
        blocked_by=seq if ahead else None,
        parked=parked,
        due_at=from_us(due_us),
        attempt=0 if ahead else attempt,
        failure="" if ahead else ": ".join(filter(None, failure)),
    )


def rejection_record(found: Sequence[Any]) -> RejectionRecord:
    """The rejection in a row of the statement `rejection`."""
    number, source, reason, message_id, problems, body, received_us = found
    rejection = Rejection(
        source=source,
        reason=Reason(reason),
        problems=problems_of(problems),
        body=body,
        message_id=message_id,
        received_at=from_us(received_us),
    )
    return RejectionRecord(number, rejection)


def deletion_of(found: Sequence[Any]) -> Deletion:
    """The request in a row of the statement `open_deletions`."""
    number, source, user, message_id, received_us, events, rejections, done_us = found
    return Deletion(
        number=number,
        source=source,
        user=user,
        message_id=message_id,
        received_at=from_us(received_us),
        events=events,
        rejections=rejections,
        done_at=None if done_us is None else from_us(done_us),
    )

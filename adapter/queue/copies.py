"""Copies of an event: same source, id, type and name, but another body. Pure.

A sender that gives one id to two messages means two messages, and only a person can tell which one is right. The first
is delivered. The others are kept as rejections, with everything needed to make events of them, under a digest of their
own.
"""

import orjson

from adapter.model import Event, Problem, Reason, Rejection
from adapter.queue.codec import Row, from_us, restore

_PROBLEM = Problem("/messageId", "unique", "an event with this id was stored before, and its body is another")


def rejection_of(row: Row) -> Rejection:
    """The copy as a rejection. A private copy names its user by the keys of the user, so that it can be erased."""
    body = row.body
    if body.startswith(b"["):
        went, message = orjson.loads(body)
        body = orjson.dumps([{**went, "user": row.user_id, "anonymous": row.anonymous_id}, message])
    return Rejection(
        source=row.source,
        reason=Reason.OTHER_BODY,
        problems=(_PROBLEM,),
        body=body,
        message_id=row.message_id,
        received_at=from_us(row.received_us),
    )


def facts_of(row: Row) -> str:
    """The facts of the event that a rejection lacks, as they are stored beside the rejection."""
    return orjson.dumps([row.type, row.user_id, row.anonymous_id, row.timestamp_us, row.traceparent]).decode()


def event_of(rejection: Rejection, facts: str, *, received_us: int) -> Event:
    """The event of a kept copy. Raises ValueError or TypeError if `facts` was damaged since."""
    kind, user_id, anonymous_id, timestamp_us, traceparent = orjson.loads(facts)
    row = Row(
        source=rejection.source,
        lane=0,
        digest=b"",
        message_id=rejection.message_id or "",
        type=kind,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp_us=timestamp_us,
        received_us=received_us,
        body=rejection.body,
        traceparent=traceparent,
    )
    return restore(row)[0]

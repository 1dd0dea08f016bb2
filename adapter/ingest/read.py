"""One message → an Event, or a Rejection that keeps it. Pure.

Tolerant where senders differ (ids, containers, types, timestamps), strict where a message could not be used. A message
without a user, or of an unknown type, is an event too: the mapping decides which of them matter.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import orjson
from msgspec.structs import replace

from adapter.ingest.context import RequestContext
from adapter.ingest.deletion import kept_of, refusal
from adapter.ingest.dialect import KINDS, merged, speaks_for_its_user
from adapter.ingest.fields import clean, settle_id, settle_ids, settle_names
from adapter.ingest.sources import DigestOf, Source
from adapter.ingest.timestamps import ChosenTimestamp, SentBy, choose, correct
from adapter.ingest.validate import COMMON, Validator, kind_of
from adapter.model import DELETE, MAX_WARNINGS, Event, EventWarning, JsonObject, Problem, Reason, Rejection
from adapter.wire.ids import NO_IDS
from adapter.wire.instants import instant_text

NewId: TypeAlias = Callable[[], str]

KEPT_BYTES = 65_536
"""Bytes that are kept of the body of a rejection."""

LONGEST_ID_CHARS = 256
"""A longer message id is replaced by its hash. SDKs make up to 100 characters; RudderStack's gateway checks no
length.
"""

_TYPES = "track, identify, page, screen, group or alias"
_ENVELOPED = ("context", "integrations")
_CONTAINERS = ("traits", "properties", *_ENVELOPED)
_CHANGES_PER_TRY = frozenset({"sentAt", "receivedAt", "_metadata"})


def read_event(message: object, request: RequestContext, *, validator: Validator, new_id: NewId) -> Event | Rejection:
    """`message`, of any JSON type, as an event of the request's source, or as a rejection that says what is wrong.

    `new_id` makes the id of a message that has neither an id nor a field to recognise its copies by; the source's
    `digest` makes the id if there is such a field. Never raises.
    """
    if not isinstance(message, dict):
        problem = Problem("", "type", "a message must be an object")
        return _rejected(Reason.SCHEMA, (problem,), message, None, request)
    event = _normalised(message, request, new_id)
    objections = request.objections
    dropped = None if objections is None or event.type == DELETE else objections.find(event.body)
    if dropped is not None:
        # Before anything is refused, because a refused message is kept with its body.
        return replace(event, user_id=None, anonymous_id=None, body={}, warnings=(), dropped=dropped)
    return _refused(event, message, request, validator) or event


def _refused(event: Event, message: JsonObject, request: RequestContext, validator: Validator) -> Rejection | None:
    limit = request.max_message_bytes
    if limit is not None and len(orjson.dumps(message)) > limit:
        problem = Problem("", "maxLength", f"a message must be at most {limit} bytes of JSON")
        return _rejected(Reason.TOO_LARGE, (problem,), event.body, event.message_id, request)
    if not event.type:
        # An envelope or other JSON: if stored, no rule would match it, and the mistake would go unnoticed.
        return _rejected(Reason.SCHEMA, (_no_type(event.body),), event.body, event.message_id, request)
    if event.type == DELETE:
        refused = refusal(event, is_direct=request.dialect.is_direct, may_delete=request.source.may_delete)
        if refused is not None:
            reason, problem = refused
            return _rejected(reason, (problem,), kept_of(event.body), event.message_id, request)
    has_user = event.user_id is not None or event.anonymous_id is not None
    problems = validator.problems(event.type if has_user else COMMON, event.body)
    return _rejected(Reason.SCHEMA, problems, event.body, event.message_id, request) if problems else None


def _no_type(body: JsonObject) -> Problem:
    kind, batch = body.get("type"), body.get("batch")
    if "batch" in body:
        return Problem("/batch", "type", f"must be an array of messages, not {kind_of(batch)}")
    if kind is None or isinstance(kind, str):
        return Problem("/type", "required", f"is required: {_TYPES}")
    return Problem("/type", "type", f"must be text ({_TYPES}), not {kind_of(kind)}")


def read_unchecked(
    message: JsonObject, *, source: str, received_at: datetime, new_id: NewId, no_ids: frozenset[str] = NO_IDS
) -> Event:
    """`message` as a webhook's event, without a check by its schema: for a mapping's tests and `explain`. Never
    raises.
    """
    return _normalised(message, RequestContext(Source(source, (), no_ids=no_ids), received_at), new_id)


def unparseable(raw: bytes, problem: Problem, *, source: str, received_at: datetime) -> Rejection:
    """The rejection of a body that contains no message."""
    return Rejection(source, Reason.UNPARSEABLE, (problem,), raw[:KEPT_BYTES], None, received_at)


def _rejected(
    reason: Reason, problems: tuple[Problem, ...], body: object, message_id: str | None, request: RequestContext
) -> Rejection:
    # The body is kept as it would be stored, so that reading it again, as a webhook's, corrects nothing twice.
    kept = orjson.dumps(body)[:KEPT_BYTES]
    return Rejection(request.source.name, reason, problems, kept, message_id, request.received_at)


def _normalised(message: JsonObject, request: RequestContext, new_id: NewId) -> Event:
    source, body = request.source, message.copy()
    # A credential of the source, which is not needed any more: it must not be stored.
    body.pop("writeKey", None)
    warnings: list[EventWarning] = []
    if request.may_need_cleaning:
        clean(body, warnings)
    kind = _kind(body, request)
    message_id = settle_id(body.get("messageId"), "messageId", source.no_ids, warnings)
    if message_id is None or len(message_id) > LONGEST_ID_CHARS:
        message_id = _message_id(message_id, body, new_id, source.digest)
    body["messageId"] = message_id
    if kind:
        body["type"] = kind
    settle_ids(body, source.no_ids, warnings)
    settle_names(body, kind, warnings)
    _settle_containers(body, request)
    if request.envelope and request.may_need_cleaning:
        # The id above is that of the message alone, so the envelope is cleaned after it.
        clean(body, warnings)
    chosen = _settle_time(body, request)
    warnings += chosen.warnings
    return Event(
        source=source.name,
        message_id=message_id,
        type=kind,
        user_id=body.get("userId"),
        anonymous_id=body.get("anonymousId"),
        timestamp=chosen.timestamp,
        received_at=request.received_at,
        body=body,
        traceparent=request.traceparent,
        warnings=tuple(dict.fromkeys(warnings))[:MAX_WARNINGS] if warnings else (),
    )


def _kind(body: JsonObject, request: RequestContext) -> str:
    """The message's own type, else the path's, else the source's; "" if none of them is set.

    In lower case: no sender distinguishes types by case, and customers' own functions write `Track` for `track`.
    """
    kind = body.get("type")
    if type(kind) is str and kind in KINDS:
        return kind
    named = kind.strip().lower() if isinstance(kind, str) else ""
    return named or request.dialect.type or request.source.type or ""


# The three below change the shallow copy that `_normalised` made, and never deeper levels.


def _settle_containers(body: JsonObject, request: RequestContext) -> None:
    for name in _CONTAINERS:
        held = body.get(name)
        if type(held) is list and not held:
            body[name] = {}
    if request.envelope:
        for name in _ENVELOPED:
            under = request.envelope.get(name)
            if isinstance(under, dict):
                body[name] = merged(under, body.get(name))
    if request.peer is not None and request.dialect.is_direct:
        _add_address(body, request.peer, has_origin=request.has_origin)


def _add_address(body: JsonObject, peer: str, *, has_origin: bool) -> None:
    context = {} if body.get("context") is None else body["context"]
    if not isinstance(context, dict) or "ip" in context:
        return
    if speaks_for_its_user(context, has_origin=has_origin):
        body["context"] = {**context, "ip": peer}


def _settle_time(body: JsonObject, request: RequestContext) -> ChosenTimestamp:
    if not request.dialect.is_direct:
        return choose(body, received_at=request.received_at)
    sent_by = SentBy(has_origin=request.has_origin, envelope=request.envelope)
    chosen = correct(body, sent_by, received_at=request.received_at)
    if body.get("originalTimestamp") is None and body.get("timestamp") is not None:
        body["originalTimestamp"] = body["timestamp"]
    body["timestamp"] = instant_text(chosen.timestamp)
    body["receivedAt"] = instant_text(request.received_at)
    return chosen


def _message_id(given: str | None, body: JsonObject, new_id: NewId, digest: DigestOf) -> str:
    """An id made of a given one that is too long, or of the message if none is `given`."""
    if given is not None:
        return digest(_canonical(given))
    if body.get("timestamp") is None and body.get("originalTimestamp") is None:
        # Without a timestamp, two equal messages are two events (two clicks).
        return new_id()
    return digest(_canonical({name: held for name, held in body.items() if name not in _CHANGES_PER_TRY}))


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)

"""Events as rows: what a queue stores of an event, and the keys that find it. Pure; every backend uses this module."""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

import orjson
from msgspec import Struct

from adapter.model import DELETE, Dropped, Event, EventWarning, JsonObject, Privacy, PrivateEvent
from adapter.queue.contract import Deletion
from adapter.queue.event_warnings import bounded

_US = 1_000_000


class Row(Struct, frozen=True):
    """An event ready to be stored. `lane` and `digest` are its keys; instants are microseconds since 1970.

    `body` is the message, an object. The body of a private event is a list of its privacy and the message, which no
    sender can write; its `user_id` and `anonymous_id` are keys, because the ids themselves are in the message.
    """

    source: str
    lane: int
    digest: bytes
    message_id: str
    type: str
    user_id: str | None
    anonymous_id: str | None
    timestamp_us: int
    received_us: int
    body: bytes
    traceparent: str | None = None
    dropped: Dropped | None = None
    warnings: tuple[EventWarning, ...] = ()


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return round(instant.timestamp() * _US)


def from_us(us: int) -> datetime:
    """The aware UTC datetime `us` microseconds after 1970."""
    return datetime.fromtimestamp(us / _US, UTC)


ID_BYTES = 12
"""The first bytes of a digest are of source and message id; the rest are of type and name."""
_SHORT_CHARS = 100


def digest_of(*, source: str, message_id: str, kind: str, body: JsonObject) -> bytes:
    """The identity of a message in 16 bytes: source and message id, and the type and name of `body`."""
    name = name_of(kind, body)
    is_short = len(kind) < _SHORT_CHARS and (name is None or (type(name) is str and len(name) < _SHORT_CHARS))
    tail = _short_of_usual(kind, name) if is_short else _short([kind, name])
    return plain_digest(source=source, message_id=message_id)[:ID_BYTES] + tail


def plain_digest(*, source: str, message_id: str) -> bytes:
    """The digest in tables older than version 4: of source and message id alone. The name of a source has no NUL."""
    return blake2b(f"{source}\0{message_id}".encode(), digest_size=16).digest()


def digest_of_copy(row: Row) -> bytes:
    """The digest of a copy with another body: of its own body, without what a retry changes."""
    body = orjson.loads(row.body)
    went, message = body if type(body) is list else (None, body)
    return row.digest[:ID_BYTES] + _short([went, row.type, _without_attempt(message)])


def name_of(kind: str, body: JsonObject) -> object:
    """The name of an event: its `event`, or the `name` of a page or screen; None for other types."""
    return body.get("event") if kind == "track" else body.get("name") if kind in ("page", "screen") else None


def _short(value: object) -> bytes:
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16 - ID_BYTES).digest()


@lru_cache(maxsize=1024)
def _short_of_usual(kind: str, name: str | None) -> bytes:
    """Cached: a source sends few names many times. A source can fill the cache with a few hundred KB at most."""
    return _short([kind, name])


def lane_of(event: Event, *, ordered: bool = True) -> int:
    """The lane as a signed 64-bit number: one for each user of a source; one for each event without user or order.

    Two users share a number with a probability of 2⁻⁶⁴. Then they wait for each other, and nothing else happens.
    """
    user, anonymous = event.user_id, event.anonymous_id
    if type(event) is PrivateEvent:
        user, anonymous = event.privacy.user_key, event.privacy.anonymous_key
    if not ordered or (user is None and anonymous is None):
        key = f"{event.source}\0m\0{event.message_id}"
    elif user is not None:
        key = f"{event.source}\0u\0{user}"
    else:
        key = f"{event.source}\0a\0{anonymous}"
    return _lane(key)


def lanes_of_user(source: str, user: str) -> tuple[int, ...]:
    """The lanes of `user`, as user id or anonymous id, and their parked lanes, if the source keeps the order."""
    lanes = _lane(f"{source}\0u\0{user}"), _lane(f"{source}\0a\0{user}")
    return *lanes, *map(parked_lane, lanes)


def _lane(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def parked_lane(lane: int) -> int:
    """The lane for parked events of `lane`. It differs from every lane of a user."""
    return int.from_bytes(blake2b(f"parked\0{lane}".encode(), digest_size=8).digest(), "big", signed=True)


def encode(event: Event, *, ordered: bool = True) -> Row:
    """The row of `event`. Raises TypeError if its body is not JSON, which ingest never lets through."""
    user_id, anonymous_id, body = event.user_id, event.anonymous_id, orjson.dumps(event.body)
    if type(event) is PrivateEvent:
        went = event.privacy
        user_id, anonymous_id = went.user_key, went.anonymous_key
        body = orjson.dumps([{"guards": sorted(went.guards), "hashed": sorted(went.hashed)}, event.body])
    return Row(
        source=event.source,
        lane=lane_of(event, ordered=ordered),
        digest=digest_of(source=event.source, message_id=event.message_id, kind=event.type, body=event.body),
        message_id=event.message_id,
        type=event.type,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp_us=to_us(event.timestamp),
        received_us=to_us(event.received_at),
        body=body,
        traceparent=event.traceparent,
        dropped=event.dropped,
        warnings=bounded(event.warnings) if event.warnings else (),
    )


def decode(row: Row) -> Event:
    """The event of a row that `encode` made. Raises ValueError, KeyError or TypeError if its body was damaged since."""
    body = orjson.loads(row.body)
    if type(body) is dict:
        return _event(row, body)
    return _decode_private(row, *body)


def restore(row: Row) -> tuple[Event, bool]:
    """The event of a stored row, and whether its body was damaged there; a remark then replaces the body."""
    try:
        return decode(row), False
    except (ValueError, KeyError, TypeError):
        return _event(row, {"damaged": "the stored message is damaged and cannot be read"}), True


def _event(row: Row, body: JsonObject) -> Event:
    return Event(
        source=row.source,
        message_id=row.message_id,
        type=row.type,
        user_id=row.user_id,
        anonymous_id=row.anonymous_id,
        timestamp=from_us(row.timestamp_us),
        received_at=from_us(row.received_us),
        body=body,
        traceparent=row.traceparent,
        warnings=row.warnings,
    )


def _decode_private(row: Row, went: JsonObject, body: JsonObject) -> PrivateEvent:
    return PrivateEvent(
        source=row.source,
        message_id=row.message_id,
        type=row.type,
        user_id=body.get("userId"),
        anonymous_id=body.get("anonymousId"),
        timestamp=from_us(row.timestamp_us),
        received_at=from_us(row.received_us),
        body=body,
        privacy=Privacy(
            guards=frozenset(went["guards"]),
            hashed=frozenset(went["hashed"]),
            user_key=row.user_id,
            anonymous_key=row.anonymous_id,
        ),
        traceparent=row.traceparent,
        warnings=row.warnings,
    )


def named_by(row: Row) -> str | None:
    """The user whose data `row` asks to delete; None if it is not a deletion request."""
    return (row.user_id or row.anonymous_id) if row.type == DELETE else None


def is_of_user(rejected: bytes, user: str) -> bool:
    """Whether a rejected body is of `user`, by user or anonymous id; an unreadable body, whether it contains the id."""
    try:
        message = orjson.loads(rejected)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict):
        return user in (message.get("userId"), message.get("anonymousId"))
    return orjson.dumps(user) in rejected


def is_asked(request: Deletion, *, source: str, received_at: datetime, rejected: bytes) -> bool:
    """Whether `request` deletes a rejected body: one of its source and user, received no later than the request."""
    return received_at <= request.received_at and source == request.source and is_of_user(rejected, request.user)


# What a sender's retry may change in a message without making another message: the times of each attempt, and the
# address that it came from, as the adapter, RudderStack and Jitsu write it. A phone that changes its network between
# two attempts has two addresses.
_OF_ATTEMPT = ("sentAt", "receivedAt", "timestamp", "originalTimestamp", "_metadata", "request_ip", "requestIp")


def differs(one: bytes, other: bytes) -> bool:
    """Whether two stored bodies with one message id differ in more than what a retry changes.

    False for two bodies that privacy treated differently: they cannot be compared.
    """
    if one == other:
        return False
    try:
        left, right = orjson.loads(one), orjson.loads(other)
    except orjson.JSONDecodeError:  # the stored body was damaged on the disk
        return True
    if type(left) is list and type(right) is list and left[0]["guards"] == right[0]["guards"]:
        left, right = left[1], right[1]
    if type(left) is list or type(right) is list:
        return False
    return _without_attempt(left) != _without_attempt(right)


def _without_attempt(body: JsonObject) -> JsonObject:
    """`body` without what belongs to one attempt to send it; a context of nothing else counts as none."""
    kept = {name: value for name, value in body.items() if name not in _OF_ATTEMPT}
    context = kept.get("context")
    if isinstance(context, dict):
        kept["context"] = {name: value for name, value in context.items() if name != "ip"}
    if not kept.get("context"):
        kept.pop("context", None)
    return kept

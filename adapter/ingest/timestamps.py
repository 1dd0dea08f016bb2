"""Chooses the instant at which an event happened, and corrects a sender's clock. Pure.

Never refuses a message for its timestamps: one that cannot be used is skipped for the next, with a warning.
"""

import re
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from adapter.ingest.dialect import is_on_a_phone
from adapter.ingest.validate import kind_of
from adapter.model import EventWarning, JsonObject, WarningKind
from adapter.wire.instants import is_buddhist, parse_instant

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AFTER_RECEIPT = timedelta(hours=24)

SERVER_AHEAD = timedelta(seconds=5)
SERVER_BEHIND = timedelta(hours=24)
"""How far a server's `sentAt` may be from the receipt before its clock counts as wrong.

Many SDKs for servers retry with the bytes of the first attempt (analytics-node 6, analytics-go, RudderStack's for Go,
Java, PHP, Ruby and Rust), so an old `sentAt` means an outage rather than a slow clock.
"""
_OF_PLATFORM = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
_NO_SKEW = timedelta(0)
_CORRECTION_WARNED = timedelta(seconds=60)
_MAX_SHAPE_CHARS = 40
_SHAPES = ((re.compile(r"\d"), "9"), (re.compile(r"[^\W\d_]"), "a"), (re.compile(r"[^\x20-\x7e]"), "?"))
_BUDDHIST = EventWarning(WarningKind.CLOCK, "timestamp", "corrected by 543 years: its year is of the Buddhist calendar")


class ChosenTimestamp(Struct, frozen=True):
    """When an event happened, with warnings for timestamps that could not be used or were corrected."""

    timestamp: datetime
    warnings: tuple[EventWarning, ...] = ()


class SentBy(Struct, frozen=True):
    """Whether a page in a browser sent the message, and the fields beside `batch`."""

    has_origin: bool
    envelope: JsonObject


def choose(message: JsonObject, *, received_at: datetime) -> ChosenTimestamp:
    """The first of `timestamp`, `originalTimestamp`, `sentAt`, `receivedAt` that is a date between 2000 and
    `received_at` + 24 h, unchanged; else `received_at`. For messages whose clock a platform has corrected.
    """
    value = message.get("timestamp")
    # Almost all have this form, and no year that begins so is of the Buddhist calendar.
    if type(value) is str and value[:2] == "20":
        at = parse_instant(value)
        if at is not None and EARLIEST <= at <= received_at + LATEST_AFTER_RECEIPT:
            return ChosenTimestamp(at)
    at, warnings = _first(message, _OF_PLATFORM, _NO_SKEW, received_at)
    return ChosenTimestamp(received_at if at is None else at, warnings)


def correct(message: JsonObject, sent_by: SentBy, *, received_at: datetime) -> ChosenTimestamp:
    """As `choose`, for a message straight from an SDK, whose clock is corrected by the `sentAt` of its request.

    A page and a phone are corrected as Segment does it (spec/common): `received_at` − (`sentAt` − timestamp). A clock
    may be wrong by years and the difference still right, so the range is checked of the result. A server's clock is
    corrected only if its `sentAt` is beyond `SERVER_AHEAD` or `SERVER_BEHIND`. `sentAt` is the message's, else the
    envelope's; without a readable one nothing is corrected.
    """
    sent_at, unread = _sent_at(message, sent_by.envelope)
    skew = timedelta(0) if sent_at is None else received_at - sent_at
    is_credible = -SERVER_AHEAD <= skew <= SERVER_BEHIND
    if is_credible and not sent_by.has_origin and not is_on_a_phone(message.get("context")):
        skew = timedelta(0)
    # `sentAt` corrected by itself is `received_at`.
    at, warnings = _first(message, ("timestamp", "originalTimestamp"), skew, received_at)
    if at is None:
        return ChosenTimestamp(received_at, unread + warnings)
    if abs(skew) > _CORRECTION_WARNED:
        cause = f"corrected by {skew.total_seconds():+.0f} s, the difference between `sentAt` and the time of receipt"
        warnings = (*warnings, EventWarning(WarningKind.CLOCK, "timestamp", cause))
    return ChosenTimestamp(at, unread + warnings)


def _sent_at(message: JsonObject, envelope: JsonObject) -> tuple[datetime | None, tuple[EventWarning, ...]]:
    warnings: tuple[EventWarning, ...] = ()
    for value in (message.get("sentAt"), envelope.get("sentAt")):
        if value is None:
            continue
        at = parse_instant(value)
        if at is not None:
            return at, warnings
        warnings = (EventWarning(WarningKind.TIME, "sentAt", _not_read(value)),)
    return None, warnings


def _first(
    message: JsonObject, names: tuple[str, ...], skew: timedelta, received_at: datetime
) -> tuple[datetime | None, tuple[EventWarning, ...]]:
    """The first usable instant of `message` among `names`, moved by `skew`; and a warning for each one before it."""
    warnings: tuple[EventWarning, ...] = ()
    for name in names:
        value = message.get(name)
        if value is None:
            continue
        at = parse_instant(value)
        if at is None:
            cause = _not_read(value)
        else:
            at = _moved(at, skew) if skew else at
            if EARLIEST <= at <= received_at + LATEST_AFTER_RECEIPT:
                return at, (*warnings, _BUDDHIST) if is_buddhist(value) else warnings
            cause = "before the year 2000" if at < EARLIEST else "more than 24 h after its receipt"
        warnings = (*warnings, EventWarning(WarningKind.TIME, name, cause))
    return None, warnings


def _moved(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def _not_read(value: object) -> str:
    """Why `value` is not an instant: its type and, of a text, its form with digits and letters replaced."""
    if isinstance(value, str):
        shape = value[:_MAX_SHAPE_CHARS]
        for pattern, mark in _SHAPES:
            shape = pattern.sub(mark, shape)
        return f"not a time: text of the form {shape}{'…' if len(value) > _MAX_SHAPE_CHARS else ''}"
    return f"not a time: {kind_of(value)}"

"""Reads the timestamps that senders write, and chooses the one that says when something happened. Pure.

Never refuses a message for its timestamps: one that cannot be used is passed over for the next, and counted.
The forms are those seen in Segment's and RudderStack's SDKs, docs and samples; a time without a zone is UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapter.model import JsonObject

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AFTER_RECEIPT = timedelta(hours=24)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_CHARS = 64
_MILLISECONDS_FROM = 100_000_000_000
"""Epochs from here on are milliseconds: as seconds this is the year 5138, as milliseconds 1973."""

_NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?", re.ASCII)
_LOOSE = re.compile(
    r"""(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})
    (?:[Tt\ ]\ *(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?
    \ *(?:[Zz]|UTC|GMT|(?P<sign>[+-])(?P<zone_hours>\d{2}):?(?P<zone_minutes>\d{2})?)?
    (?:\ UTC)?(?:\ m=[+-][\d.]+)?""",
    re.ASCII | re.VERBOSE,
)
"""What `fromisoformat` refuses: unpadded months, second 60, hour 24, lower-case t and z, and Go's debug form
(`2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264`, in a delete event of Segment's docs)."""


class Chosen(NamedTuple):
    """When a message happened, and how many of its timestamps could not be used."""

    timestamp: datetime
    passed_over: int


def parse(value: object) -> datetime | None:
    """The instant `value` writes, whatever its year, or None: ISO 8601 and its near misses, epoch s or ms."""
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(value)
    return None


def choose(message: JsonObject, *, received_at: datetime) -> Chosen:
    """The first of `timestamp`, `originalTimestamp`, `sentAt`, `receivedAt` that is a date between 2000 and
    `received_at` + 24 h, as it stands; else `received_at`. For messages whose clock a platform already corrected.
    """
    passed_over = 0
    for name in ("timestamp", "originalTimestamp", "sentAt", "receivedAt"):
        value = message.get(name)
        if value is None:
            continue
        at = parse(value)
        if at is not None and _is_usable(at, received_at):
            return Chosen(at, passed_over)
        passed_over += 1
    return Chosen(received_at, passed_over)


def correct(message: JsonObject, *, sent_at: object, received_at: datetime) -> Chosen:
    """As `choose`, for a message straight from an SDK: the sender's clock is corrected by what it said when sending.

    `received_at` − (`sent_at` − timestamp), as Segment does it (spec/common). A sender's clock may be years wrong and
    the difference still right, so the range is asked of the result. Without a readable `sent_at` nothing is corrected.
    """
    sent = parse(sent_at)
    passed_over = int(sent is None and sent_at is not None)
    skew = timedelta(0) if sent is None else received_at - sent
    for name in ("timestamp", "originalTimestamp"):
        value = message.get(name)
        if value is None:
            continue
        at = _shifted(parse(value), skew)
        if at is not None and _is_usable(at, received_at):
            return Chosen(at, passed_over)
        passed_over += 1
    # `sentAt`, corrected by itself, is `received_at`.
    return Chosen(received_at, passed_over)


def written(at: datetime) -> str:
    """`2026-11-23T06:35:36.528Z`: how Segment writes an instant, and Browsee's docs too."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _is_usable(at: datetime, received_at: datetime) -> bool:
    return EARLIEST <= at <= received_at + LATEST_AFTER_RECEIPT


def _shifted(at: datetime | None, by: timedelta) -> datetime | None:
    if at is None:
        return None
    try:
        return at + by
    except OverflowError:
        return None


def _parse_text(text: str) -> datetime | None:
    # Python would read the digits of an epoch as a date without dashes.
    if text[4:5] == "-":
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return _parse_loosely(text)
        return _in_utc(at)
    stripped = text.strip()[: _LONGEST_CHARS + 1]
    if _NUMBER.fullmatch(stripped) is not None:
        return _from_epoch(float(stripped))
    return _parse_loosely(stripped)


def _in_utc(at: datetime) -> datetime | None:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None


def _from_epoch(value: float) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=value if abs(value) < _MILLISECONDS_FROM else value / 1000)
    except (OverflowError, ValueError):
        # Beyond the year 9999, or not a number at all.
        return None


def _parse_loosely(text: str) -> datetime | None:
    if len(text) > _LONGEST_CHARS:
        return None
    match = _LOOSE.fullmatch(text.strip())
    if match is None:
        return None
    part = {name: int(digits) for name, digits in match.groupdict("0").items() if name not in {"sign", "fraction"}}
    offset = timedelta(hours=part["zone_hours"], minutes=part["zone_minutes"])
    within_day = timedelta(
        hours=part["hour"],
        minutes=part["minute"],
        seconds=part["second"],
        microseconds=int((match["fraction"] or "0")[:6].ljust(6, "0")),
    )
    # Hour 24 is midnight of the next day and second 60 a leap second; 25 and 61 are mistakes.
    if within_day > timedelta(days=1) or part["minute"] > 59 or part["second"] > 60:
        return None
    try:
        day = datetime(part["year"], part["month"], part["day"], tzinfo=UTC)
        return day + within_day - (-offset if match["sign"] == "-" else offset)
    except (ValueError, OverflowError):
        return None

"""Reads the instants that senders and operators write. Pure; used wherever a text or a number is a time.

A form is read if it can mean one instant only. A local form such as `9/3/2026` is never read, and a time without a zone
is UTC. The forms are those of Segment's and RudderStack's SDKs, docs and samples, and of `toString` in Go, Java,
JavaScript and Ruby.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from msgspec import to_builtins

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CHARS: Final = 100
"""JavaScript's `toString` with the long name of a zone has 80."""

_PER_SECOND: Final = (1, 1_000, 1_000_000, 1_000_000_000)
_LEAST_S: Final = 100_000_000
_MOST_S: Final = 4_102_444_800
"""Epochs are read from March 1973 to the year 2100. In these bounds the numbers of different units differ, so none has
two meanings, and neither a counter nor `20261125` or `20261125221440` is an epoch.
"""

_FIRST_BUDDHIST_YEAR: Final = 2543
_LAST_BUDDHIST_YEAR: Final = 2642
_BUDDHIST_YEARS: Final = 543
"""Phones set to the calendar of Thailand write 2569 for 2026. The two bounds are the years 2000 and 2099."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,12})?(?:[eE]\+?[0-9]{1,2})?")
_CLOCK: Final = r"""
    (?P<before>[AP]M)?\ ?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})
    (?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?)?
    \ ?(?P<after>[AP]M)?
"""
_ZONE: Final = r"""
    (?P<zone>
        (?:UTC|GMT)?(?P<sign>[+-])
        (?P<zone_hours>[0-9]{1,2}(?=:)|[0-9]{2}|(?<=[CT][+-])[0-9](?![0-9])):?(?P<zone_minutes>[0-9]{2})?
        |Z|UTC|GMT
    )?
"""
_ZERO_Z: Final = re.compile(r"(?<=[+-]00:00|.[+-]0000)Z$")
"""Python's `isoformat() + "Z"` of an aware instant."""
_UTC: Final = frozenset({" UTC", " GMT"})
_ISO: Final = re.compile(
    rf"""
    (?P<year>[0-9]{{4}})(?P<dash>[-/])(?P<month>[0-9]{{1,2}})(?P=dash)(?P<day>[0-9]{{1,2}})
    (?:[T ]\ *{_CLOCK})?
    \ *:?{_ZONE}
    (?P<label>\ [A-Z+-][A-Z0-9]{{2,5}}|\[[A-Z0-9_/+-]{{1,40}}\])?(?:\ M=[+-][0-9.]{{1,30}})?
    """,
    re.VERBOSE,
)
"""ISO 8601 and its near misses: unpadded months, second 60, hour 24, a colon before `Z` (analytics-swift 1.0), a clock
of 12 hours (iOS), `[Europe/Berlin]` (Java), and Go's `2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264`."""
_BASIC: Final = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})((?:[0-9]{2}(?:[.,][0-9]{1,12})?)?)"
    r"((?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)"
)
"""ISO 8601 without signs between."""
_NAMED: Final = re.compile(
    rf"""
    (?:[A-Z]{{3,9}},?\ )?
    (?:
        (?P<day>[0-9]{{1,2}})[ -](?P<month>[A-Z]{{3,9}})[ -]
        |(?P<month_first>[A-Z]{{3,9}})\ (?P<day_second>[0-9]{{1,2}}),?[ ]
    )
    (?P<year>[0-9]{{4}})(?:,|\ AT)?\ {_CLOCK}\ *{_ZONE}(?:\ \([^()]{{1,60}}\))?
    """,
    re.VERBOSE,
)
"""RFC 1123 (`Wed, 25 Nov 2026 22:14:40 GMT`) and JavaScript's `Date.toString`; also with the whole name of a month."""
_YEAR_LAST: Final = re.compile(
    rf"""
    (?:[A-Z]{{3}}\ )?(?P<month_first>[A-Z]{{3}})\ +(?P<day_second>[0-9]{{1,2}})\ {_CLOCK}
    (?:\ {_ZONE})?\ (?P<year>[0-9]{{4}})
    """,
    re.VERBOSE,
)
"""`Wed Nov 25 22:14:40 UTC 2026`: Java's `Date.toString`, C's `asctime`, Go's and Ruby's formats of that name."""
_DOTNET: Final = re.compile(r"/DATE\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)/")
"""Microsoft's old JSON format: milliseconds since 1970; the zone after them changes nothing."""

_MONTHS: Final = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER",
    "DECEMBER",
)  # fmt: skip
_MONTH_NUMBERS: Final = MappingProxyType(
    {written: number for number, name in enumerate(_MONTHS, 1) for written in (name, name[:3])}
)
_HALVES: Final = re.compile(
    r"(?P<am>a\.\s?m\.?|ص|ق\.ظ\.?|上午|午前|오전|π\.μ\.|ก่อนเที่ยง|पूर्वाह्न|пр\.\s?об\.|לפנה״צ|\b(?:öö|sa)(?=z?\b))"
    r"|(?P<pm>p\.\s?m\.?|م|ب\.ظ\.?|下午|午後|오후|μ\.μ\.|หลังเที่ยง|अपराह्न|сл\.\s?об\.|אחה״צ|\b(?:ös|ch)(?=z?\b))",
    re.IGNORECASE,
)
"""How phones write AM and PM in Spanish, Arabic, Persian, Chinese, Japanese, Korean, Greek, Thai, Nepali, Bulgarian,
Hebrew, Turkish and Vietnamese (CLDR, `dayPeriods`)."""
_CHARACTERS: Final = MappingProxyType({
    **dict.fromkeys(map(ord, "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")),
    ord("\u066b"): ".", ord("\u2212"): "-", ord("\u2010"): "-", ord("\u2011"): "-", ord("\u2013"): "-",
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
})  # fmt: skip
"""ASCII for characters of other scripts: full-width forms, a decimal point, dashes; direction marks are removed."""


def parse_instant(value: object) -> datetime | None:
    """The instant that `value` states, whatever its year, as an aware UTC datetime; None if it states none.

    Accepts text and numbers; the size of an epoch tells whether it is in seconds, milliseconds, microseconds or
    nanoseconds. Never raises.
    """
    if isinstance(value, str):
        # Python would read the digits of an epoch as a date without dashes.
        if value[4:5] == "-":
            try:
                at = datetime.fromisoformat(value)
            except ValueError:
                return _parse_text(value)
            if at.year < _FIRST_BUDDHIST_YEAR:
                return _in_utc(at)
        return _parse_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(value)
    return None


def instant_text(at: datetime) -> str:
    """`2026-11-23T06:35:36.528Z`, as Segment and Browsee write instants. `at` is aware."""
    # msgspec takes a fifth of the time of `isoformat`, and this is called several times for every event.
    text: str = to_builtins(at if at.tzinfo is UTC else at.astimezone(UTC))
    return f"{text[:23]}Z" if at.microsecond else f"{text[:19]}.000Z"


def is_buddhist(value: object) -> bool:
    """Whether `value`, which states an instant, has a year of the Buddhist calendar."""
    if not isinstance(value, str) or value[:2] == "20":
        return False
    # `int` reads the digits of every script.
    year = value.strip()[:4]
    return year.isdecimal() and _FIRST_BUDDHIST_YEAR <= int(year) <= _LAST_BUDDHIST_YEAR


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
    size = abs(value)
    for per_s in _PER_SECOND:
        if _LEAST_S * per_s <= size < _MOST_S * per_s:
            # Integers do not become floats, which are too coarse for current nanoseconds.
            us = value * 1_000_000 // per_s if isinstance(value, int) else value * 1_000_000 / per_s
            return _EPOCH + timedelta(microseconds=us)
    return None


def _parse_text(text: str) -> datetime | None:
    text = text.strip()
    if not text or len(text) > _MAX_CHARS:
        return None
    if not text.isascii():
        text = _in_ascii(text)
    text = _HALVES.sub(lambda found: "AM" if found["am"] else "PM", text).upper()
    if _NUMBER.fullmatch(text) is not None:
        return _from_epoch(int(text) if text.lstrip("+-").isdigit() else float(text))
    found = _ISO.fullmatch(_ZERO_Z.sub("", text))
    if found is not None:
        # Many zones share an abbreviation, so it is ignored without an offset from UTC beside it.
        is_sure = found["label"] is None or found["zone"] or found["label"] in _UTC
        return _instant(found, found["month"], found["day"]) if is_sure else None
    found = _BASIC.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, zone = found.groups()
        return parse_instant(f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{zone}")
    found = _NAMED.fullmatch(text) or _YEAR_LAST.fullmatch(text)
    if found is not None:
        parts = found.groupdict()
        month = _MONTH_NUMBERS.get(parts.get("month") or parts["month_first"])
        return None if month is None else _instant(found, month, parts.get("day") or parts["day_second"])
    found = _DOTNET.fullmatch(text)
    return None if found is None else _from_epoch(int(found[1]))


def _in_ascii(text: str) -> str:
    """`text` with the digits, spaces and signs of every script as ASCII, where ASCII has them."""
    return "".join(map(_plain, text.translate(_CHARACTERS)))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    return " " if character.isspace() else character


def _instant(found: re.Match[str], month: str | int, day: str) -> datetime | None:
    """The instant in the parts of a match. Hour 24 is midnight of the next day and second 60 a leap second."""
    hour = _hour(int(found["hour"] or 0), found["before"], found["after"])
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
    if hour is None or minute > 59 or second > 60 or hour > 24:
        return None
    within_day = timedelta(
        hours=hour, minutes=minute, seconds=second, microseconds=int((found["fraction"] or "0")[:6].ljust(6, "0"))
    )
    zone_hours, zone_minutes = int(found["zone_hours"] or 0), int(found["zone_minutes"] or 0)
    # A leap second may have a fraction; hour 24 has no minutes.
    if (hour == 24 and within_day > timedelta(days=1)) or zone_hours > 23 or zone_minutes > 59:
        return None
    offset = timedelta(hours=zone_hours, minutes=zone_minutes)
    try:
        midnight = datetime(_year(int(found["year"])), int(month), int(day), tzinfo=UTC)
        return midnight + within_day - (-offset if found["sign"] == "-" else offset)
    except (ValueError, OverflowError):
        return None


def _year(year: int) -> int:
    return year - _BUDDHIST_YEARS if _FIRST_BUDDHIST_YEAR <= year <= _LAST_BUDDHIST_YEAR else year


def _hour(hour: int, before: str | None, after: str | None) -> int | None:
    """The hour of the day; None if it contradicts AM or PM, or both are present."""
    half = before or after
    if half is None:
        return hour
    if before and after:
        return None
    if half == "AM":
        return None if hour > 12 else hour % 12
    return None if hour == 0 or hour > 23 else hour if hour >= 12 else hour + 12

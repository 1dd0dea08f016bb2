"""Dates in a mapping: written and read by a format, in a time zone, and the time between two. Pure.

Formats are those of `strftime` that mean the same in every locale; months and days are English.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import finite
from adapter.wire.instants import instant_text, parse_instant

WRITTEN: Final = "YmdHMSyjAaBbIpuVGz%"
"""Letters that `as` allows after a `%`."""
READ: Final = "YmdHMSyBbIpz%"
"""Letters that `from` allows after a `%`."""
EPOCHS: Final = {"epoch": 1, "epoch_ms": 1_000}
SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
_LETTER: Final = re.compile(r"%(.?)", re.DOTALL)
MAX_FORMAT: Final = 100
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def unknown_letter(written: str, *, allowed: str) -> str | None:
    """The first `%x` that is not one of `allowed`, or None."""
    return next((found[0] for found in _LETTER.finditer(written) if found[1] not in allowed or not found[1]), None)


_TOKENS: Final = {
    "YYYY": "%Y", "yyyy": "%Y", "YY": "%y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "DD": "%d", "dd": "%d",
    "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "dddd": "%A", "EEEE": "%A", "A": "%p", "a": "%p",
}  # fmt: skip
"""What Moment, Java and Unicode write, as letters of `strftime`."""
_TOKEN: Final = re.compile(r"[A-Za-z]+")


def from_tokens(written: str) -> str:
    """A format of Moment or Java as one of `strftime`; what is not known stays."""
    return _TOKEN.sub(lambda found: _TOKENS.get(found[0], found[0]), written)


def missing_part(written: str) -> str | None:
    """What a format for reading lacks or has twice, or None: a date needs a year, a month and a day, each once."""
    letters = [found[1] for found in _LETTER.finditer(written) if found[1] != "%"]
    twice = next((letter for letter in letters if letters.count(letter) > 1), None)
    if twice is not None:
        return f"`%{twice}` is there twice"
    needed = {"a year (%Y or %y)": "Yy", "a month (%m, %b or %B)": "mbB", "a day (%d)": "d"}
    lacking = next((part for part, known in needed.items() if not set(known) & set(letters)), None)
    return None if lacking is None else f"it has no {lacking.removeprefix('a ')}"


def reading(written: str | None, zone: tzinfo) -> Callable[[Any], datetime | None]:
    """Reads a date by the format `written`, in `zone` if the text has no zone; without a format, as ingest does."""
    if written is None:
        return parse_instant

    def read(value: Any) -> datetime | None:
        text = str(value) if type(value) is int else value
        if type(text) is not str or len(text) > MAX_FORMAT:
            return None
        try:
            found = datetime.strptime(text.strip(), written)  # noqa: DTZ007 - the next line adds the zone
        except ValueError:
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)

    return read


def writing(written: str | None, zone: tzinfo) -> Callable[[datetime], Any]:
    """Writes an instant by the format `written`: text, or a number for an epoch; without a format, as Browsee
    shows it.
    """
    if written is None:
        return lambda at: instant_text(at.astimezone(UTC))
    if written in EPOCHS:
        per_s = EPOCHS[written]
        return lambda at: int(Decimal(str(at.timestamp())) * per_s)

    def write(at: datetime) -> str:
        local = at.astimezone(zone)
        return _LETTER.sub(lambda found: _WRITERS[found[1]](local), written)

    return write


def time_between(start: datetime, end: datetime, unit: str) -> Any:
    """The time from `start` to `end`, in a unit of `SECONDS`; an integer if it is whole."""
    seconds = Decimal((end - start).days * 86_400 + (end - start).seconds) + Decimal((end - start).microseconds) / 10**6
    result = seconds / SECONDS[unit]
    return int(result) if result == result.to_integral_value() else finite(float(result))


def instant_of(value: Any) -> Any:
    """The instant of any time that ingest reads; ABSENT for other values."""
    found = parse_instant(value)
    return ABSENT if found is None else found


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda at: f"{at.year:04d}",
    "y": lambda at: f"{at.year % 100:02d}",
    "m": lambda at: f"{at.month:02d}",
    "d": lambda at: f"{at.day:02d}",
    "H": lambda at: f"{at.hour:02d}",
    "I": lambda at: f"{at.hour % 12 or 12:02d}",
    "M": lambda at: f"{at.minute:02d}",
    "S": lambda at: f"{at.second:02d}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "j": lambda at: f"{at.timetuple().tm_yday:03d}",
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "u": lambda at: str(at.isoweekday()),
    "V": lambda at: f"{at.isocalendar().week:02d}",
    "G": lambda at: f"{at.isocalendar().year:04d}",
    "z": lambda at: at.strftime("%z")[:5],
    "%": lambda _at: "%",
}
"""By letter. Not `strftime`, whose names depend on the locale and whose years before 1000 depend on the platform."""

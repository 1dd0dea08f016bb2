"""Warnings of an event as a queue stores them: a JSON list of lists, bounded in number and size. Pure."""

from collections.abc import Iterable, Sequence

import orjson

from adapter.model import MAX_WARNING_BYTES, MAX_WARNINGS, EventWarning, WarningKind

NONE = "[]"
"""The stored form of no warnings."""

_CUT = "…"


def bounded(warnings: Iterable[EventWarning], *, beside: Sequence[EventWarning] = ()) -> tuple[EventWarning, ...]:
    """The first warnings, equal ones once, up to the limit of an event less those in `beside`; long causes are cut."""
    most = max(0, MAX_WARNINGS - len(beside))
    return tuple(dict.fromkeys(map(_cut, warnings)))[:most]


def _cut(warning: EventWarning) -> EventWarning:
    cause = warning.cause.encode()
    if len(cause) <= MAX_WARNING_BYTES:
        return warning
    kept = cause[: MAX_WARNING_BYTES - len(_CUT.encode())].decode(errors="ignore")
    return EventWarning(warning.kind, warning.field, kept + _CUT, warning.rule)


def pack(warnings: Iterable[EventWarning]) -> str:
    """The stored form of warnings."""
    return orjson.dumps([[str(each.kind), each.field, each.cause, each.rule] for each in warnings]).decode()


def unpack(stored: str | None) -> tuple[EventWarning, ...]:
    """The warnings of a stored form; none if it was damaged, because warnings must not hold up their event."""
    if stored is None or stored == NONE:
        return ()
    try:
        return tuple(EventWarning(WarningKind(kind), *facts) for kind, *facts in orjson.loads(stored))
    except (ValueError, TypeError):
        return ()

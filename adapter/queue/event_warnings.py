"""Warnings of an event as a queue stores them: a JSON list of lists, bounded in number and size. Pure."""

from collections.abc import Iterable, Sequence

import orjson

from adapter.model import MAX_WARNING_BYTES, MAX_WARNINGS, EventWarning, WarningKind

NONE = "[]"
"""What is stored where there is no warning."""

_CUT = "…"


def bounded(warnings: Iterable[EventWarning], *, beside: Sequence[EventWarning] = ()) -> tuple[EventWarning, ...]:
    """The first warnings, equal ones once, as many as an event may have beside those of `beside`; causes are cut."""
    most = max(0, MAX_WARNINGS - len(beside))
    return tuple(dict.fromkeys(map(_cut, warnings)))[:most]


def _cut(warning: EventWarning) -> EventWarning:
    cause = warning.cause.encode()
    if len(cause) <= MAX_WARNING_BYTES:
        return warning
    kept = cause[: MAX_WARNING_BYTES - len(_CUT.encode())].decode(errors="ignore")
    return EventWarning(warning.kind, warning.field, kept + _CUT, warning.rule)


def pack(warnings: Iterable[EventWarning]) -> str:
    """The warnings as they are stored."""
    return orjson.dumps([[str(each.kind), each.field, each.cause, each.rule] for each in warnings]).decode()


def unpack(stored: str | None) -> tuple[EventWarning, ...]:
    """The warnings in what `pack` made; none where it was damaged since, for they must not hold up their event."""
    if stored is None or stored == NONE:
        return ()
    try:
        return tuple(EventWarning(WarningKind(kind), *facts) for kind, *facts in orjson.loads(stored))
    except (ValueError, TypeError):
        return ()

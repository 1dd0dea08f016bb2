"""Normalises what senders write in unusual forms: ids, names, U+0000, empty keys, NaN. Pure.

Each function adds what it could not use to `warnings`. They change the shallow copy of a message that they receive, and
never deeper levels, which belong to the sender.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from adapter.ingest.validate import kind_of
from adapter.model import EventWarning, JsonObject, WarningKind
from adapter.wire.ids import is_no_id, is_rounded

_IDS: Final = ("userId", "anonymousId", "groupId", "previousId")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "track": ("event",),
    "page": ("name", "category"),
    "screen": ("name", "event", "category"),
}
_FIELDS: Final = frozenset({*_IDS, "event", "name", "category", "messageId", "properties", "traits", "context"})
"""The fields that a warning of `clean` names; all others are `other`, because senders choose
names.
"""
_NO_ID: Final = "one of the texts that are not ids; left out"
_ROUNDED: Final = "a number with more digits than JSON numbers keep; left out: send the id as text"
_NUL: Final = "a text contains U+0000, which was removed"
_EMPTY_KEY: Final = "a member without a name; left out"
_NO_NUMBER: Final = "a number that JSON cannot express (NaN, an infinity or too large); null instead"
_EMPTY_KEYS: Final = re.compile(rb'""[ \t\r\n]*:')


def text_id(value: object) -> str | None:
    """An id as text: trimmed, numbers in plain digits (`42` for 42.0, never 4.2e+1); None if blank or of another
    type.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        digits = format(Decimal(repr(value)), "f")
        return digits if digits[-1].isdigit() else None
    return str(int(value))


def settle_id(value: object, name: str, no_ids: frozenset[str], warnings: list[EventWarning]) -> str | None:
    """`value` as the text of an id; None if it is not an id, with a warning unless it is null or blank."""
    if is_rounded(value):
        warnings.append(EventWarning(WarningKind.ID, name, _ROUNDED))
        return None
    text = value.strip() if type(value) is str else text_id(value)
    if not text:
        if value is not None and not isinstance(value, str):
            warnings.append(EventWarning(WarningKind.ID, name, f"{kind_of(value)} is not an id; left out"))
        return None
    if is_no_id(text, no_ids):
        warnings.append(EventWarning(WarningKind.ID, name, _NO_ID))
        return None
    return text


def settle_ids(body: JsonObject, no_ids: frozenset[str], warnings: list[EventWarning]) -> None:
    """Convert every id to text, and remove values that are not ids."""
    for name in _IDS:
        if name not in body:
            continue
        settled = settle_id(body[name], name, no_ids, warnings)
        if settled is None:
            del body[name]
        else:
            body[name] = settled


def settle_names(body: JsonObject, kind: str, warnings: list[EventWarning]) -> None:
    """Convert a name that is a number to text; remove one of any other type if the message needs no name."""
    for name in _NAMES.get(kind, ()):
        value = body.get(name)
        if value is None or isinstance(value, str):
            continue
        text = text_id(value)
        if text is not None:
            body[name] = text
        elif kind != "track":
            del body[name]
            warnings.append(EventWarning(WarningKind.LEFT_OUT, name, f"{kind_of(value)} is not a name; left out"))


def may_need_cleaning(plain: bytes) -> bool:
    """Whether a body may contain what `clean` removes; False for almost all, at the cost of one search in its bytes."""
    if plain[:1] not in {b"{", b"["} and plain.lstrip()[:1] not in {b"{", b"["}:
        return True
    # A search for one byte is far faster than for several, and most bodies have no escapes.
    if b"\0" in plain or (b"\\" in plain and b"\\u0000" in plain):
        return True
    return _EMPTY_KEYS.search(plain) is not None


def clean(body: JsonObject, warnings: list[EventWarning]) -> None:
    """Remove U+0000 from every text and key, members with an empty key, and numbers that are not finite.

    PostgreSQL, for example, refuses U+0000 in a text. A body that is nested too deep to walk is left unchanged.
    """
    for name, value in list(body.items()):
        found: set[str] = set()
        try:
            cleaned = _clean(value, found)
        except RecursionError:
            continue
        key = name.replace("\0", "")
        if not name:
            found.add(_EMPTY_KEY)
        elif key != name:
            found.add(_NUL)
        if not found:
            continue
        field = key if key in _FIELDS else "other"
        warnings.extend(EventWarning(WarningKind.LEFT_OUT, field, cause) for cause in sorted(found))
        if key and key == name:
            body[name] = cleaned
            continue
        del body[name]
        if key:
            # A key that was sent without U+0000 is not replaced by a cleaned one.
            body.setdefault(key, cleaned)


def _clean(value: Any, found: set[str]) -> Any:
    """`value` without what `clean` removes, itself if there is nothing to remove; `found` gets the causes."""
    if type(value) is str:
        if "\0" not in value:
            return value
        found.add(_NUL)
        return value.replace("\0", "")
    if type(value) is float and not math.isfinite(value):
        found.add(_NO_NUMBER)
        return None
    if type(value) is list:
        members = [_clean(member, found) for member in value]
        return members if found else value
    if type(value) is not dict:
        return value
    cleaned = {}
    for name, member in value.items():
        key = name.replace("\0", "")
        if key != name:
            found.add(_NUL)
        elif not key:
            found.add(_EMPTY_KEY)
        # A key that was sent without U+0000 is not replaced by a cleaned one.
        if key and (key == name or key not in value):
            cleaned[key] = _clean(member, found)
    return cleaned if found else value

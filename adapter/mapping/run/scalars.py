"""Conversions of scalars: text as a number, a number as text. Nothing is guessed, and nothing raises.

A value that cannot be read is ABSENT. Numbers print as in JavaScript, because users see them that way elsewhere.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from adapter.mapping.run.absent import ABSENT
from adapter.wire.ids import is_rounded
from adapter.wire.instants import instant_text, parse_instant

_NUMERALS = "0123456789+-.eE \t\r\n"
_TRUE = frozenset({"true", "yes", "1", "on"})
_FALSE = frozenset({"false", "no", "0", "off"})
_LARGEST = 2**63 - 1
"""The largest integer that every JSON writer on the way accepts; larger ones become floats, as in JavaScript."""
_EXACT = 2**53
"""Below this number a float has the digits of an integer."""


def number_text(value: float) -> str:
    """A number as JavaScript prints it: `5` for 5.0, `1e-7`, `1e+21`; whole numbers in full."""
    if type(value) is int:
        return str(value)
    if value == 0:
        return "0"
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    if e and not -6 <= int(exponent) < 21:
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    return format(Decimal(text), "f").removesuffix(".0")


def text_of(value: Any) -> Any:
    """Text, numbers and booleans as text; ABSENT for other values."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return _digits(value)
    return ABSENT


def _digits(value: float) -> Any:
    try:
        return number_text(value)
    except ValueError:  # thousands of digits, which Python does not print
        return ABSENT


def id_text(value: Any) -> str | None:
    """An id: text that is not blank, or a number as text if every digit is known; None for other values, never `{}` or
    `true`.
    """
    text = ABSENT if type(value) is bool or is_rounded(value) else text_of(value)
    return text.strip() or None if type(text) is str else None


def finite(value: float) -> Any:
    """A result of arithmetic that JSON can express, or ABSENT."""
    if type(value) is int:
        if -_LARGEST <= value <= _LARGEST:
            return value
        try:
            return float(value)
        except OverflowError:
            return ABSENT
    # JavaScript writes -0 as 0, and so does every reader.
    return value + 0.0 if math.isfinite(value) else ABSENT


def is_number(value: Any) -> bool:
    """A finite number; not a boolean."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def number_of(value: Any) -> Any:
    """A number, or the number that a text is; not `$5`, `1,299` or a boolean."""
    if type(value) is float:
        return value + 0.0 if math.isfinite(value) else ABSENT
    if type(value) is int:
        return value if -_LARGEST <= value <= _LARGEST else finite(value)
    if type(value) is not str:
        return ABSENT
    # Only these characters, because float() would also read `nan`, `1_0` and digits of other scripts.
    if value.strip(_NUMERALS):
        return ABSENT
    try:
        number = float(value)
        # Too many digits are infinite as a float; int() would raise or be slow.
        is_whole = "." not in value and "e" not in value.lower() and math.isfinite(number)
        return finite(int(value) if is_whole else number)
    except ValueError:
        return ABSENT


def integer_of(value: Any) -> Any:
    """An integer: 5, 5.0 and `5` are 5; ABSENT for 5.7, because nothing is rounded silently."""
    number = number_of(value)
    if type(number) is int:
        return number
    if number is ABSENT or number != int(number):
        return ABSENT
    whole = int(number)
    return whole if -_LARGEST <= whole <= _LARGEST else ABSENT


def boolean_of(value: Any) -> Any:
    """true or false, and the words and numbers that forms send for them."""
    if value is True or value is False:
        return value
    word = text_of(value)
    if word is ABSENT:
        return ABSENT
    word = word.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else ABSENT


def date_of(value: Any) -> Any:
    """`YYYY-MM-DDThh:mm:ss.mmmZ` of any time that ingest reads; see `parse_instant`."""
    instant = parse_instant(value)
    return ABSENT if instant is None else instant_text(instant)


def json_of(value: Any) -> Any:
    """Compact JSON text of any value; ABSENT for one that is nested deeper than a JSON writer allows."""
    try:
        written = orjson.dumps(value)
        # orjson writes every float that `_whole` changes with these two characters, and most values have none.
        if b".0" in written:
            written = orjson.dumps(_whole(value))
        return written.decode()
    except (TypeError, RecursionError):
        return ABSENT


def _whole(value: Any) -> Any:
    """`value` with 5 for 5.0, as JavaScript writes it."""
    kind = type(value)
    if kind is float:
        return int(value) if value == value // 1 and abs(value) < _EXACT else value
    if kind is dict:
        return {key: _whole(member) for key, member in value.items()}
    return [_whole(member) for member in value] if kind is list else value


def parsed_json(value: Any) -> Any:
    """The value of a JSON text; ABSENT if it is not JSON."""
    if type(value) is not str:
        return ABSENT
    try:
        parsed = orjson.loads(value)
    except ValueError:
        return ABSENT
    # A message has no such depth; comparing or writing the value has limits of its own.
    is_deep = value.count("[") + value.count("{") > MAX_PARSED_DEPTH and _depth(parsed) > MAX_PARSED_DEPTH
    return ABSENT if is_deep else parsed


MAX_PARSED_DEPTH = 200


def _depth(value: Any) -> int:
    """The depth of nested lists and objects."""
    depth, level = 0, [value]
    while level := [member for each in level for member in _members(each)]:
        depth += 1
    return depth


def _members(value: Any) -> Iterable[Any]:
    return value if type(value) is list else value.values() if type(value) is dict else ()


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: 5 and 5.0 are equal; 5 and "5", 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)

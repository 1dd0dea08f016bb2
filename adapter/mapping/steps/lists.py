"""The steps that read lists and numbers. Pure functions; ABSENT where they cannot do their work, and nothing raises.

A single value counts as a list of one. Nulls in a list are nothing to offer and are passed over.
"""

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from adapter.mapping.absent import ABSENT
from adapter.mapping.scalars import finite, is_number, json_of


def members_of(value: Any) -> list[Any]:
    """The members of a list but for nulls; a single value is a list of one."""
    return [member for member in value if member is not None] if type(value) is list else [value]


def total(value: Any) -> Any:
    """The sum; 0 for an empty list, ABSENT if a member is no number."""
    numbers = members_of(value)
    kinds = set(map(type, numbers))
    if not kinds <= {int, float}:
        return ABSENT
    if float not in kinds:
        return finite(sum(numbers))
    try:
        return finite(math.fsum(numbers))
    except (OverflowError, ValueError):
        return ABSENT


def count(value: Any) -> int:
    """How many members."""
    return len(members_of(value))


def first(value: Any) -> Any:
    """The first member; ABSENT if there is none."""
    return next(iter(members_of(value)), ABSENT)


def last(value: Any) -> Any:
    """The last member; ABSENT if there is none."""
    return next(reversed(members_of(value)), ABSENT)


def unique(value: Any) -> list[Any]:
    """Each member once, where it first occurs; equal is what JSON calls equal."""
    seen: set[Any] = set()
    kept: list[Any] = []
    for member in members_of(value):
        mark = (type(member) in {int, float}, json_of(member))
        if mark not in seen:
            seen.add(mark)
            kept.append(member)
    return kept


def smallest(value: Any) -> Any:
    """The smallest of a list of numbers."""
    numbers = members_of(value)
    return min(numbers) if numbers and all(map(is_number, numbers)) else ABSENT


def greatest(value: Any) -> Any:
    """The greatest of a list of numbers."""
    numbers = members_of(value)
    return max(numbers) if numbers and all(map(is_number, numbers)) else ABSENT


def rounded(value: Any, digits: int) -> Any:
    """Halves away from zero, as people round. Works on the decimal digits that are printed, not on the binary ones."""
    if type(value) is int:
        return value
    if not is_number(value):
        return ABSENT
    if abs(value) >= 1e15:
        return finite(int(value)) if digits == 0 else value
    decimals = repr(value).partition(".")[2]
    if digits and len(decimals) <= digits and "e" not in decimals:
        return value
    result = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return int(result) if digits == 0 else float(result)


def product(value: Any, other: Any) -> Any:
    """Both multiplied; ABSENT if one is no number."""
    return _computed(value, other, multiply=True)


def added(value: Any, other: Any) -> Any:
    """Both added; ABSENT if one is no number."""
    return _computed(value, other, multiply=False)


def _computed(value: Any, other: Any, *, multiply: bool) -> Any:
    if not is_number(value) or not is_number(other):
        return ABSENT
    try:
        return finite(value * other if multiply else value + other)
    except OverflowError:  # a whole number too large to become a float
        return ABSENT

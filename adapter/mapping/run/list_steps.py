"""The steps on lists and numbers. Pure functions; ABSENT if they cannot be applied; nothing raises.

Numbers are computed as decimals of their printed digits: 0.1 + 0.2 is 0.3. Lists are passed as their members without
nulls; `adapter.mapping.run.listing` defines what counts as a list.
"""

import math
import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import finite, is_number, json_of, text_of


def total(members: list[Any]) -> Any:
    """The sum; ABSENT if there is nothing to sum, or a member is not a number."""
    kinds = set(map(type, members))
    if not kinds or not kinds <= {int, float}:
        return ABSENT
    if float not in kinds:
        return finite(sum(members))
    if not all(map(is_number, members)):
        return ABSENT
    if min(members) >= 0 and max(members) < _LARGE and _is_short(near := math.fsum(members)):
        return near
    return _number(sum(map(_decimal, members), Decimal(0)))


def count(members: list[Any]) -> int:
    """The number of members."""
    return len(members)


def first(members: list[Any]) -> Any:
    """The first member; ABSENT if there is none."""
    return members[0] if members else ABSENT


def last(members: list[Any]) -> Any:
    """The last member; ABSENT if there is none."""
    return members[-1] if members else ABSENT


def unique(members: list[Any]) -> list[Any]:
    """Each member once, at its first position; equal as JSON defines it."""
    seen: set[Any] = set()
    kept: list[Any] = []
    for member in members:
        mark = (type(member) in {int, float}, json_of(member))
        if mark not in seen:
            seen.add(mark)
            kept.append(member)
    return kept


def smallest(members: list[Any]) -> Any:
    """The smallest of a list of numbers."""
    return min(members) if members and all(map(is_number, members)) else ABSENT


def greatest(members: list[Any]) -> Any:
    """The greatest of a list of numbers."""
    return max(members) if members and all(map(is_number, members)) else ABSENT


MAX_SORTED: Final = 1_000
"""The most members of a list that is sorted."""


def ordered(members: list[Any], marks: list[Any], *, down: bool) -> Any:
    """`members` in the order of their `marks`: numbers, then texts, then all others unchanged; stable.

    ABSENT for more than `MAX_SORTED`.
    """
    if len(members) > MAX_SORTED:
        return ABSENT
    ranked = [(0 if is_number(mark) else 1 if type(mark) is str else 2, mark) for mark in marks]
    numbers, texts, others = ([place for place, (rank, _) in enumerate(ranked) if rank == kind] for kind in (0, 1, 2))
    for places in (numbers, texts):
        places.sort(key=marks.__getitem__, reverse=down)
    return [members[place] for place in (*numbers, *texts, *others)]


def names_of(fields: Any) -> Any:
    """The names of an object's members that are neither null nor false; ABSENT for other values."""
    if type(fields) is not dict:
        return ABSENT
    return [name for name, value in fields.items() if value is not None and value is not False]


def member_of(value: Any, name: Any) -> Any:
    """The member of an object called `name`, or of a list at position `name`, -1 the last; ABSENT if there is none."""
    if type(value) is dict:
        key = name if type(name) is str else text_of(name)
        return value.get(key, ABSENT) if key is not ABSENT else ABSENT
    if type(value) is list and type(name) is int and -len(value) <= name < len(value):
        return value[name]
    return ABSENT


def rounding(digits: int) -> Callable[[Any], Any]:
    """Rounds halves away from zero, as people do, on the printed decimal digits rather than the binary ones."""

    def rounded(value: Any) -> Any:
        if type(value) is int:
            return value
        if type(value) is not float or not math.isfinite(value):
            return ABSENT
        if abs(value) >= 1e15:
            return finite(int(value)) if digits == 0 else value
        text = repr(value)
        # A number that is printed with so few digits is rounded already.
        if digits and text.rfind(".") >= len(text) - 1 - digits and "e" not in text:
            return value + 0.0
        result = Decimal(text).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        return int(result) if digits == 0 else float(result) + 0.0

    return rounded


def product(value: Any, other: Any) -> Any:
    """The product; ABSENT if one is not a number."""
    if type(value) is float and is_number(other) and abs(other) < _LARGE and _is_short(near := value * other):
        return near + 0.0
    return _computed(value, other, operator.mul, _EXACT.multiply)


def added(value: Any, other: Any) -> Any:
    """The sum; ABSENT if one is not a number."""
    if (
        type(value) is float
        and value >= 0
        and is_number(other)
        and 0 <= other < _LARGE
        and _is_short(near := value + other)
    ):
        return near
    return _computed(value, other, operator.add, _EXACT.add)


def difference(value: Any, other: Any) -> Any:
    """The first minus the second; ABSENT if one is not a number."""
    return _computed(value, other, operator.sub, _EXACT.subtract)


def quotient(value: Any, other: Any) -> Any:
    """The first divided by the second, an integer if it is whole; ABSENT if one is not a number, or the second is 0."""
    if not is_number(value) or not is_number(other) or other == 0:
        return ABSENT
    result = _EXACT.divide(_decimal(value), _decimal(other))
    is_whole = result.is_finite() and result == result.to_integral_value() and abs(result) < 2**53
    return int(result) if is_whole else _number(result)


def _computed(
    value: Any, other: Any, exact: Callable[[int, int], int], decimal: Callable[[Decimal, Decimal], Decimal]
) -> Any:
    if not is_number(value) or not is_number(other):
        return ABSENT
    if type(value) is int and type(other) is int:
        return finite(exact(value, other))
    return _number(decimal(_decimal(value), _decimal(other)))


_EXACT = Context(prec=40, Emax=999_999, Emin=-999_999, traps=[])
"""Enough digits for the product of two floats; nothing raises, too large results become infinite."""


def _is_short(result: float) -> bool:
    """Whether the result of float arithmetic is the decimal one.

    Without cancellation it is within 4.4e-16 of that, relatively: three roundings of 2**-53 and that of its digits. Two
    numbers of 15 digits differ by at least 1e-15, so a result that prints with no more digits is right. Other results
    are computed again in decimals.
    """
    text = repr(result)
    return len(text) <= _SHORT and "e" not in text and text[0] in _DIGITS


_LARGE: Final = 1e15
"""Beyond this an integer may not be a float."""
_SHORT: Final = 16
"""A point and 15 digits."""
_DIGITS: Final = frozenset("-0123456789")


def _decimal(value: float) -> Decimal:
    """The printed number: 0.1 is one tenth, and not the binary number next to it."""
    return Decimal(value) if type(value) is int else Decimal(repr(value))


def _number(result: Decimal) -> Any:
    try:
        return finite(float(result))
    except (OverflowError, ValueError):
        return ABSENT

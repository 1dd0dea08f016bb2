"""Lists as senders write them: one way to read them for `each`, for paths with `[…]` and for every step on lists.

Forms and warehouses send lists as JSON text, and PHP as objects with the keys 0, 1, 2.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import parsed_json
from adapter.model import EventWarning, WarningKind

FROM_TEXT: Final = "the JSON text of a list was read as that list"
FROM_KEYS: Final = "an object with the keys 0, 1, 2 … was read as a list"

ReadMembers: TypeAlias = Callable[[Any, list[EventWarning]], list[Any] | None]
"""The members of a value; None if it is not a list. Peculiarities are added to the warnings."""


def read_list(value: Any) -> tuple[list[Any] | None, str]:
    """The members of a value, or None if it is not a list, and what was odd about it.

    A single object is a list of one, an empty one an empty list. An absent or null value is not a list, and not odd.
    """
    if type(value) is list:
        return value, ""
    if type(value) is dict:
        if "0" in value and all(str(number) in value for number in range(len(value))):
            return [value[str(number)] for number in range(len(value))], FROM_KEYS
        return ([value] if value else []), ""
    if value is None or value is ABSENT:
        return None, ""
    if type(value) is str and value.lstrip()[:1] == "[":
        members = parsed_json(value)
        if type(members) is list:
            return members, FROM_TEXT
    return None, f"{shape_of(value)} is not a list"


def members_reader(field: str, *, rule: str | None) -> ReadMembers:
    """The reader of the list at `field` for a rule; without a rule there are no warnings."""

    def members(value: Any, warnings: list[EventWarning]) -> list[Any] | None:
        if type(value) is list:
            return value
        found, odd = read_list(value)
        if odd and rule is not None:
            warnings.append(EventWarning(WarningKind.LIST, field, odd, rule))
        return found

    return members


_KINDS: Final = {bool: "true or false", int: "a number", float: "a number", type(None): "null"}
_SIGNS: Final = {",": "a comma", "%": "a percent sign"}
_LOOKED_AT: Final = 100
"""Characters of a text that are read to describe it."""


def shape_of(value: Any) -> str:
    """A description of a value by type and form, without quoting it."""
    if type(value) is str:
        return _shape_of_text(value)
    if type(value) in {list, dict}:
        kind = "list" if type(value) is list else "object"
        return f"{'a' if kind == 'list' else 'an'} {kind}" if value else f"an empty {kind}"
    return _KINDS.get(type(value), "nothing")


def _shape_of_text(text: str) -> str:
    if not text.strip():
        return "an empty text"
    begin = text[:_LOOKED_AT]
    signs = [name for sign, name in _SIGNS.items() if sign in begin]
    if any(unicodedata.category(character) == "Sc" for character in begin):
        signs.append("a currency sign")
    if not signs and any(map(str.isalpha, begin)):
        signs.append("letters")
    return f"a text with {signs[0]}" if signs else "a text"

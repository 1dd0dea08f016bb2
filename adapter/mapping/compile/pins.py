"""What of a condition dispatch can answer by look-ups: the types and event names that it pins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pinned:
    """The texts that `type` and `event` have to be for a condition to hold; None where it does not say.

    `whole`: the condition asks for nothing else, so every event of these types and names passes.
    """

    types: frozenset[str] | None
    events: frozenset[str] | None
    whole: bool


def pinned_by(condition: Any, tables: Mapping[str, Any]) -> Pinned:
    """What a condition, as it stands in the file, pins."""
    lines = condition if type(condition) is dict else {}
    types, events = (_texts(lines[word], tables) if word in lines else None for word in ("type", "event"))
    answered = (types is not None) + (events is not None)
    return Pinned(types, events, whole=type(condition) is dict and answered == len(lines))


def _texts(check: Any, tables: Mapping[str, Any]) -> frozenset[str] | None:
    if type(check) is dict and len(check) == 1:
        (word, setting) = next(iter(check.items()))
        if word == "in" and type(setting) is str:
            return frozenset(tables.get(setting, ()))
        check = setting if word == "in" or (word == "is" and type(setting) is str) else None
    if type(check) is str:
        return frozenset({check})
    if type(check) is list and check and all(type(member) is str for member in check):
        return frozenset(check)
    return None

"""The parts of a condition that dispatch can evaluate by look-ups: the types and event names that it pins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.mapping.run.affixes import Affix, affix_of


@dataclass(frozen=True, slots=True)
class Pinned:
    """The texts that `type` and `event` must be for a condition to hold; None if the condition does not say.

    `affixes`: `event` must be a text with one of these; None for any text. `whole`: the condition is about nothing but
    `types` and `events`, so every event of these types and names passes.
    """

    types: frozenset[str] | None
    events: frozenset[str] | None
    affixes: frozenset[Affix] | None
    whole: bool


def pinned_by(condition: Any, tables: Mapping[str, Any]) -> Pinned:
    """The pins of a condition, as written in the file."""
    lines = condition if type(condition) is dict else {}
    types, events = (_texts(lines[word], tables) if word in lines else None for word in ("type", "event"))
    answered = (types is not None) + (events is not None)
    affixes = _affixes(lines.get("event"))
    return Pinned(types, events, affixes, whole=type(condition) is dict and answered == len(lines))


def _affixes(check: Any) -> frozenset[Affix] | None:
    """One for each glob of `like`; None if one of them has none, or if case is ignored."""
    if type(check) is not dict or "like" not in check or check.get("ignore_case") not in (None, False):
        return None
    globs = check["like"] if type(check["like"]) is list else [check["like"]]
    affixes = [affix_of(glob) if type(glob) is str else None for glob in globs]
    return frozenset(affix for affix in affixes if affix is not None) if all(affixes) else None


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


def share_a_type(one: Pinned, other: Pinned) -> bool:
    """Whether an event may pass both, as far as its type shows."""
    return one.types is None or other.types is None or bool(one.types & other.types)


def covers(wide: Pinned, narrow: Pinned) -> bool:
    """Whether `wide` matches everything that `narrow` matches."""
    types = wide.types is None or (narrow.types is not None and narrow.types <= wide.types)
    events = wide.events is None or (narrow.events is not None and narrow.events <= wide.events)
    return types and events


def taken_by(earlier: Sequence[tuple[int, Pinned]], taker: int) -> str:
    """The events that the rule with the number `taker` matches, in words."""
    pinned = next(pinned for number, pinned in earlier if number == taker)
    if pinned.types is None and pinned.events is None:
        return "every event"
    kinds = f" {', '.join(sorted(pinned.types))}" if pinned.types is not None else ""
    return f"every{kinds} event" + ("" if pinned.events is None else " of these names")

"""Beginnings and ends of names: finds the few of many `like` rules that could match a name, by look-ups. Pure.

Every glob with a fixed beginning or end is indexed by the longer of the two. A name is cut to each length that occurs
and looked up, so a thousand rules for a thousand beginnings cost what ten cost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Affix:
    """A text that a name begins with or, with `at_end`, ends with; never empty."""

    text: str
    at_end: bool


class AffixIndex(Generic[T]):
    """Items indexed by their affixes."""

    def __init__(self, filed: Iterable[tuple[Affix, T]]) -> None:
        beginnings: dict[str, list[T]] = {}
        ends: dict[str, list[T]] = {}
        for affix, item in filed:
            (ends if affix.at_end else beginnings).setdefault(affix.text, []).append(item)
        self._beginnings, self._beginning_lengths = beginnings, _lengths(beginnings)
        self._ends, self._end_lengths = ends, _lengths(ends)

    def of(self, name: str) -> list[T]:
        """The items of a beginning or an end of this name; an item with two of them comes twice."""
        found: list[T] = []
        for length in self._beginning_lengths:
            if length > len(name):
                break
            found += self._beginnings.get(name[:length], ())
        for length in self._end_lengths:
            if length > len(name):
                break
            found += self._ends.get(name[-length:], ())
        return found


def affix_of(glob: str) -> Affix | None:
    """The longer of a glob's fixed beginning and end; None if it has neither."""
    beginning = _until_wildcard(glob)
    end = _until_wildcard(glob[::-1])[::-1]
    if not beginning and not end:
        return None
    return Affix(end, at_end=True) if len(end) > len(beginning) else Affix(beginning, at_end=False)


def _until_wildcard(text: str) -> str:
    return text[: min((place for place in map(text.find, "*?") if place >= 0), default=len(text))]


def _lengths(texts: Mapping[str, object]) -> Sequence[int]:
    return sorted({len(text) for text in texts})

"""Flat values: what becomes of lists and objects in the finished fields of a call, and the warnings about them.

Browsee documents flat values only, and one list: `$tags`, the labels of a user.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.guard_walk import shown
from adapter.mapping.run.listing import read_list, shape_of
from adapter.mapping.run.scalars import json_of, text_of
from adapter.mapping.run.shaping import TAGS
from adapter.mapping.run.text_steps import MAX_TEXT
from adapter.model import EventWarning, JsonObject, WarningKind

NOT_FLAT: Final = "Browsee documents flat values only"
NESTED: Final = frozenset({dict, list})


@dataclass(frozen=True, slots=True)
class Flatness:
    """What a call allows of nested fields. `word` is `properties` or `traits`; `drops_empty`: empty lists and objects
    are left out.
    """

    word: str
    rule: str
    lists_as_text: bool
    drops_empty: bool

    def settle(self, fields: JsonObject, warnings: list[EventWarning]) -> JsonObject:
        """The fields as they are sent, in a new object, unless they are flat already."""
        has_tags = self.word == "traits"
        settled: JsonObject = {}
        for name, value in fields.items():
            if has_tags and name == TAGS:
                sent = self._tags(value, warnings)
            elif type(value) in NESTED:
                sent = self._nested(name, value, warnings)
            else:
                sent = value
            if sent is not ABSENT:
                settled[name] = sent
        return settled

    def _nested(self, name: str, value: Any, warnings: list[EventWarning]) -> Any:
        if not value and self.drops_empty:
            return ABSENT
        if type(value) is list and self.lists_as_text:
            text = list_text(value)
            if text is None:
                warnings.append(
                    self._warned(WarningKind.NOT_FLAT, name, "the list is too long or too deep for a text; left out")
                )
            return text or ABSENT
        warnings.append(self._warned(WarningKind.NOT_FLAT, name, f"{shape_of(value)}; {NOT_FLAT}"))
        return value

    def _tags(self, value: Any, warnings: list[EventWarning]) -> Any:
        """A list of texts: a text becomes a list of one, nulls are left out, other scalars become text."""
        if value is None:
            return None
        members, odd = read_list(value)
        if members is None:
            members, odd = [value], ""
        texts = [text for member in members if member is not None and (text := text_of(member)) is not ABSENT]
        if odd:
            warnings.append(self._warned(WarningKind.LIST, TAGS, odd))
        if len(texts) < sum(member is not None for member in members):
            warnings.append(self._warned(WarningKind.LEFT_OUT, TAGS, "members that are not texts"))
            return texts or ABSENT
        return texts

    def _warned(self, kind: WarningKind, name: str, cause: str) -> EventWarning:
        field = _known_field(self.word, name) if len(name) <= _MAX_KNOWN else _field(self.word, name)
        return EventWarning(kind, field, cause, self.rule)


def _field(word: str, name: str) -> str:
    return shown(((None, word), name))


_known_field: Final = lru_cache(1_024)(_field)
"""Cached, because names recur: a list in an order is in every order."""
_MAX_KNOWN: Final = 100
"""A longer name rarely recurs, and would take memory."""


def list_text(members: list[Any]) -> str | None:
    """Scalars joined by `, `, nulls left out; a list of other values as JSON text; None if that is too long."""
    texts = [text_of(member) for member in members if member is not None]
    text = json_of(members) if ABSENT in texts else ", ".join(texts)
    return text if text is not ABSENT and len(text) <= MAX_TEXT else None

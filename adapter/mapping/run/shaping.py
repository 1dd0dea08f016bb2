"""Shapes an object's fields: keeps some, leaves some out, flattens, renames. Returns new objects, changes none.

Names are globs; `a.b` reaches inside objects and into every member of lists, and an object that becomes empty is
removed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.pattern import glob_pattern
from adapter.model import JsonObject

MAX_DEPTH: Final = 60
"""Levels of nesting that are walked; deeper values stay unchanged, or are removed as a whole if they must not stay."""

_NAMES_KEPT: Final = 1_024
"""New names that are cached for one renaming."""
_MAX_KNOWN: Final = 100
"""A longer name rarely recurs, and would take memory."""
TAGS: Final = "$tags"
"""The one field that Browsee documents as a list: no glob and no spelling changes its name."""

ShapeObject: TypeAlias = Callable[[JsonObject], JsonObject]
Reaching: TypeAlias = tuple[Callable[[str], bool], ...]
"""A glob, level by level: whether a name matches."""

_LEVEL: Final = re.compile(r'"([^"]*)"|([^."]+)')


def parse_glob(text: str) -> Reaching | None:
    """The levels of a glob, separated by dots, `"a.b"` for a name with a dot; None if it is invalid."""
    levels: list[Callable[[str], bool]] = []
    place = 0
    while place <= len(text):
        match = _LEVEL.match(text, place)
        if match is None or len(levels) == MAX_DEPTH or text[match.end() : match.end() + 1] not in {"", "."}:
            return None
        levels.append(_fits(match[1], plain=True) if match[1] is not None else _fits(match[2], plain=False))
        place = match.end() + 1
    return tuple(levels)


def _fits(text: str, *, plain: bool) -> Callable[[str], bool]:
    if plain or not re.search(r"[*?]", text):
        return text.__eq__
    fullmatch = glob_pattern(text).fullmatch
    return lambda name: fullmatch(name) is not None


def _is_plain(text: str) -> bool:
    return not re.search(r'[*?."]', text)


def keeping(globs: Sequence[str]) -> ShapeObject:
    """Only the fields that one of `globs` names."""
    if all(map(_is_plain, globs)):
        names = tuple(dict.fromkeys(globs))
        return lambda fields: {name: fields[name] for name in names if name in fields}
    reaching = _parsed(globs)
    return lambda fields: _kept(fields, reaching)


def dropping(globs: Sequence[str]) -> ShapeObject:
    """All fields except those that one of `globs` names."""
    if all(map(_is_plain, globs)):
        names = frozenset(globs)
        return lambda fields: _without(fields, names)
    reaching = _parsed(globs)
    return lambda fields: _left(fields, reaching)


def _without(fields: JsonObject, names: frozenset[str]) -> JsonObject:
    rest = fields.copy()
    for name in names:
        rest.pop(name, None)
    return rest


def _parsed(globs: Sequence[str]) -> Sequence[Reaching]:
    return [levels for glob in globs if (levels := parse_glob(glob)) is not None]


def _tails(name: str, reaching: Sequence[Reaching]) -> Sequence[Reaching]:
    """The rest of each glob whose first level matches `name`."""
    return [levels[1:] for levels in reaching if levels[0](name)]


def _kept(fields: JsonObject, reaching: Sequence[Reaching]) -> JsonObject:
    kept: JsonObject = {}
    for name, value in fields.items():
        tails = _tails(name, reaching)
        if () in tails:
            kept[name] = value
        elif tails and (inside := _inside(value, partial(_kept, reaching=tails), scalars=False)):
            kept[name] = inside
    return kept


def _left(fields: JsonObject, reaching: Sequence[Reaching]) -> JsonObject:
    left: JsonObject = {}
    for name, value in fields.items():
        tails = _tails(name, reaching)
        if () in tails:
            continue
        inside = _inside(value, partial(_left, reaching=tails), scalars=True) if tails else value
        # Only an object that became empty is removed; one that was sent empty stays.
        if inside or not value or type(value) not in {dict, list}:
            left[name] = inside
    return left


def _inside(value: Any, shape: ShapeObject, *, scalars: bool) -> Any:
    """`shape` applied to an object, or to every object of a list; other values stay if `scalars`, else they are
    removed.
    """
    if type(value) is dict:
        return shape(value)
    if type(value) is not list:
        return value if scalars else None
    shaped = [(member, shape(member) if type(member) is dict else member) for member in value]
    return [new for old, new in shaped if (new or not old if type(old) is dict else scalars)]


def flattened(fields: JsonObject, separator: str, *, whole: frozenset[str] = frozenset()) -> tuple[JsonObject, bool]:
    """Nested objects as `a_b`, lists and empty objects unchanged; and whether two names clashed: then the first stays.

    Fields without a nested object are returned unchanged. Fields that `whole` names are not flattened.
    """
    if dict not in map(type, fields.values()):
        return fields, False
    flat: JsonObject = {name: fields[name] for name in whole if name in fields}
    rest = {name: value for name, value in fields.items() if name not in whole} if flat else fields
    clashed = _flatten_into(flat, rest, prefix="", separator=separator, depth=0)
    return flat, clashed


def _flatten_into(flat: JsonObject, fields: JsonObject, *, prefix: str, separator: str, depth: int) -> bool:
    clashed = False
    for key, value in fields.items():
        name = prefix + key
        if type(value) is dict and value and depth < MAX_DEPTH:
            nested = name + separator
            clashed |= _flatten_into(flat, value, prefix=nested, separator=separator, depth=depth + 1)
        elif name in flat:
            clashed = True
        else:
            flat[name] = value
    return clashed


def renamed(fields: JsonObject, names: Mapping[str, str]) -> tuple[JsonObject, bool]:
    """`fields` with old names replaced, all at once and in place; and whether one replaced another field."""
    taken = {new for old, new in names.items() if old in fields}
    if not taken:
        return fields, False
    # A field with a name that is taken is removed, unless it gets a new name itself.
    moved = {names.get(name, name): value for name, value in fields.items() if name in names or name not in taken}
    return moved, len(moved) < len(fields)


class Renaming:
    """New names for fields: those of `names` exactly, then by globs, each with one `*` on both sides, then by
    `spell`.
    """

    def __init__(
        self, names: Mapping[str, str], globs: Sequence[tuple[str, str]], spell: Callable[[str], str] | None = None
    ) -> None:
        self._names = names
        self._globs = [(*old.split("*"), *new.split("*")) for old, new in globs]
        self._spell = spell
        self._is_plain = not globs and spell is None
        # Cached, because names recur in every message.
        self._known = lru_cache(_NAMES_KEPT)(self._renamed)

    def spelling(self, spell: Callable[[str], str]) -> "Renaming":
        """This renaming, and `spell` for all other names."""
        globs = [(f"{before}*{after}", f"{left}*{right}") for before, after, left, right in self._globs]
        return Renaming(self._names, globs, spell)

    def of(self, fields: JsonObject) -> tuple[JsonObject, bool]:
        """See `renamed`."""
        if self._is_plain:
            return renamed(fields, self._names)
        return renamed(fields, {name: new for name in fields if (new := self.name_of(name)) != name})

    def name_of(self, name: str) -> str:
        """The new name of a field called `name`."""
        return self._known(name) if len(name) <= _MAX_KNOWN else self._renamed(name)

    def _renamed(self, name: str) -> str:
        exact = self._names.get(name)
        if exact is not None:
            return exact
        if name == TAGS:
            return name
        for before, after, left, right in self._globs:
            if len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after):
                return left + name[len(before) : len(name) - len(after)] + right
        return name if self._spell is None else self._spell(name)


def each_object(value: Any, shape: ShapeObject) -> Any:
    """`shape` applied to an object or to every object of a list; ABSENT if it is neither."""
    if type(value) is dict:
        return shape(value)
    if type(value) is list and all(type(member) is dict for member in value):
        return [shape(member) for member in value]
    return ABSENT

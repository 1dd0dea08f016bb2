"""Walks through a message for privacy guards: by names and by the contents of texts, at any depth. Pure.

Objects and lists that are written as JSON in a text are walked as well. Only branches that change are copied. A value
that cannot be checked, because it is nested too deep or cannot be read within limits, is removed as a whole.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.naming import snake, split_words
from adapter.mapping.run.pattern import any_glob
from adapter.mapping.run.shaping import MAX_DEPTH
from adapter.model import JsonObject
from adapter.wire.normal_forms import normalized

ChangeValue: TypeAlias = Callable[[Any], Any]
"""Takes a value, returns the changed one: itself if nothing changed, ABSENT to remove it."""
IsMeant: TypeAlias = Callable[[str], bool]
Location: TypeAlias = "tuple[Location, str] | None"
"""A place: that of the object, and the name in the object; None for the root."""
Replace: TypeAlias = Callable[[str, Location], str]
"""Takes a text and its place, returns the text to replace it by."""
_Visit: TypeAlias = Callable[[str | None, Any, int, Location], Any]
"""Takes a name (None for a member of a list), its value, depth and place; returns the changed value."""

MAX_NAME_CHARS: Final = 500
"""A longer field name is not compared: its field is removed."""
_NAMES_KEPT: Final = 4_096
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_WILD: Final = re.compile(r"([*?]+)")
_READABLE: Final = re.compile(r"[\w $.\-]{1,40}")
_LONG_NUMBER: Final = re.compile(r"\d{5}|(?:\d\D*){8}")
"""Also in groups, as telephone and card numbers are written."""
_HOLDS: Final = frozenset({dict, list})
_AROUND: Final = "\ufeff \t\r\n\f\v\u00a0"
"""Characters that may surround JSON: its own white space, and what some writers add."""
_INNER_BEGINS: Final = frozenset('{[\\"')
_JSON_BEGINS: Final = frozenset('{["' + _AROUND)


def fold_name(name: str) -> str:
    """The form in which a guard compares field names: the words, with camelCase always split.

    `userEmail`, `User-Email` and `USER_EMAIL` are one name. Unlike in `fold`, camelCase is split beside other
    separators too, as in `Contact.userEmail`.
    """
    if not name.isascii():
        name = _UNSEEN.sub("", normalized("NFKC", name))
    return "_".join(snake(word) for word in split_words(name)) or name


def folded_globs(globs: Sequence[str]) -> IsMeant:
    """Whether a name, of at most MAX_NAME_CHARS, matches one of `globs` as written or folded."""
    is_exact = any_glob(globs)
    is_folded = any_glob([_fold_glob(glob) for glob in globs])
    # Cached, because names recur in every message; the few cached ones are short.
    return lru_cache(_NAMES_KEPT)(lambda name: is_exact(name) or is_folded(fold_name(name)))


def _fold_glob(glob: str) -> str:
    return "".join(part if _WILD.fullmatch(part) else _fold_part(part) for part in _WILD.split(glob) if part)


def _fold_part(part: str) -> str:
    """One part of a glob; separators at its ends still separate words, so that `*_ip` does not match `zip`."""
    folded = fold_name(part)
    if folded == part:
        return part
    before = "" if part[0].isalnum() else "_"
    after = "" if part[-1].isalnum() else "_"
    return before + folded.strip("_") + after


# By name


def walk_names(body: JsonObject, is_meant: IsMeant, change: ChangeValue, *, is_left: IsMeant | None = None) -> Any:
    """`body` with the value of every field changed whose name `is_meant`, except those that `is_left`."""

    def visit(name: str | None, value: Any, depth: int, place: Location) -> Any:
        if name is not None:
            if is_left is not None and is_left(name):
                return value
            if is_meant(name):
                return change(value)
        if type(value) is str:
            return _walk_json(value, depth + 1, place, walk) if value[:1] in _JSON_BEGINS else value
        return _walk(value, depth + 1, place, walk) if type(value) in _HOLDS else value

    walk = _Walk(visit, touches=is_meant, otherwise=None, rename=None)
    return _walk(body, 0, None, walk)


# By the contents of texts


def walk_texts(
    value: Any, replace: Replace, *, is_renamed: IsMeant = lambda _: True, is_left: IsMeant | None = None
) -> Any:
    """`value` with `replace` applied to every text in it, and to names that may have to be changed (`is_renamed`),
    except in fields that `is_left`.

    Integers as long as a card number are treated as the text of their digits.
    """

    def visit(name: str | None, value: Any, depth: int, place: Location) -> Any:
        if name is not None and is_left is not None and is_left(name):
            return value
        if type(value) is str:
            if value[:1] in _JSON_BEGINS:
                return _walk_json(value, depth + 1, place, walk)
            return replace(value, place)
        if (type(value) is int or (type(value) is float and value.is_integer())) and 10**12 <= abs(value) < 10**19:
            digits = str(int(value))
            replaced = replace(digits, place)
            return value if replaced == digits else replaced
        return _walk(value, depth + 1, place, walk) if type(value) in _HOLDS else value

    def rename(name: str, place: Location) -> str:
        return replace(name, place) if is_renamed(name) else name

    walk = _Walk(visit, touches=None, otherwise=replace, rename=rename)
    return visit(None, value, -1, None)


def shown(place: Location) -> str:
    """The path of a place for a warning: a name that could be a value is not shown."""
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(name if _READABLE.fullmatch(name) and not _LONG_NUMBER.search(name) else "*")
    return ".".join(reversed(names))


# Shared


@dataclass(frozen=True, slots=True)
class _Walk:
    """The actions of a walk: on each field, on a text that is not JSON, and on the name of a field.

    `touches` returns for a name whether its field is to be visited if it has no fields itself; None: all are.
    """

    visit: _Visit
    touches: IsMeant | None
    otherwise: Replace | None
    rename: Replace | None


def _walk(value: Any, depth: int, place: Location, walk: _Walk) -> Any:
    """An object or a list after the walk."""
    if depth > MAX_DEPTH:
        return ABSENT
    visit, touches, rename = walk.visit, walk.touches, walk.rename
    if type(value) is list:
        places = {
            number: new
            for number, member in enumerate(value)
            if (new := visit(None, member, depth, place)) is not member
        }
        return with_places(value, places) if places else value
    changed: JsonObject = {}
    names: dict[str, str] = {}
    for name, member in value.items():
        if len(name) > MAX_NAME_CHARS:
            changed[name] = ABSENT
            continue
        within = None if rename is None else (place, name)
        if touches is None or touches(name) or _may_hold(member):
            new = visit(name, member, depth, within)
            if new is not member:
                changed[name] = new
        if rename is not None and (written := rename(name, within)) is not name:
            names[name] = written
    left = with_members(value, changed) if changed else value
    return {names.get(name, name): member for name, member in left.items()} if names else left


def _may_hold(value: Any) -> bool:
    return type(value) in _HOLDS or (type(value) is str and value[:1] in _JSON_BEGINS)


def _walk_json(text: str, depth: int, place: Location, walk: _Walk) -> Any:
    """The JSON text of an object or list, or of such a text, after the walk; ABSENT if it cannot be read within
    limits.
    """

    def change(value: Any) -> Any:
        return _walk_json(value, depth + 1, place, walk) if type(value) is str else _walk(value, depth, place, walk)

    otherwise = walk.otherwise
    return change_json(text, change, otherwise=None if otherwise is None else lambda: otherwise(text, place))


def change_json(text: str, change: ChangeValue, *, otherwise: Callable[[], Any] | None = None) -> Any:
    """The JSON text of an object or list, or of such a text, after `change`; the same text if nothing changed.

    ABSENT if `change` removes all of it, or if it cannot be read within limits. Another text is the result of
    `otherwise`, or stays.
    """
    bare = text.strip(_AROUND) if text[:1] in _JSON_BEGINS else ""
    # A JSON text of a text was encoded twice.
    if bare[:1] in {"{", "["} or (bare[:1] == '"' and bare[1:2] in _INNER_BEGINS):
        try:
            value, is_repeated = _read_json(bare)
        except json.JSONDecodeError:
            pass
        except (ValueError, RecursionError):  # a number of thousands of digits, or unbounded nesting
            return ABSENT
        else:
            changed = change(value)
            if changed is ABSENT:
                return ABSENT
            # Of a repeated name only the last value was checked, so the original text cannot stay.
            return text if changed is value and not is_repeated else _written(changed)
    return text if otherwise is None else otherwise()


def _read_json(text: str) -> tuple[Any, bool]:
    """The value of the JSON `text`, and whether a name in it is repeated."""
    repeated: list[bool] = []

    def object_of(pairs: list[tuple[str, Any]]) -> JsonObject:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            repeated.append(True)
        return fields

    return json.loads(text, object_pairs_hook=object_of), bool(repeated)


def _written(value: Any) -> str:
    # A lone surrogate, which JSON allows and UTF-8 does not, must not stop the call.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def with_members(fields: JsonObject, new: Mapping[str, Any]) -> JsonObject:
    """`fields` with these members; ABSENT removes one. The same object if nothing changes."""
    if all(fields[name] is value for name, value in new.items()):
        return fields
    merged = {**fields, **new}
    return {name: value for name, value in merged.items() if value is not ABSENT}


def with_places(members: list[Any], new: Mapping[int, Any]) -> list[Any]:
    """`members` with these members; ABSENT removes one. The same list if nothing changes."""
    if all(members[place] is value for place, value in new.items()):
        return members
    merged = [new.get(place, member) for place, member in enumerate(members)]
    return [member for member in merged if member is not ABSENT]

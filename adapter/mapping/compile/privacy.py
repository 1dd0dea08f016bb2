"""Privacy guards: what happens to personal data before any rule, test or log sees it.

Guards run in order on the message; only the branches that they change are copied. A step that fails removes the field,
and a value that is nested too deep to be checked is removed as a whole: a guard lets nothing through unchecked.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from adapter.mapping.compile.field_names import MAX_NAMES
from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.path_editing import editor_of
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.steps import compile_steps
from adapter.mapping.compile.values import compile_value
from adapter.mapping.language.paths import EventPath, Key
from adapter.mapping.language.words import GUARD
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Step
from adapter.mapping.run.guard_walk import (
    IsMeant,
    Location,
    folded_globs,
    shown,
    walk_names,
    walk_texts,
)
from adapter.mapping.run.guarding import Guard, GuardMessage
from adapter.mapping.run.personal import CALLED, FINDERS, HINTS, replace_found
from adapter.mapping.run.scalars import text_of
from adapter.model import MAX_WARNINGS, JsonObject, WarningKind

MAX_GUARDS: Final = 200
_UNGUARDED: Final = {
    "vars": "it is not part of the message",
    "derived": "it is not part of the message",
    "item": "it is not part of the message",
    "index": "it is not part of the message",
    "timestamp": "every call carries it",
}


def compile_guards(node: Node, reader: Reader) -> Sequence[Guard]:
    """The guards of a `privacy` block, in order."""
    parts = reader.members(node, "E171", "`privacy`, a list of guards,", at_most=MAX_GUARDS) or ()
    return [guard for part in parts if (guard := _guard(part, reader)) is not None]


def _guard(node: Node, reader: Reader) -> Guard | None:
    if type(node.value) is str:
        path = f"{{fields: [{node.value}], do: remove}}"
        reader.error("E171", node, f"a privacy guard is a block of words, not '{node.value}'; write {path}")
        return None
    if not reader.block(node, GUARD, "E171"):
        return None
    scope = Scope(rule="privacy", in_privacy=True).of_field(node.path)
    remedy = _remedy(node.at("do"), reader, scope) if node.has("do") else _remove
    chosen = [word for word in ("fields", "named") if node.has(word)]
    if len(chosen) > 1 or not (chosen or node.has("values")):
        found = "this one has both" if chosen else "this one has none of them"
        reader.error("E170", node, f"a guard has `fields` or `named`, or `values` alone; {found}")
        return None
    is_left = _left(node, reader)
    if node.has("values"):
        remedy = _in_texts(node.at("values"), reader, scope, remedy, is_left)
    if node.has("named"):
        act = _of_names(node.at("named"), reader, remedy, is_left)
    elif node.has("fields"):
        act = _of_paths(node.at("fields"), reader, remedy)
    else:
        act = remedy
    return Guard(_name(node.value, reader.tables), act)


def _name(guard: JsonObject, tables: JsonObject) -> str:
    words = set(_texts(guard.get("do")))
    used = {name: table for name, table in tables.items() if name in words}
    canonical = json.dumps([guard, used], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def _remedy(node: Node, reader: Reader, scope: Scope) -> Step:
    if node.value == "remove":
        return _remove
    if type(node.value) is not list or node.value == ["remove"]:
        reader.error("E171", node, "`do` is `remove` or a list of steps; `remove` is written `do: remove`")
        return _remove
    steps = compile_steps(node, reader, scope, compile_value)

    def apply(value: Any, frame: Frame) -> Any:
        for step in steps:
            # Null contains no personal data; a step that failed returned ABSENT, which removes the field.
            if value is None or value is ABSENT:
                return value
            changed = step(value, frame)
            # A number whose text a step leaves as it was stays a number.
            is_same = type(value) in {int, float, bool} and type(changed) is str and changed == text_of(value)
            value = value if is_same else changed
        return value

    return apply


def _remove(_value: Any, _frame: Frame) -> Any:
    return ABSENT


# By path


def _of_paths(node: Node, reader: Reader, remedy: Step) -> GuardMessage:
    parts = reader.members(node, "E171", "`fields`, a list of paths,") or ()
    paths = [
        spelling
        for part in parts
        if (path := guardable_path(part, reader)) is not None
        for spelling in both_spellings(path)
    ]
    edits = [editor_of((Key(path.root), *path.segments)) for path in paths]

    def act(body: Any, frame: Frame) -> Any:
        def change(value: Any) -> Any:
            return remedy(value, frame)

        for edit in edits:
            body = edit(body, change)
        return body

    return act


def guardable_path(node: Node, reader: Reader) -> EventPath | None:
    """The path at `node`, if its value may be changed before the rules see it."""
    path = reader.path(node, "E171", Scope(has_item=True))
    if path is None:
        return None
    match path.root, path.segments:
        case "raw", (Key(root), *segments):
            path = EventPath(root, tuple(segments))
        case "raw", _:
            reader.error("E172", node, "`raw` is the whole message; name the fields to guard")
            return None
        case _:
            pass
    if path.root in _UNGUARDED and (path.root != "timestamp" or not path.segments):
        reader.error("E172", node, f"`{path.root}` cannot be guarded: {_UNGUARDED[path.root]}")
        return None
    return path


def both_spellings(path: EventPath) -> Sequence[EventPath]:
    """Traits are in `traits` or `context.traits`; a guard on one applies to both."""
    match path.root, path.segments:
        case "traits", segments:
            return path, EventPath("context", (Key("traits"), *segments))
        case "context", (Key("traits"), *segments):
            return path, EventPath("traits", tuple(segments))
        case _:
            return (path,)


# By name


def _of_names(node: Node, reader: Reader, remedy: Step, is_left: IsMeant | None) -> GuardMessage:
    is_meant = folded_globs(_globs(node, reader, "named"))
    return lambda body, frame: walk_names(body, is_meant, lambda value: remedy(value, frame), is_left=is_left)


def _left(node: Node, reader: Reader) -> IsMeant | None:
    """Whether a name is one that the guard leaves alone; None if it leaves none alone."""
    if not node.has("except"):
        return None
    if node.has("fields") and not node.has("values"):
        reader.error_of_key(
            "E171", node.at("except"), "`except` needs `named` or `values`; it cannot be combined with `fields`"
        )
    return folded_globs(_globs(node.at("except"), reader, "except"))


def _globs(node: Node, reader: Reader, word: str) -> Sequence[str]:
    parts = reader.members(node, "E171", f"`{word}`, a list of names,", at_most=MAX_NAMES) or ()
    return [text for part in parts if (text := reader.text(part, "E171", "a name")) is not None]


# By the contents of texts


def _in_texts(node: Node, reader: Reader, scope: Scope, remedy: Step, is_left: IsMeant | None) -> Step:
    """`remedy` for the personal data found in texts instead of whole values, with a warning for each field."""
    members = reader.members(node, "E171", "`values`, a list of kinds,") or ()
    kinds = [kind for part in members if (kind := reader.choice(part, "E171", tuple(FINDERS))) is not None]

    might = re.compile("|".join(HINTS[kind] for kind in kinds)).search
    is_renamed = lru_cache(MAX_NAMES)(lambda name: might(name) is not None)

    def apply(value: Any, frame: Frame) -> Any:
        def replace(text: str, place: Location) -> str:
            if might(text) is None:
                return text
            for kind in kinds:
                replaced = replace_found(text, FINDERS[kind], lambda part: remedy(part, frame))
                if replaced is not text:
                    _warn(frame, scope, f"{CALLED[kind]} in `{shown(place)}`" if place else CALLED[kind])
                    text = replaced
            return text

        return walk_texts(value, replace, is_renamed=is_renamed, is_left=is_left)

    return apply


def _warn(frame: Frame, scope: Scope, cause: str) -> None:
    """One warning for each field, however many members have it."""
    warned = scope.warned(cause, WarningKind.PERSONAL)
    if warned not in frame.warnings and len(frame.warnings) < MAX_WARNINGS:
        frame.warnings.append(warned)

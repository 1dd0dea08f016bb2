"""Values: the sources of a field. A path, a constant, text with placeholders, the first of several, a list, a group.

Absent is not null: an absent value sets nothing. Null is a value, but fallbacks skip it and `default` replaces it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from adapter.files.document import DocumentPath
from adapter.mapping.compile.conditions import compile_condition
from adapter.mapping.compile.node import Node, Scope, kind_of
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.steps import steps_of_value
from adapter.mapping.language.paths import EventPath, parse_path
from adapter.mapping.language.words import VALUE
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get, Holds, Step, constant
from adapter.mapping.run.scalars import text_of
from adapter.mapping.run.text_steps import MAX_TEXT
from adapter.model import JsonObject, Problem, WarningKind

_OTHER: Final = "for another path write {from: [a, b]}, for another value `first`"
MAX_FIELDS: Final = 500
"""Fields that one block may set; Browsee shows far fewer."""

SOURCES: Final = ("from", "value", "text", "first", "list", "fields")


def compile_value(node: Node, reader: Reader, scope: Scope) -> Get:
    """The closure that returns a value, or ABSENT."""
    value = node.value
    if type(value) is str:
        return reader.getter(reader.path_in(value, node, scope), scope)
    if type(value) in {bool, int, float}:
        return constant(value)
    if type(value) is dict:
        return _block(node, reader, scope)
    remedy = (
        "a list is written {list: […]} of values or {value: […]} of constants"
        if value
        else "for null write {value: null}"
    )
    reader.error("E141", node, f"a value is a path, a number, true, false or a block, not {kind_of(value)}; {remedy}")
    return constant(ABSENT)


def compile_fields(
    node: Node, reader: Reader, scope: Scope, *, code: str = "E141", within: DocumentPath = ()
) -> Sequence[tuple[str, Get]]:
    """The fields of a block, each with the closure of its value; `within` is their place if they are fields of a
    call.
    """
    parts = reader.entries(node, code, "a block of fields `name: value`") or ()
    if len(parts) > MAX_FIELDS:
        reader.error(code, node, f"at most {MAX_FIELDS} fields, not {len(parts)}")
        return ()
    return tuple(
        (part.name, compile_value(part, reader, scope.of_field((*within, part.name)) if within else scope))
        for part in parts
    )


def fields_of(pairs: Sequence[tuple[str, Get]], frame: Frame) -> JsonObject:
    """The fields that are present."""
    return {name: value for name, get in pairs if (value := get(frame)) is not ABSENT}


def _block(node: Node, reader: Reader, scope: Scope) -> Get:
    reader.block(node, VALUE, "E141")
    sources = [word for word in SOURCES if node.has(word)]
    is_misspelt = not sources and any(word not in VALUE.words for word in node.value)
    if len(sources) != 1 and not is_misspelt:
        found = f"this one has {', '.join(sources)}" if sources else "this one has none"
        reader.error("E140", node, f"a value has exactly one of {', '.join(SOURCES)}; {found}")
    get = _SOURCE_OF[sources[0]](node.at(sources[0]), reader, scope) if sources else constant(ABSENT)
    scope = replace(scope, source=_only_path(node.value.get("from")))
    steps = steps_of_value(node.at("apply"), reader, scope, compile_value) if node.has("apply") else ()
    if steps:
        get = _stepped(get, steps, null=None if scope.keep_nulls else ABSENT)
    if node.has("when"):
        get = _guarded(get, compile_condition(node.at("when"), reader, scope))
    if node.has("default") and reader.is_scalar(node.at("default"), "E141", "`default`", instead=_OTHER):
        get = _with_default(get, node.value["default"])
    if node.has("required") and reader.boolean(node.at("required"), "E141", "`required`"):
        get = _required(get, node, scope)
    return get


def _only_path(written: Any) -> str:
    """The one path of `from`, or nothing."""
    only = written[0] if type(written) is list and len(written) == 1 else written
    return only if type(only) is str else ""


def _from(node: Node, reader: Reader, scope: Scope) -> Get:
    if type(node.value) is not list:
        return reader.getter(reader.path(node, "E141", scope), scope)
    parts = reader.members(node, "E141", "`from`, a list of paths,") or ()
    return _first_of([reader.getter(reader.path(part, "E141", scope), scope) for part in parts])


def _first(node: Node, reader: Reader, scope: Scope) -> Get:
    parts = reader.members(node, "E141", "`first`, a list of values,") or ()
    return _first_of([compile_value(part, reader, scope) for part in parts])


def _first_of(gets: Sequence[Get]) -> Get:
    def get(frame: Frame) -> Any:
        for each in gets:
            value = each(frame)
            if value is not ABSENT and value is not None:
                return value
        return ABSENT

    return get


def _list(node: Node, reader: Reader, scope: Scope) -> Get:
    parts = reader.members(node, "E141", "`list`, a list of values,") or ()
    gets = [compile_value(part, reader, scope) for part in parts]

    def get(frame: Frame) -> Any:
        members = [value for each in gets if (value := each(frame)) is not ABSENT and value is not None]
        return members or ABSENT

    return get


def _fields(node: Node, reader: Reader, scope: Scope) -> Get:
    pairs = compile_fields(node, reader, scope)
    return lambda frame: fields_of(pairs, frame) or ABSENT


def _text(node: Node, reader: Reader, scope: Scope) -> Get:
    text = reader.text(node, "E141", "`text`", at_least=0)
    return constant(ABSENT) if text is None else compile_text(text, node, reader, scope)


_SOURCE_OF: Final[Mapping[str, Callable[[Node, Reader, Scope], Get]]] = MappingProxyType({
    "from": _from,
    "value": lambda node, _reader, _scope: constant(node.value),
    "text": _text,
    "first": _first,
    "list": _list,
    "fields": _fields,
})  # fmt: skip


def _stepped(get: Get, steps: Sequence[Step], *, null: Any) -> Get:
    """A value after `steps`, which a null passes unchanged; a remaining null becomes `null`."""
    if len(steps) == 1:
        (only,) = steps

        def get_one(frame: Frame) -> Any:
            value = get(frame)
            if value is not ABSENT and value is not None:
                value = only(value, frame)
            return null if value is None else value

        return get_one

    def get_stepped(frame: Frame) -> Any:
        value = get(frame)
        for step in steps:
            if value is ABSENT or value is None:
                break
            value = step(value, frame)
        return null if value is None else value

    return get_stepped


def _guarded(get: Get, holds: Holds) -> Get:
    return lambda frame: get(frame) if holds(frame) else ABSENT


def _with_default(get: Get, default: Any) -> Get:
    def get_or_default(frame: Frame) -> Any:
        value = get(frame)
        return default if value is ABSENT or value is None else value

    return get_or_default


def _required(get: Get, node: Node, scope: Scope) -> Get:
    pointer, sources = _pointer(node), _sources(node)
    absent = Problem(pointer, "required", f"`{scope.name}` is required and absent{sources}")

    def get_or_refuse(frame: Frame) -> Any:
        before = len(frame.warnings)
        value = get(frame)
        if value is ABSENT or value is None:
            # A value that was sent and could not be used is not absent to a reader of the reason.
            why = [warned.cause for warned in frame.warnings[before:] if warned.kind in _UNUSABLE]
            problem = Problem(pointer, "required", f"`{scope.name}` is required: {why[-1]}{sources}") if why else absent
            frame.problems.append(problem)
            return ABSENT
        return value

    return get_or_refuse


_UNUSABLE: Final = frozenset({WarningKind.STEP, WarningKind.LIST})


def _paths(node: Node) -> list[str]:
    written = node.value.get("from")
    return written if type(written) is list else [written] if type(written) is str else []


def _sources(node: Node) -> str:
    paths = _paths(node)
    return f" (read from {', '.join(map(str, paths))})" if paths else ""


def _pointer(node: Node) -> str:
    parsed = [parse_path(path) for path in _paths(node) if type(path) is str]
    return next((path.pointer for path in parsed if isinstance(path, EventPath)), "")


# Text with placeholders


def compile_text(text: str, node: Node, reader: Reader, scope: Scope) -> Get:
    """The closure that fills in the placeholders of `text`; one that is absent makes the whole text absent."""
    parts = _parts(text, node, reader, scope)
    if all(type(part) is str for part in parts):
        return constant("".join(part for part in parts if type(part) is str))
    if len(parts) == 1 and callable(parts[0]):
        only = parts[0]
        return lambda frame: text_of(only(frame))

    too_long = scope.warned("too long")

    def get(frame: Frame) -> Any:
        filled, room = [], MAX_TEXT
        for part in parts:
            piece = text_of(part(frame)) if callable(part) else part
            if piece is ABSENT:
                return ABSENT
            room -= len(piece)
            if room < 0:
                frame.warnings.append(too_long)
                return ABSENT
            filled.append(piece)
        return "".join(filled)

    return get


_DOUBLED: Final = re.compile(r"\{\{([^{}]+)\}\}")
"""Placeholders of other languages. Here two braces are one brace of text, which is rarely meant around a path."""


def _parts(text: str, node: Node, reader: Reader, scope: Scope) -> Sequence[str | Get]:
    """Constant pieces and placeholders, in order."""
    parts: list[str | Get] = []
    plain, place = "", 0
    while place < len(text):
        pair, character = text[place : place + 2], text[place]
        doubled = _DOUBLED.match(text, place)
        if doubled is not None and isinstance(parse_path(doubled[1].strip()), EventPath):
            reader.error("E122", node, f"placeholders have one brace: `{{{doubled[1].strip()}}}`")
            return parts
        if pair in {"{{", "}}"}:
            plain, place = plain + character, place + 2
        elif character == "}":
            reader.error("E122", node, "a `}` without its `{`; a brace itself is written twice: `}}`")
            return parts
        elif character == "{":
            end = _closing(text, place)
            if end < 0:
                reader.error("E122", node, "a `{` without its `}`; a brace itself is written twice: `{{`")
                return parts
            written = text[place + 1 : end]
            if not written.strip():
                reader.error("E122", node, "a placeholder holds a path: `{properties.total}`")
                return parts
            parts += [
                *([plain] if plain else []),
                reader.getter(reader.path_in(written, node, scope, or_constant=False), scope),
            ]
            plain, place = "", end + 1
        else:
            plain, place = plain + character, place + 1
    return [*parts, plain] if plain or not parts else parts


def _closing(text: str, start: int) -> int:
    """The end of the placeholder that opens at `start`, not counting braces in quotes; -1 if there is none."""
    quoted = False
    for place in range(start + 1, len(text)):
        if text[place] == '"':
            quoted = not quoted
        elif text[place] == "}" and not quoted:
            return place
    return -1

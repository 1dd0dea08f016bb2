"""The fields of a call: properties or traits, in one fixed order whatever the order of the lines in the file.

copy, only, except, flatten, rename and names, use, properties or traits, nulls, blanks, lists. Fields without shaping
are one shallow copy.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Any, Final, Literal, TypeAlias

from adapter.files.document import DocumentPath as FilePath
from adapter.files.finding import did_you_mean
from adapter.mapping.compile.field_names import FLATTEN_CLASH, RENAME_CLASH, read_globs, read_names, read_separator
from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.spelling import compile_spelling
from adapter.mapping.compile.values import compile_fields, compile_value
from adapter.mapping.language.paths import EventPath, Key, parse_path
from adapter.mapping.run import shaping
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.flat import NESTED, Flatness
from adapter.mapping.run.frame import Frame, Get
from adapter.mapping.run.shaping import TAGS
from adapter.model import EventWarning, JsonObject, Kind, WarningKind

Fill: TypeAlias = Callable[[Frame], JsonObject]
"""Makes the fields of one call, always in a new object."""
REPLACED: Final = "in place of the sender's own value under this name, which was another"
_Stage: TypeAlias = Callable[[JsonObject, Frame], JsonObject]


@dataclass(frozen=True, slots=True)
class Defaults:
    """The part of `settings` about every call; `settings` itself has the ids of all calls."""

    keep_nulls: bool
    keep_blanks: bool
    separator: str | None
    lists_as_text: bool
    settings: Node


@dataclass(frozen=True, slots=True)
class _Setter:
    """One field that a call sets. `replaces` is the warning if the sender's own field of that name had another value;
    None if the value is made of that field, or of one that the call set before.
    """

    name: str
    get: Get
    replaces: EventWarning | None


def compile_call_fields(node: Node, reader: Reader, scope: Scope, defaults: Defaults, kind: Kind) -> Fill:
    """Properties or traits, in the fixed order. Every stage returns a new object or its argument."""
    start = _copy(node, reader, scope, kind)
    separator = _separator(node, reader) if node.has("flatten") else defaults.separator
    renaming = _renaming(node, reader)
    stages = _shaping(node, reader, scope, separator, renaming)
    if start is _nothing:  # which has no shape
        stages = ()
    copied = _Copied(node, kind, separator, renaming)
    setters = [(setter.name, setter.get, setter.replaces) for setter in _setters(node, reader, scope, copied)]
    keep_nulls, keep_blanks = defaults.keep_nulls, defaults.keep_blanks
    settle = Flatness(
        word=fields_word(kind),
        rule=scope.rule,
        lists_as_text=defaults.lists_as_text,
        drops_empty=defaults.lists_as_text or separator is not None,
    ).settle

    def fill(frame: Frame) -> JsonObject:
        fields = start(frame)
        for stage in stages:
            fields = stage(fields, frame)
        for name, get, replaces in setters:
            value = get(frame)
            if value is not ABSENT:
                if replaces is not None and fields.get(name, value) != value and fields[name] is not None:
                    frame.warnings.append(replaces)
                fields[name] = value
        kinds = set(map(type, fields.values()))
        if not keep_nulls and NoneType in kinds:
            fields = {name: value for name, value in fields.items() if value is not None}
        if not keep_blanks:
            fields = _without_blanks(fields)
        if kinds.isdisjoint(NESTED) and (kind == "track" or TAGS not in fields):
            return fields
        settled = settle(fields, frame.warnings)
        # A list of blanks has become blank text.
        return settled if keep_blanks else _without_blanks(settled)

    return fill


_MAY_BE_BLANK: Final = frozenset({str, list, dict})


def _without_blanks(fields: JsonObject) -> JsonObject:
    """The same object if no value is blank, as in almost every call."""
    # A loop takes half as long as `any` with a function.
    for value in fields.values():
        if (not value and type(value) in _MAY_BE_BLANK) or (type(value) is str and value.isspace()):
            return {name: held for name, held in fields.items() if not _is_blank(held)}
    return fields


def _is_blank(value: Any) -> bool:
    return (not value and type(value) in _MAY_BE_BLANK) or (type(value) is str and value.isspace())


def fields_word(kind: Kind) -> Literal["properties", "traits"]:
    return "properties" if kind == "track" else "traits"


def _copy(node: Node, reader: Reader, scope: Scope, kind: Kind) -> Fill:
    """The fields to start from, always in a new object."""
    if node.has("copy"):
        copy = node.at("copy")
        if copy.value == "none":
            return _nothing
        paths = [copy] if type(copy.value) is str else reader.members(copy, "E163", "`copy`, paths or `none`,") or ()
        gets = [reader.getter(reader.path(path, "E163", scope), scope) for path in paths]
        if len(gets) == 1:
            return _copied_from(gets[0])
        return _merged_from(gets)
    if node.has("each"):
        return _copied_from(lambda frame: frame.item)
    return _copied_properties if kind == "track" else _copied_from(Frame.traits)


def _nothing(_frame: Frame) -> JsonObject:
    return {}


def _copied_properties(frame: Frame) -> JsonObject:
    value = frame.body.get("properties")
    return value.copy() if type(value) is dict else {}


def _copied_from(get: Get) -> Fill:
    return lambda frame: value.copy() if type(value := get(frame)) is dict else {}


def _merged_from(gets: Sequence[Get]) -> Fill:
    def merged(frame: Frame) -> JsonObject:
        fields: JsonObject = {}
        for get in gets:
            value = get(frame)
            if type(value) is dict:
                fields.update(value)
        return fields

    return merged


def _renaming(node: Node, reader: Reader) -> shaping.Renaming | None:
    if not node.has("rename") and not node.has("names"):
        return None
    renaming = read_names(node.at("rename"), reader, "E163") if node.has("rename") else shaping.Renaming({}, ())
    return renaming.spelling(compile_spelling(node.at("names"), reader)) if node.has("names") else renaming


def _shaping(
    node: Node, reader: Reader, scope: Scope, separator: str | None, renaming: shaping.Renaming | None
) -> Sequence[_Stage]:
    stages: list[_Stage] = []
    for word, shape in (("only", shaping.keeping), ("except", shaping.dropping)):
        if word == "only" and node.has(word) and type(node.value[word]) is dict:
            stages.append(_keeping_computed(node.at(word), reader, scope.of_field((*node.path, word))))
        elif node.has(word):
            shaped = shape(read_globs(node.at(word), reader, "E163"))
            stages.append(_silent(shaped))
    if separator is not None:
        clash = scope.of_field((*node.path, "flatten")).warned(FLATTEN_CLASH, WarningKind.LEFT_OUT)
        whole = frozenset({TAGS} if node.has("identify") else ())
        stages.append(_flattening(separator, whole, clash))
    if renaming is not None:
        word = "rename" if node.has("rename") else "names"
        clash = scope.of_field((*node.path, word)).warned(RENAME_CLASH, WarningKind.REPLACED)
        stages.append(_warning(renaming.of, clash))
    return stages


def _keeping_computed(node: Node, reader: Reader, scope: Scope) -> _Stage:
    """`only` with a value: a list of names, or one name. Without names nothing is kept, as in an empty plan."""
    get = compile_value(node, reader, scope)
    nothing = scope.warned("there are no names, so no field is copied", WarningKind.LEFT_OUT)
    # Cached, because a plan has a list for each event name.
    keeping = lru_cache(_LISTS_KEPT)(shaping.keeping)

    def stage(fields: JsonObject, frame: Frame) -> JsonObject:
        names = get(frame)
        wanted = tuple(name.strip() for name in (names if type(names) is list else [names]) if type(name) is str)
        if not wanted or len(wanted) > _MAX_NAMES or max(map(len, wanted)) > _MAX_NAME:
            frame.warnings.append(nothing)
            return {}
        return keeping(wanted)(fields)

    return stage


_LISTS_KEPT: Final = 128
_MAX_NAMES: Final = 200
_MAX_NAME: Final = 100
"""Bounds of names from an event, which a sender may choose."""


def _silent(shape: shaping.ShapeObject) -> _Stage:
    return lambda fields, _frame: shape(fields)


def _flattening(separator: str, whole: frozenset[str], clash: EventWarning) -> _Stage:
    flatten = _warning(lambda fields: shaping.flattened(fields, separator, whole=whole), clash)
    # Almost all fields are flat already.
    return lambda fields, frame: flatten(fields, frame) if dict in map(type, fields.values()) else fields


def _warning(reshape: Callable[[JsonObject], tuple[JsonObject, bool]], clash: Any) -> _Stage:
    def stage(fields: JsonObject, frame: Frame) -> JsonObject:
        shaped, clashed = reshape(fields)
        if clashed:
            frame.warnings.append(clash)
        return shaped

    return stage


def _separator(node: Node, reader: Reader) -> str | None:
    flatten = node.at("flatten")
    return None if flatten.value is False else read_separator(flatten, reader, "E163")


@dataclass(frozen=True, slots=True)
class _Copied:
    """The fields that a call copies, and their names."""

    node: Node
    kind: Kind
    separator: str | None
    renaming: shaping.Renaming | None


def _setters(node: Node, reader: Reader, scope: Scope, copied: _Copied) -> Sequence[_Setter]:
    """The fields of the shared blocks that a call uses, compiled for its place, then its own."""
    setters: dict[str, _Setter] = {}
    compiled: list[_Setter] = []
    for block, within, code in _blocks(node, reader, copied.kind):
        for name, get in compile_fields(block, reader, scope, code=code, within=within):
            own = scope.of_field((*within, name))
            reads_it = any(name in _names_of(path, copied) for path in reader.paths_read[own.field])
            replaces = None if reads_it or name in setters else own.warned(REPLACED, WarningKind.REPLACED)
            setters[name] = _Setter(name, get, replaces)
            compiled.append(setters[name])
    return compiled


def _blocks(node: Node, reader: Reader, kind: Kind) -> Iterator[tuple[Node, FilePath, str]]:
    """Each block of fields that a call sets, with its place in warnings and the code of its findings."""
    if node.has("use"):
        for part in reader.members(node.at("use"), "E163", "`use`, a list of shared blocks,") or ():
            if type(part.value) is not str or part.value not in reader.shared:
                meant = did_you_mean(part.value, reader.shared) if type(part.value) is str else ""
                reader.error("E162", part, f"no shared block `{part.value}`{meant}")
                continue
            reader.used_shared.add(part.value)
            yield Node(reader.shared[part.value], ("shared", part.value)), (*node.path, "use", part.value), "E141"
    if node.has(fields_word(kind)):
        yield node.at(fields_word(kind)), (*node.path, fields_word(kind)), "E163"


def _names_of(path: EventPath, copied: _Copied) -> set[str]:
    """The names under which a call copies the value at `path`; empty if it does not copy it."""
    root, keys = path.root, [segment.name for segment in path.segments if isinstance(segment, Key)]
    if root == "raw" and keys:
        root, keys = keys[0], keys[1:]
    kind, separator, renaming = copied.kind, copied.separator, copied.renaming
    if kind == "identify" and root == "context" and keys[:1] == ["traits"]:
        root, keys = "traits", keys[1:]
    way = [root, *keys]
    names: set[str] = set()
    for start in _copied_paths(copied.node, kind):
        if way[: len(start)] == start and len(way) > len(start):
            rest = way[len(start) :]
            names |= {rest[0], (separator or ".").join(rest)}
    return names if renaming is None else names | {renaming.name_of(name) for name in names}


def _copied_paths(node: Node, kind: Kind) -> list[list[str]]:
    if not node.has("copy"):
        return [["item"]] if node.has("each") else [[fields_word(kind)]]
    copied = node.value["copy"]
    parsed = [parse_path(path) for path in (copied if type(copied) is list else [copied]) if type(path) is str]
    return [
        [path.root, *(segment.name for segment in path.segments if isinstance(segment, Key))]
        for path in parsed
        if isinstance(path, EventPath)
    ]

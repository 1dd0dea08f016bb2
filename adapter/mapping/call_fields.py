"""The fields of a call: properties or traits, in one fixed order whatever the order of the lines in the file.

copy, only, except, flatten, rename, use, properties or traits, nulls. Fields without shaping are one shallow copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from adapter.mapping import shaping
from adapter.mapping.absent import ABSENT
from adapter.mapping.finding import did_you_mean
from adapter.mapping.frame import Frame, Get
from adapter.mapping.names import FLATTEN_CLASH, RENAME_CLASH, read_globs, read_names, read_separator
from adapter.mapping.reader import Node, Reader, Scope
from adapter.mapping.values import compile_fields
from adapter.model import JsonObject

Kind: TypeAlias = Literal["track", "identify"]
Fill: TypeAlias = Callable[[Frame], JsonObject]
"""Makes the fields of one call: always a new object."""
_Stage: TypeAlias = Callable[[JsonObject, Frame], JsonObject]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What `settings` says about every call; `settings` itself has the ids of all calls."""

    keep_nulls: bool
    separator: str | None
    settings: Node


def compile_call_fields(node: Node, reader: Reader, scope: Scope, defaults: Defaults, kind: Kind) -> Fill:
    """Properties or traits, in the fixed order. Every stage answers a new object or the one it was given."""
    start = _copy(node, reader, scope, kind)
    stages = _shaping(node, reader, scope, defaults)
    setters = [*_used(node, reader, scope), *_own(node, reader, scope, kind)]
    if not stages and not setters and defaults.keep_nulls:
        return start
    keep_nulls = defaults.keep_nulls

    def fill(frame: Frame) -> JsonObject:
        fields = start(frame)
        for stage in stages:
            fields = stage(fields, frame)
        for name, get in setters:
            value = get(frame)
            if value is not ABSENT:
                fields[name] = value
        if keep_nulls or None not in fields.values():
            return fields
        return {name: value for name, value in fields.items() if value is not None}

    return fill


def _copy(node: Node, reader: Reader, scope: Scope, kind: Kind) -> Fill:
    """The fields to start from: always a new object."""
    if node.has("copy"):
        copy = node.at("copy")
        if copy.value == "none":
            return lambda _frame: {}
        paths = [copy] if type(copy.value) is str else reader.members(copy, "E163", "`copy`, paths or `none`,") or ()
        gets = [reader.getter(reader.path(path, "E163", scope), scope) for path in paths]
    elif node.has("each"):
        gets = [lambda frame: frame.item]
    elif kind == "track":
        gets = [lambda frame: frame.body.get("properties")]
    else:
        gets = [lambda frame: frame.traits()]
    if len(gets) == 1:
        only = gets[0]
        return lambda frame: dict(value) if type(value := only(frame)) is dict else {}

    def merged(frame: Frame) -> JsonObject:
        fields: JsonObject = {}
        for get in gets:
            value = get(frame)
            if type(value) is dict:
                fields.update(value)
        return fields

    return merged


def _shaping(node: Node, reader: Reader, scope: Scope, defaults: Defaults) -> Sequence[_Stage]:
    stages: list[_Stage] = []
    for word, shape in (("only", shaping.keeping), ("except", shaping.dropping)):
        if node.has(word):
            shaped = shape(read_globs(node.at(word), reader, "E163"))
            stages.append(_silent(shaped))
    separator = _separator(node, reader) if node.has("flatten") else defaults.separator
    if separator is not None:
        clash = scope.of_field((*node.path, "flatten")).warned(FLATTEN_CLASH)
        stages.append(_warning(lambda fields: shaping.flattened(fields, separator), clash))
    if node.has("rename"):
        names = read_names(node.at("rename"), reader, "E163")
        clash = scope.of_field((*node.path, "rename")).warned(RENAME_CLASH)
        stages.append(_warning(lambda fields: shaping.renamed(fields, names), clash))
    return stages


def _silent(shape: shaping.Shape) -> _Stage:
    return lambda fields, _frame: shape(fields)


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


def _used(node: Node, reader: Reader, scope: Scope) -> Sequence[tuple[str, Get]]:
    """The fields of the shared blocks that a call uses, compiled for where it stands."""
    if not node.has("use"):
        return ()
    setters: list[tuple[str, Get]] = []
    for part in reader.members(node.at("use"), "E163", "`use`, a list of shared blocks,") or ():
        if type(part.value) is not str or part.value not in reader.shared:
            meant = did_you_mean(part.value, reader.shared) if type(part.value) is str else ""
            reader.error("E162", part, f"no shared block `{part.value}`{meant}")
            continue
        reader.used_shared.add(part.value)
        block = Node(reader.shared[part.value], ("shared", part.value))
        setters += compile_fields(block, reader, scope, within=(*node.path, "use", part.value))
    return setters


def _own(node: Node, reader: Reader, scope: Scope, kind: Kind) -> Sequence[tuple[str, Get]]:
    word = "properties" if kind == "track" else "traits"
    if not node.has(word):
        return ()
    return compile_fields(node.at(word), reader, scope, code="E163", within=(*node.path, word))

"""Calls: what one rule makes of an event.

The fields of a call are copied, then shaped in one fixed order whatever the order of the lines in the file:
copy, only, except, flatten, rename, use, properties or traits, nulls. A call without shaping is one shallow copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from adapter.mapping import shaping
from adapter.mapping.absent import ABSENT
from adapter.mapping.conditions import compile_condition
from adapter.mapping.finding import did_you_mean
from adapter.mapping.frame import Frame, Get, Holds, constant
from adapter.mapping.reader import Node, Reader, Scope
from adapter.mapping.scalars import date_of, id_text, text_of
from adapter.mapping.steps import FLATTEN_CLASH, RENAME_CLASH, read_globs, read_names, read_separator
from adapter.mapping.values import compile_fields, compile_text, compile_value
from adapter.model import JsonObject, Problem

MAX_NAME: Final = 500
"""Characters of an event name."""

Kind: TypeAlias = Literal["track", "identify"]
Made: TypeAlias = tuple[Kind, str, JsonObject]
"""A call before it has its key: kind, event name (empty for identify) and body."""
Make: TypeAlias = Callable[[Frame], Made | None]
"""Makes one call; None, and a problem in the frame, where the event is refused."""
_Fill: TypeAlias = Callable[[Frame], JsonObject]
_Stage: TypeAlias = Callable[[JsonObject, Frame], JsonObject]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What `settings` says about every call."""

    keep_nulls: bool
    separator: str | None


@dataclass(frozen=True, slots=True)
class CallBlock:
    """One call block: how to make a call, on what condition of its own, for each member of what."""

    make: Make
    holds: Holds | None
    each: Get | None

    def add_to(self, made: list[Made], frame: Frame, room: int) -> int:
        """Add the calls for an event, at most `room`; answers how many more there would have been."""
        if self.each is not None:
            return self._add_each(made, frame, self.each, room)
        if self.holds is not None and not self.holds(frame):
            return 0
        return self._add(made, frame, room)

    def _add(self, made: list[Made], frame: Frame, room: int) -> int:
        if len(made) >= room:
            return 1
        call = self.make(frame)
        if call is not None:
            made.append(call)
        return 0

    def _add_each(self, made: list[Made], frame: Frame, each: Get, room: int) -> int:
        value = each(frame)
        over = 0
        for place, member in enumerate(value if type(value) is list else [value]):
            if member is None or member is ABSENT:
                continue
            frame.item, frame.index = member, place
            if self.holds is None or self.holds(frame):
                over += self._add(made, frame, room)
        frame.item = frame.index = ABSENT
        return over


def compile_call(node: Node, reader: Reader, scope: Scope, defaults: Defaults, *, when: Node | None) -> CallBlock:
    """A call block, ready to make calls; `when` is its own condition, if it stands under `send`."""
    each = reader.path(node.at("each"), "E163", scope) if node.has("each") else None
    inner = replace(scope, has_item=True) if node.has("each") else scope
    kind = _kind(node, reader)
    fill = _fields(node, reader, inner, defaults, kind)
    make = _track(node, reader, inner, fill) if kind == "track" else _identify(node, reader, inner, fill)
    holds = compile_condition(when, reader, inner) if when is not None else None
    return CallBlock(make, holds, reader.getter(each) if each is not None else None)


def _kind(node: Node, reader: Reader) -> Kind:
    kinds = [word for word in ("track", "identify") if node.has(word)]
    if len(kinds) != 1:
        found = "this one has both" if kinds else "this one has neither"
        reader.error("E160", node, f"a call has `track` or `identify`; {found}")
    if node.has("identify"):
        reader.only_true(node.at("identify"), "E163", "identify")
    kind: Kind = "identify" if kinds == ["identify"] else "track"
    foreign, own = ("properties", "traits") if kind == "identify" else ("traits", "properties")
    if node.has(foreign) and len(kinds) == 1:
        reader.error_of_key("E161", node.at(foreign), f"a call that is `{kind}` sets `{own}`, not `{foreign}`")
    return kind


# The body


def _track(node: Node, reader: Reader, scope: Scope, fill: _Fill) -> Make:
    name_of = _event_name(node, reader, scope)
    common = _common(node, reader, scope)
    missing = Problem("/event", "required", "the event name is absent or empty")

    def make(frame: Frame) -> Made | None:
        name = name_of(frame)
        if type(name) is not str:
            name = text_of(name)
        if name is ABSENT or not name or name.isspace():
            frame.problems.append(missing)
            return None
        name = name[:MAX_NAME]
        body: JsonObject = {"event": name}
        fields = fill(frame)
        if fields:
            body["properties"] = fields
        return ("track", name, body) if common(frame, body) else None

    return make


def _identify(node: Node, reader: Reader, scope: Scope, fill: _Fill) -> Make:
    common = _common(node, reader, scope)

    def make(frame: Frame) -> Made | None:
        body: JsonObject = {}
        fields = fill(frame)
        if fields:
            body["traits"] = fields
        return ("identify", "", body) if common(frame, body) else None

    return make


def _event_name(node: Node, reader: Reader, scope: Scope) -> Get:
    if not node.has("track"):
        return constant(ABSENT)
    track = node.at("track")
    inner = scope.of_field(track.path)
    if type(track.value) is dict:
        return compile_value(track, reader, inner)
    text = reader.text(track, "E163", "`track`, the event name,", at_most=MAX_NAME)
    return constant(ABSENT) if text is None else compile_text(text, track, reader, inner)


def _common(node: Node, reader: Reader, scope: Scope) -> Callable[[Frame, JsonObject], bool]:
    """Adds ids and time to a body; false, and the event is refused, if nobody is there."""
    user_id, anonymous_id, timestamp = (
        compile_value(node.at(word), reader, scope.of_field(node.at(word).path)) if node.has(word) else None
        for word in ("userId", "anonymousId", "timestamp")
    )
    nobody = Problem("/userId", "required", "neither `userId` nor `anonymousId` is there")
    no_date = scope.of_field((*node.path, "timestamp")).warned("not a date; the message's own stays")

    def add(frame: Frame, body: JsonObject) -> bool:
        user = frame.user_id if user_id is None else _id(user_id(frame), frame.user_id)
        anonymous = frame.anonymous_id if anonymous_id is None else _id(anonymous_id(frame), frame.anonymous_id)
        if user is None and anonymous is None:
            frame.problems.append(nobody)
            return False
        if user is not None:
            body["userId"] = user
        if anonymous is not None:
            body["anonymousId"] = anonymous
        body["timestamp"] = frame.timestamp() if timestamp is None else _time(timestamp(frame), frame, no_date)
        return True

    return add


def _id(value: Any, own: str | None) -> str | None:
    """An id as text; the message's own where there is none."""
    return id_text(value) or own


def _time(value: Any, frame: Frame, no_date: Any) -> str:
    if value is ABSENT or value is None:
        return frame.timestamp()
    date = date_of(value)
    if date is ABSENT:
        frame.warnings.append(no_date)
        return frame.timestamp()
    return str(date)


# The fields


def _fields(node: Node, reader: Reader, scope: Scope, defaults: Defaults, kind: Kind) -> _Fill:
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


def _copy(node: Node, reader: Reader, scope: Scope, kind: Kind) -> _Fill:
    """The fields to start from: always a new object."""
    if node.has("copy"):
        copy = node.at("copy")
        if copy.value == "none":
            return lambda _frame: {}
        paths = [copy] if type(copy.value) is str else reader.members(copy, "E163", "`copy`, paths or `none`,") or ()
        gets = [reader.getter(reader.path(path, "E163", scope)) for path in paths]
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
        setters += compile_fields(block, reader, scope.of_field((*node.path, "use", part.value)))
    return setters


def _own(node: Node, reader: Reader, scope: Scope, kind: Kind) -> Sequence[tuple[str, Get]]:
    word = "properties" if kind == "track" else "traits"
    if not node.has(word):
        return ()
    parts = reader.entries(node.at(word), "E163", f"`{word}`, a block of fields,") or ()
    return [(part.name, compile_value(part, reader, scope.of_field(part.path))) for part in parts]

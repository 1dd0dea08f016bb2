"""Reads call blocks: the calls that one rule makes of an event, each with the name, ids and time that Browsee needs.

A call that lacks one of them refuses the event; no incomplete call is ever sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from adapter.mapping.compile.call_fields import Defaults, Fill, compile_call_fields, fields_word
from adapter.mapping.compile.conditions import compile_condition
from adapter.mapping.compile.node import ItemUse, Node, Scope
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.values import compile_text, compile_value
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.call_block import NO_ID, CallBlock, Each, Make, UnkeyedCall
from adapter.mapping.run.frame import Frame, Get, constant
from adapter.mapping.run.scalars import date_of, id_text, text_of
from adapter.model import EventWarning, JsonObject, Kind, Problem, WarningKind
from adapter.wire.ids import is_no_id, is_rounded

MAX_NAME: Final = 500
"""Characters of an event name."""

_NOBODY: Final = Problem("/userId", "required", "neither `userId` nor `anonymousId` is there")
_NOBODY_IN_SNAKE: Final = Problem(
    "/userId",
    "required",
    f"{_NOBODY.message}; `user_id` and `anonymous_id` are not read: have the sender write `userId` and `anonymousId`, "
    "or the rule set `userId: raw.user_id`",
)

_NameOf: TypeAlias = Callable[[Frame], str | None]
"""The name of a call; None, and a problem in the frame, if there is none."""


def compile_call(node: Node, reader: Reader, scope: Scope, defaults: Defaults, *, when: Node | None) -> CallBlock:
    """A compiled call block; `when` is its own condition, if it is in `send`."""
    path = reader.path(node.at("each"), "E163", scope) if node.has("each") else None
    get = reader.getter(path, scope)
    reader.item_use = ItemUse()
    inner = replace(scope, has_item=True) if node.has("each") else scope
    kind = _kind(node, reader)
    fill = compile_call_fields(node, reader, inner, defaults, kind)
    make = _make(node, reader, inner, defaults.settings, kind=kind, fill=fill)
    holds = compile_condition(when, reader, inner) if when is not None else None
    each = Each(get, path.written, scope.rule, _wants_objects(node, reader.item_use)) if path is not None else None
    return CallBlock(make, holds, each)


def _wants_objects(node: Node, use: ItemUse) -> bool:
    """Whether a call can only be made of an object.

    A call without `copy` starts from `item`; one that uses `item` as a value is made for texts as well.
    """
    if not node.has("copy"):
        return use.of_field or not use.itself
    copied = node.value["copy"]
    return use.of_field or "item" in (copied if type(copied) is list else [copied])


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


def _make(node: Node, reader: Reader, scope: Scope, settings: Node, *, kind: Kind, fill: Fill) -> Make:
    """One closure for the whole call, because every event has at least one."""
    is_track, word = kind == "track", fields_word(kind)
    user_id, anonymous_id = (_ids(word, (node, settings), reader, scope) for word in ("userId", "anonymousId"))
    own_time = None
    if node.has("timestamp"):
        own_time = compile_value(node.at("timestamp"), reader, scope.of_field(node.at("timestamp").path))
    no_date = scope.of_field((*node.path, "timestamp")).warned("not a date; the message's own stays")
    fixed, name_of = _name(node, reader, scope) if is_track else ("", None)

    def make(frame: Frame) -> UnkeyedCall | None:
        name = fixed if name_of is None else name_of(frame)
        if name is None:
            return None
        body: JsonObject = {"event": name} if is_track else {}
        fields = fill(frame)
        if fields:
            body[word] = fields
        user = frame.user_id if user_id is None else user_id(frame) or frame.user_id
        anonymous = frame.anonymous_id if anonymous_id is None else anonymous_id(frame) or frame.anonymous_id
        if user is not None:
            body["userId"] = user
        elif anonymous is None:
            is_snake = "user_id" in frame.body or "anonymous_id" in frame.body
            frame.problems.append(_NOBODY_IN_SNAKE if is_snake else _NOBODY)
            return None
        if anonymous is not None:
            body["anonymousId"] = anonymous
        body["timestamp"] = frame.timestamp() if own_time is None else _time(own_time(frame), frame, no_date)
        return kind, name, body

    return make


def _name(node: Node, reader: Reader, scope: Scope) -> tuple[str, _NameOf | None]:
    """The name of a `track` call if it is valid and the same for all events; else the closure that reads it."""
    get = _event_name(node, reader, scope)
    if isinstance(get, str):
        return get, None
    cut = scope.of_field((*node.path, "track")).warned(f"event name cut after {MAX_NAME} characters")
    missing = Problem("/event", "required", "the event name is absent or empty")

    def name_of(frame: Frame) -> str | None:
        name = get(frame)
        if type(name) is not str:
            name = text_of(name)
        if name is ABSENT or not name or name.isspace():
            frame.problems.append(missing)
            return None
        if len(name) > MAX_NAME:
            frame.warnings.append(cut)
            return str(name[:MAX_NAME])
        return str(name)

    return "", name_of


def _event_name(node: Node, reader: Reader, scope: Scope) -> Get | str:
    """The closure that returns the name, or the name itself if it is valid and the same for all events."""
    if not node.has("track"):
        return constant(ABSENT)
    track = node.at("track")
    inner = scope.of_field(track.path)
    if type(track.value) is dict:
        return compile_value(track, reader, inner)
    text = reader.text(track, "E163", "`track`, the event name,", at_most=MAX_NAME)
    if text is None:
        return constant(ABSENT)
    is_plain = not text.isspace() and "{" not in text and "}" not in text
    return text if is_plain else compile_text(text, track, reader, inner)


def _ids(word: str, places: Sequence[Node], reader: Reader, scope: Scope) -> Callable[[Frame], str | None] | None:
    """Reads the first valid id of those in `word`, the call's own before that of all calls."""
    written = [place.at(word) for place in places if place.has(word)]
    if not written:
        return None
    # The id of all calls is the same in each, so it reads no `item`.
    scopes = [
        (scope if node.path[0] != "settings" else replace(scope, has_item=False)).of_field(node.path)
        for node in written
    ]
    gets = [
        (compile_value(node, reader, own), own.warned(NO_ID, WarningKind.ID))
        for node, own in zip(written, scopes, strict=True)
    ]

    def get_id(frame: Frame) -> str | None:
        for get, no_id in gets:
            found = _id(get(frame), frame, no_id, reader.no_ids)
            if found is not None:
                return found
        return None

    return get_id


def _id(value: Any, frame: Frame, no_id: EventWarning, no_ids: frozenset[str]) -> str | None:
    """An id as text; None if there is none, with the warning `no_id` for a text or number that is not an id."""
    text = id_text(value)
    if is_rounded(value) or (text is not None and is_no_id(text, no_ids)):
        frame.warnings.append(no_id)
        return None
    return text


def _time(value: Any, frame: Frame, no_date: Any) -> str:
    if value is ABSENT or value is None:
        return frame.timestamp()
    date = date_of(value)
    if date is ABSENT:
        frame.warnings.append(no_date)
        return frame.timestamp()
    return str(date)

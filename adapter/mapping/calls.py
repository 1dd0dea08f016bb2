"""Calls: what one rule makes of an event, each with the name, ids and time that Browsee needs.

A call that lacks one of them refuses the event; nothing half empty is ever sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from adapter.mapping.absent import ABSENT
from adapter.mapping.call_fields import Defaults, Fill, Kind, compile_call_fields
from adapter.mapping.conditions import compile_condition
from adapter.mapping.frame import Frame, Get, Holds, constant
from adapter.mapping.listing import members_reader
from adapter.mapping.reader import ItemUse, Node, Reader, Scope
from adapter.mapping.scalars import date_of, id_text, text_of
from adapter.mapping.values import compile_text, compile_value
from adapter.model import EventWarning, JsonObject, Problem, WarningKind
from adapter.wire.ids import is_no_id

MAX_NAME: Final = 500
"""Characters of an event name."""

NO_ID: Final = "one of the texts that are no id; left out"
_NOBODY: Final = Problem("/userId", "required", "neither `userId` nor `anonymousId` is there")
_NOBODY_IN_SNAKE: Final = Problem(
    "/userId",
    "required",
    f"{_NOBODY.message}; `user_id` and `anonymous_id` are not read: have the sender write `userId` and `anonymousId`, "
    "or the rule set `userId: raw.user_id`",
)

UnkeyedCall: TypeAlias = tuple[Kind, str, JsonObject]
"""A call before it has its key: kind, event name (empty for identify) and body."""
Make: TypeAlias = Callable[[Frame], UnkeyedCall | None]
"""Makes one call; None, and a problem in the frame, where the event is refused."""
_Common: TypeAlias = Callable[[Frame, JsonObject], bool]
"""Adds ids and time to a body; false, and the event is refused, if nobody is there."""


@dataclass(frozen=True, slots=True)
class Each:
    """The list that a call is made for each member of. `wants_objects`: the call reads fields of its members."""

    get: Get
    path: str
    rule: str
    wants_objects: bool

    def places(self, frame: Frame) -> list[tuple[int, Any]]:
        """The members that can make a call, each with its place in the list."""
        value = self.get(frame)
        if type(value) is not list:
            value = members_reader(self.path, self.rule)(value, frame.warnings) or []
        present = [(place, member) for place, member in enumerate(value) if member is not None]
        if not self.wants_objects:
            return present
        objects = [(place, member) for place, member in present if type(member) is dict]
        if len(objects) < len(present):
            cause = f"{len(present) - len(objects)} of {len(value)} members are not objects and make no call"
            frame.warnings.append(EventWarning(WarningKind.LIST, self.path, cause, self.rule))
        return objects


@dataclass(frozen=True, slots=True)
class CallBlock:
    """One call block: how to make a call, on what condition of its own, for each member of what."""

    make: Make
    holds: Holds | None
    each: Each | None

    def add_to(self, made: list[UnkeyedCall], frame: Frame, room: int) -> int:
        """Add the calls for an event, at most `room`; answers how many more there would have been."""
        if self.each is not None:
            return self._add_each(made, frame, self.each, room)
        if self.holds is not None and not self.holds(frame):
            return 0
        return self._add(made, frame, room)

    def _add(self, made: list[UnkeyedCall], frame: Frame, room: int) -> int:
        if len(made) >= room:
            return 1
        call = self.make(frame)
        if call is not None:
            made.append(call)
        return 0

    def _add_each(self, made: list[UnkeyedCall], frame: Frame, each: Each, room: int) -> int:
        over = 0
        for place, member in each.places(frame):
            frame.item, frame.index = member, place
            if self.holds is None or self.holds(frame):
                over += self._add(made, frame, room)
        frame.item = frame.index = ABSENT
        return over


def compile_call(node: Node, reader: Reader, scope: Scope, defaults: Defaults, *, when: Node | None) -> CallBlock:
    """A call block, ready to make calls; `when` is its own condition, if it stands under `send`."""
    path = reader.path(node.at("each"), "E163", scope) if node.has("each") else None
    get = reader.getter(path, scope)
    reader.item_use = ItemUse()
    inner = replace(scope, has_item=True) if node.has("each") else scope
    kind = _kind(node, reader)
    fill = compile_call_fields(node, reader, inner, defaults, kind)
    common = _common(node, reader, inner, defaults.settings)
    make = _track(node, reader, inner, fill, common) if kind == "track" else _identify(fill, common)
    holds = compile_condition(when, reader, inner) if when is not None else None
    each = Each(get, path.written, scope.rule, _wants_objects(node, reader.item_use)) if path is not None else None
    return CallBlock(make, holds, each)


def _wants_objects(node: Node, use: ItemUse) -> bool:
    """Whether a call can only be made of an object.

    A call that says nothing of `copy` starts from `item`; one that takes `item` as a value is made for texts as well.
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


def _track(node: Node, reader: Reader, scope: Scope, fill: Fill, common: _Common) -> Make:
    name_of = _event_name(node, reader, scope)
    if isinstance(name_of, str):
        return _track_named(name_of, fill, common)
    cut = scope.of_field((*node.path, "track")).warned(f"event name cut after {MAX_NAME} characters")
    missing = Problem("/event", "required", "the event name is absent or empty")

    def make(frame: Frame) -> UnkeyedCall | None:
        name = name_of(frame)
        if type(name) is not str:
            name = text_of(name)
        if name is ABSENT or not name or name.isspace():
            frame.problems.append(missing)
            return None
        if len(name) > MAX_NAME:
            frame.warnings.append(cut)
            name = name[:MAX_NAME]
        body: JsonObject = {"event": name}
        fields = fill(frame)
        if fields:
            body["properties"] = fields
        return ("track", name, body) if common(frame, body) else None

    return make


def _track_named(name: str, fill: Fill, common: _Common) -> Make:
    """A call whose name is known, which is what most rules make."""

    def make(frame: Frame) -> UnkeyedCall | None:
        body: JsonObject = {"event": name}
        fields = fill(frame)
        if fields:
            body["properties"] = fields
        return ("track", name, body) if common(frame, body) else None

    return make


def _identify(fill: Fill, common: _Common) -> Make:
    def make(frame: Frame) -> UnkeyedCall | None:
        body: JsonObject = {}
        fields = fill(frame)
        if fields:
            body["traits"] = fields
        return ("identify", "", body) if common(frame, body) else None

    return make


def _event_name(node: Node, reader: Reader, scope: Scope) -> Get | str:
    """The closure that gives the name, or the name itself where it is fit and the same for all."""
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


def _common(node: Node, reader: Reader, scope: Scope, settings: Node) -> _Common:
    user_id, anonymous_id = (_ids(word, (node, settings), reader, scope) for word in ("userId", "anonymousId"))
    own_time = None
    if node.has("timestamp"):
        own_time = compile_value(node.at("timestamp"), reader, scope.of_field(node.at("timestamp").path))
    no_date = scope.of_field((*node.path, "timestamp")).warned("not a date; the message's own stays")

    def add(frame: Frame, body: JsonObject) -> bool:
        user = frame.user_id if user_id is None else user_id(frame) or frame.user_id
        anonymous = frame.anonymous_id if anonymous_id is None else anonymous_id(frame) or frame.anonymous_id
        if user is None and anonymous is None:
            is_snake = "user_id" in frame.body or "anonymous_id" in frame.body
            frame.problems.append(_NOBODY_IN_SNAKE if is_snake else _NOBODY)
            return False
        if user is not None:
            body["userId"] = user
        if anonymous is not None:
            body["anonymousId"] = anonymous
        body["timestamp"] = frame.timestamp() if own_time is None else _time(own_time(frame), frame, no_date)
        return True

    return add


def _ids(word: str, places: Sequence[Node], reader: Reader, scope: Scope) -> Callable[[Frame], str | None] | None:
    """Reads the first id that is one of those written under `word`, the call's own before that of all calls."""
    written = [place.at(word) for place in places if place.has(word)]
    if not written:
        return None
    # That of all calls means the same in each, so it reads no `item`.
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
    """An id as text; None where there is none, with the warning `no_id` if a text stands there that is no id."""
    text = id_text(value)
    if text is not None and is_no_id(text, no_ids):
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

"""The closure that reads a path. Reading never raises and never reaches anything but members of objects and lists."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from adapter.mapping.language.paths import At, EventPath, EveryMember, Key, Matching, Segment, written_segment
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get
from adapter.mapping.run.listing import members_reader
from adapter.mapping.run.scalars import text_of
from adapter.model import EventWarning


def compile_path(path: EventPath, *, rule: str | None = None) -> Get:
    """The closure that reads `path`; `vars` is not read here, because constants are known at load.

    With a `rule`, a list that is not written as one is noted in the frame's warnings.
    """
    root, segments = path.root, path.segments
    match segments:
        case (Key(name),) if root == "item":
            return _item_key(name)
        case (Key(name),) if root == "traits":
            return _traits_key(name)
        case _ if root in _OWN_ROOTS:
            return _following(_OWN_ROOTS[root], path, rule)
        case (Key(first),):
            return _one_key(root, first)
        case (Key(first), Key(second)):
            return _two_keys(root, first, second)
        case _:
            return _following(lambda frame: frame.body.get(root, ABSENT), path, rule)


def compile_below(start: Get, path: EventPath, segments: tuple[Segment, ...], *, rule: str | None) -> Get:
    """The closure that reads `segments` below what `start` gives; `path` is the whole of it, for warnings."""
    if not segments:
        return start
    follow = _follower(segments, path.root, rule)
    return lambda frame: follow(start(frame), frame.warnings)


_OWN_ROOTS: Final[Mapping[str, Get]] = {
    "item": lambda frame: frame.item,
    "index": lambda frame: frame.index,
    "raw": lambda frame: frame.body,
    "traits": lambda frame: frame.traits(),
}
"""Roots that are not simply a member of the message."""


def _one_key(root: str, key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _item_key(key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.item
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _traits_key(key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.traits()
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _two_keys(root: str, first: str, second: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        if type(value) is not dict:
            return ABSENT
        value = value.get(first)
        return value.get(second, ABSENT) if type(value) is dict else ABSENT

    return get


_Follow: TypeAlias = Callable[[Any, list[EventWarning]], Any]
"""From a value on, what stands below it, or ABSENT; what was odd on the way is added to the warnings."""


def _following(start: Get, path: EventPath, rule: str | None) -> Get:
    return compile_below(start, path, path.segments, rule=rule)


def _follower(segments: tuple[Segment, ...], before: str, rule: str | None) -> _Follow:
    if not segments:
        return lambda value, _warnings: value
    rest = _follower(segments[1:], before + written_segment(segments[0]), rule)
    members = members_reader(before, rule=rule)
    match segments[0]:
        case Key(name):
            return lambda value, heard: rest(value.get(name, ABSENT), heard) if type(value) is dict else ABSENT
        case At(place):
            return lambda value, heard: rest(_member(members(value, heard), place), heard)
        case Matching(key, text):
            return lambda value, heard: rest(_first_matching(members(value, heard), key=key, text=text), heard)
        case EveryMember(of_object):
            spreads_on = any(isinstance(segment, EveryMember) for segment in segments[1:])
            spread = _spreading(rest, spreads_on=spreads_on)
            if of_object:
                return lambda value, heard: spread(value.values() if type(value) is dict else None, heard)
            return lambda value, heard: spread(members(value, heard), heard)


def _member(members: list[Any] | None, place: int) -> Any:
    return members[place] if members is not None and -len(members) <= place < len(members) else ABSENT


def _first_matching(members: list[Any] | None, *, key: str, text: str) -> Any:
    for member in members or ():
        if type(member) is dict and text_of(member.get(key)) == text:
            return member
    return ABSENT


def _spreading(rest: _Follow, *, spreads_on: bool) -> Callable[[Iterable[Any] | None, list[EventWarning]], Any]:
    """What `rest` finds in each member, as one flat list; ABSENT where there is nothing to spread."""

    def spread(members: Iterable[Any] | None, warnings: list[EventWarning]) -> Any:
        if members is None:
            return ABSENT
        found = [each for member in members if (each := rest(member, warnings)) is not ABSENT]
        return [each for part in found for each in part] if spreads_on else found

    return spread

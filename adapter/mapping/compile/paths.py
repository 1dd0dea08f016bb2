"""The closure that reads a path. It never raises and reaches nothing but members of objects and lists."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from adapter.mapping.language.paths import At, EventPath, EveryMember, Key, Matching, Segment, written_segment
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get
from adapter.mapping.run.listing import members_reader
from adapter.mapping.run.scalars import text_of
from adapter.model import EventWarning, WarningKind


def compile_path(path: EventPath, *, rule: str | None = None, skips_blanks: bool = False) -> Get:
    """The closure that reads `path`; `vars` is not read here, because constants are known at load.

    With a `rule`, a list that is not written as one adds a warning to the frame. `skips_blanks`: blank text is absent,
    so that fallbacks and `default` replace it.
    """
    root, segments = path.root, path.segments
    match segments:
        case (Key(name),) if root == "item":
            return _item_key(name, skips_blanks=skips_blanks)
        case (Key(name),) if root == "traits":
            return _traits_key(name, skips_blanks=skips_blanks)
        case _ if root in _OWN_ROOTS:
            return compile_below(_OWN_ROOTS[root], path, segments, rule=rule, skips_blanks=skips_blanks)
        case (Key(first),):
            return _one_key(root, first, skips_blanks=skips_blanks)
        case (Key(first), Key(second) as last) if last.place is None:
            return _two_keys(root, first, second, rule=rule, skips_blanks=skips_blanks)
        case _:
            return compile_below(_member_of_body(root), path, segments, rule=rule, skips_blanks=skips_blanks)


def compile_below(
    start: Get, path: EventPath, segments: tuple[Segment, ...], *, rule: str | None, skips_blanks: bool
) -> Get:
    """The closure that reads `segments` below the value of `start`; `path` is all of it, for warnings."""
    if not segments:
        return _without_blanks(start) if skips_blanks else start
    follow = _follower(segments, path.root, rule)

    def get(frame: Frame) -> Any:
        value = follow(start(frame), frame.warnings)
        if skips_blanks and type(value) is str and (not value or value.isspace()):
            return ABSENT
        return value

    return get


def _without_blanks(start: Get) -> Get:
    def get(frame: Frame) -> Any:
        value = start(frame)
        return ABSENT if type(value) is str and (not value or value.isspace()) else value

    return get


_OWN_ROOTS: Final[Mapping[str, Get]] = {
    "item": lambda frame: frame.item,
    "index": lambda frame: frame.index,
    "raw": lambda frame: frame.body,
    "traits": lambda frame: frame.traits(),
}
"""Roots that are more than a member of the message."""


def _member_of_body(name: str) -> Get:
    return lambda frame: frame.body.get(name, ABSENT)


# Closures for short paths, which are almost all. Each does everything in one call, because every value needs it.


def _one_key(root: str, key: str, *, skips_blanks: bool) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        if type(value) is not dict:
            return ABSENT
        value = value.get(key, ABSENT)
        if skips_blanks and type(value) is str and (not value or value.isspace()):
            return ABSENT
        return value

    return get


def _item_key(key: str, *, skips_blanks: bool) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.item
        if type(value) is not dict:
            return ABSENT
        value = value.get(key, ABSENT)
        if skips_blanks and type(value) is str and (not value or value.isspace()):
            return ABSENT
        return value

    return get


def _traits_key(key: str, *, skips_blanks: bool) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.traits()
        if type(value) is not dict:
            return ABSENT
        value = value.get(key, ABSENT)
        if skips_blanks and type(value) is str and (not value or value.isspace()):
            return ABSENT
        return value

    return get


def _two_keys(root: str, first: str, second: str, *, rule: str | None, skips_blanks: bool) -> Get:
    path = root + written_segment(Key(first))

    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        if type(value) is not dict:
            return ABSENT
        value = value.get(first)
        if type(value) is not dict:
            if type(value) is list and rule is not None:
                frame.warnings.append(_of_list(path, second, rule))
            return ABSENT
        value = value.get(second, ABSENT)
        if skips_blanks and type(value) is str and (not value or value.isspace()):
            return ABSENT
        return value

    return get


_Follow: TypeAlias = Callable[[Any, list[EventWarning]], Any]
"""From a value to the value below it, or ABSENT; peculiarities on the way are added to the warnings."""


def _follower(segments: tuple[Segment, ...], before: str, rule: str | None) -> _Follow:
    keys = [segment for segment in segments if isinstance(segment, Key)]
    if len(keys) == len(segments) and all(key.place is None for key in keys):
        return _through([key.name for key in keys], before, rule)
    rest = _follower(segments[1:], before + written_segment(segments[0]), rule)
    members = members_reader(before, rule=rule)
    match segments[0]:
        case Key() as key:
            return _member_of(key, rest, before, rule)
        case At(place):
            return lambda value, heard: rest(_member(members(value, heard), place), heard)
        case Matching(key, text):
            return lambda value, heard: rest(_first_matching(members(value, heard), key=key, text=text), heard)
        case EveryMember(of_object):
            spread = _spreading(segments[1:], rest)
            if of_object:
                return lambda value, heard: spread(value.values() if type(value) is dict else None, heard)
            return lambda value, heard: spread(members(value, heard), heard)


def _through(names: Sequence[str], before: str, rule: str | None) -> _Follow:
    ways = [before + "".join(written_segment(Key(name)) for name in names[:number]) for number in range(len(names))]
    steps = list(zip(names, ways, strict=True))

    def follow(value: Any, heard: list[EventWarning]) -> Any:
        for name, way in steps:
            if type(value) is not dict:
                if type(value) is list and rule is not None:
                    heard.append(_of_list(way, name, rule))
                return ABSENT
            value = value.get(name, ABSENT)
        return value

    return follow


def _member_of(key: Key, rest: _Follow, before: str, rule: str | None) -> _Follow:
    """The member of an object with this name; for a number also that of a list at this position."""
    step, place, members = _through([key.name], before, rule), key.place, members_reader(before, rule=rule)

    def follow(value: Any, heard: list[EventWarning]) -> Any:
        if place is not None and type(value) is not dict:
            return rest(_member(members(value, heard), place), heard)
        return rest(step(value, heard), heard)

    return follow


def _of_list(path: str, name: str, rule: str) -> EventWarning:
    cause = f"a list has no `{name}`; `{path}[*]{written_segment(Key(name))}` reads that of every member"
    return EventWarning(WarningKind.LIST, path, cause, rule)


def _member(members: list[Any] | None, place: int) -> Any:
    return members[place] if members is not None and -len(members) <= place < len(members) else ABSENT


def _first_matching(members: list[Any] | None, *, key: str, text: str) -> Any:
    for member in members or ():
        if type(member) is dict and text_of(member.get(key)) == text:
            return member
    return ABSENT


def _spreading(
    segments: tuple[Segment, ...], rest: _Follow
) -> Callable[[Iterable[Any] | None, list[EventWarning]], Any]:
    """The values that `rest` finds by `segments` in each member, as one flat list; ABSENT if there is no list."""
    if not segments:
        return lambda members, _warnings: ABSENT if members is None else list(members)
    spreads_on = any(isinstance(segment, EveryMember) for segment in segments)

    def spread(members: Iterable[Any] | None, warnings: list[EventWarning]) -> Any:
        if members is None:
            return ABSENT
        found = [each for member in members if (each := rest(member, warnings)) is not ABSENT]
        return [each for part in found for each in part] if spreads_on else found

    return spread

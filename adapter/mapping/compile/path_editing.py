"""Changes what is at a path of a message, for guards and for `prepare`; only the branches that change are copied.

A path that is read means one place. A path that is changed means every place that a sender could put the value in, so
that a guard lets nothing through because a list arrived in another form: a name reaches into every member of a list,
`[*]` also means a single object, and the JSON text of an object or a list is read and written again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from adapter.mapping.language.paths import At, EveryMember, Key, Matching, Segment
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.guard_walk import ChangeValue, change_json, with_members, with_places
from adapter.mapping.run.listing import FROM_KEYS, read_list
from adapter.mapping.run.scalars import text_of
from adapter.mapping.run.shaping import MAX_DEPTH

EditAt: TypeAlias = Callable[[Any, ChangeValue], Any]
"""Takes a value and the change, returns the value with everything changed that the path means; ABSENT to remove it."""
_Inside: TypeAlias = Callable[[Any, ChangeValue], Any]
"""The same for an object or a list."""


def editor_of(way: Sequence[Segment]) -> EditAt:
    """The closure that changes everything at the end of `way`."""
    if not way:
        return lambda value, change: change(value)
    segment, rest = way[0], editor_of(way[1:])
    match segment:
        case Key():
            return _of_key(segment, rest)
        case EveryMember(of_object=True):
            inside = _of_every_value(rest)
        case _:
            inside = _of_members(segment, rest)

    def edit(value: Any, change: ChangeValue) -> Any:
        return change_json(value, lambda read: edit(read, change)) if type(value) is str else inside(value, change)

    return edit


def _of_key(key: Key, rest: EditAt) -> EditAt:
    name, place = key.name, key.place

    def edit(value: Any, change: ChangeValue, depth: int = 0) -> Any:
        if type(value) is dict and name in value:
            new = rest(value[name], change)
            return value if new is value[name] else with_members(value, {name: new})
        if type(value) not in _HOLD:
            return value
        if depth > MAX_DEPTH:
            return ABSENT
        if type(value) is list and place is not None:
            return with_places(value, {place: rest(value[place], change)}) if place < len(value) else value
        return _in_every_member(value, lambda member: edit(member, change, depth + 1))

    return edit


def _in_every_member(value: Any, edit: ChangeValue) -> Any:
    """A list after `edit` of every member, in whatever form it is; another value stays."""
    if type(value) is str:
        return change_json(value, edit)
    if type(value) is list:
        return with_places(value, {place: edit(member) for place, member in enumerate(value)})
    if read_list(value)[1] == FROM_KEYS:
        return with_members(value, {name: edit(member) for name, member in value.items()})
    return value


_HOLD: Final = frozenset({str, dict, list})


def _of_every_value(rest: EditAt) -> _Inside:
    def inside(value: Any, change: ChangeValue) -> Any:
        if type(value) is dict:
            return with_members(value, {name: rest(member, change) for name, member in value.items()})
        if type(value) is list:
            return with_places(value, {place: rest(member, change) for place, member in enumerate(value)})
        return value

    return inside


def _of_members(segment: Segment, rest: EditAt) -> _Inside:
    def inside(value: Any, change: ChangeValue) -> Any:
        if type(value) is list:
            return with_places(value, {place: rest(value[place], change) for place in _chosen(value, segment)})
        if type(value) is not dict:
            return value
        members, form = read_list(value)
        if form == FROM_KEYS:
            chosen = _chosen(members or [], segment)
            return with_members(value, {str(place): rest(value[str(place)], change) for place in chosen})
        return rest(value, change) if _chosen([value], segment) else value

    return inside


def _chosen(members: list[Any], segment: Segment) -> Iterable[int]:
    """The positions of a list that a segment selects: for a change every match, and not only the first."""
    match segment:
        case EveryMember():
            return range(len(members))
        case At(place) if -len(members) <= place < len(members):
            return (place % len(members),)
        case Matching(key, text):
            return [
                place
                for place, member in enumerate(members)
                if type(member) is dict and text_of(member.get(key)) == text
            ]
        case _:
            return ()

"""Changes values in a message by the names of their fields, at any depth, copying only what it touches. Pure."""

from collections.abc import Callable
from typing import Any

from adapter.mapping.run.guard_walk import MAX_NAME_CHARS, with_members, with_places
from adapter.mapping.run.shaping import MAX_DEPTH


def walk_fields(value: Any, is_meant: Callable[[str], bool], change: Callable[[Any], Any], *, depth: int = 0) -> Any:
    """`value` with every field changed whose name `is_meant`; values that are nested too deep stay unchanged."""
    if depth > MAX_DEPTH:
        return value
    if type(value) is list:
        places = {
            number: new
            for number, member in enumerate(value)
            if type(member) in {dict, list}
            and (new := walk_fields(member, is_meant, change, depth=depth + 1)) is not member
        }
        return with_places(value, places) if places else value
    if type(value) is not dict:
        return value
    changed = {}
    for name, member in value.items():
        if len(name) <= MAX_NAME_CHARS and is_meant(name):
            new = change(member)
            if new is member and type(member) in {dict, list}:
                new = walk_fields(member, is_meant, change, depth=depth + 1)
        elif type(member) in {dict, list}:
            new = walk_fields(member, is_meant, change, depth=depth + 1)
        else:
            continue
        if new is not member:
            changed[name] = new
    return with_members(value, changed) if changed else value

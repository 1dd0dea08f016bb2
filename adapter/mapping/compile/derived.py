"""`derived`: named values of an event, each computed at its first use, and once only."""

from typing import Any, Final

from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.values import compile_value
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get

MAX_DERIVED: Final = 50
"""Each may read the ones above it, and a chain of them is as deep as it is long."""
_FIRST = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def compile_derived(node: Node, reader: Reader, *, skips_blanks: bool) -> None:
    """Register each value by its name; each may read those above it, and none those below."""
    parts = reader.entries(node, "E105", "`derived`, a block of `name: value`") or ()
    if len(parts) > MAX_DERIVED:
        reader.error("E105", node, f"at most {MAX_DERIVED} derived values, not {len(parts)}")
        return
    reader.derived_below = {part.name for part in parts}
    for part in parts:
        if not part.name.replace("_", "").isalnum() or part.name[0] not in _FIRST:
            reader.error_of_key(
                "E105", part, f"`{part.name}` is not a name; it has letters, digits and _ and no digit first"
            )
        scope = Scope(rule="derived", keep_nulls=True, skips_blanks=skips_blanks).of_field(part.path)
        reader.derived_now = part.name
        get = compile_value(part, reader, scope)
        reader.derived_below.discard(part.name)
        reader.derived[part.name] = _once(part.name, get)


def _once(name: str, get: Get) -> Get:
    def read(frame: Frame) -> Any:
        known = frame.derived.get(name, frame)  # the frame itself is never a value, so it marks a missing one
        if known is not frame:
            return known
        item, index = frame.item, frame.index
        frame.item = frame.index = ABSENT
        value = frame.derived[name] = get(frame)
        frame.item, frame.index = item, index
        return value

    return read

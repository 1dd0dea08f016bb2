"""Conditions: which events a rule, call or value is for.

Lines of one block are ANDed; `any`, `all` and `not` nest. A check of a missing field is false, and `not` is the exact
complement. Text, numbers and booleans never equal one another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from adapter.mapping.absent import ABSENT
from adapter.mapping.frame import Frame, Holds
from adapter.mapping.pattern import MAX_SEARCHED, compile_pattern, glob_pattern
from adapter.mapping.reader import Node, Reader, Scope, kind_of
from adapter.mapping.scalars import is_number
from adapter.mapping.words import CHECK, JOINED

Fits: TypeAlias = Callable[[Any], bool]
"""Whether a value, which may be ABSENT, passes a check."""


def compile_condition(node: Node, reader: Reader, scope: Scope) -> Holds:
    """The closure that decides; always false where the condition is refused."""
    lines = reader.entries(node, "E135" if node.value == {} else "E131", "a condition, a block of lines `path: check`,")
    return _all_of([_line(line, reader, scope) for line in lines or ()])


def compile_rest(node: Node, pinned: Sequence[str], reader: Reader, scope: Scope) -> Holds | None:
    """The condition less the lines `pinned`, which dispatch answers; None if nothing is left to ask."""
    lines = [line for line in node.members() if line.name not in pinned]
    return _all_of([_line(line, reader, scope) for line in lines]) if lines else None


def _line(node: Node, reader: Reader, scope: Scope) -> Holds:
    if node.name == "not":
        inner = compile_condition(node, reader, scope)
        return lambda frame: not inner(frame)
    if node.name in JOINED.words:
        parts = reader.members(node, "E131", f"`{node.name}`, a list of conditions,") or ()
        conditions = [compile_condition(part, reader, scope) for part in parts]
        return _any_of(conditions) if node.name == "any" else _all_of(conditions)
    path = reader.path_in(node.name, node, scope, of_key=True)
    get, fits = reader.getter(path), _check(node, reader)
    return lambda frame: fits(get(frame))


def _all_of(conditions: Sequence[Holds]) -> Holds:
    if not conditions:
        return lambda _frame: False
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) == 2:
        first, second = conditions
        return lambda frame: first(frame) and second(frame)

    def holds(frame: Frame) -> bool:
        for condition in conditions:  # noqa: SIM110 - a generator costs more than the loop
            if not condition(frame):
                return False
        return True

    return holds


def _any_of(conditions: Sequence[Holds]) -> Holds:
    def holds(frame: Frame) -> bool:
        for condition in conditions:  # noqa: SIM110 - a generator costs more than the loop
            if condition(frame):
                return True
        return False

    return holds


def _never(_value: Any) -> bool:
    return False


# Checks


def _check(node: Node, reader: Reader) -> Fits:
    if type(node.value) is dict:
        return _operators(node, reader)
    return _one_of(node, reader) if type(node.value) is list else equal_to(node.value)


def _operators(node: Node, reader: Reader) -> Fits:
    if not node.value:
        reader.error("E135", node, "a check needs at least one of " + ", ".join(CHECK.words))
        return _never
    reader.block(node, CHECK, "E131")
    checks = [_OPERATORS[part.name](part, reader) for part in node.members() if part.name in _OPERATORS]
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def equal_to(wanted: Any) -> Fits:
    """Equality that keeps 5, "5", true and 1 apart; null equals an explicit null only."""
    if wanted is None or type(wanted) is bool:
        return lambda value: value is wanted
    if type(wanted) is str:
        return lambda value: type(value) is str and value == wanted
    return lambda value: is_number(value) and bool(value == wanted)


def _is(node: Node, reader: Reader) -> Fits:
    return equal_to(node.value) if reader.is_scalar(node, "E131", "`is`") else _never


def _one_of(node: Node, reader: Reader) -> Fits:
    """Any of a list of constants."""
    parts = reader.members(node, "E131", "a list of constants") or ()
    wanted = [part.value for part in parts if reader.is_scalar(part, "E131", "each of the list")]
    texts = frozenset(value for value in wanted if type(value) is str)
    others = [equal_to(value) for value in wanted if type(value) is not str]
    if not others:
        return lambda value: type(value) is str and value in texts
    return lambda value: (type(value) is str and value in texts) or any(other(value) for other in others)


def _one_or_more(node: Node, reader: Reader) -> Fits:
    return _one_of(node, reader) if type(node.value) is list else _is(node, reader)


def _in(node: Node, reader: Reader) -> Fits:
    if type(node.value) is list:
        return _one_of(node, reader)
    table = reader.table(node, "E132")
    if table is None:
        return _never
    keys = frozenset(table)
    return lambda value: type(value) is str and value in keys


def _not(node: Node, reader: Reader) -> Fits:
    fits = _one_or_more(node, reader)
    return lambda value: not fits(value)


def _like(node: Node, reader: Reader) -> Fits:
    many = type(node.value) is list
    parts = (reader.members(node, "E131", "`like`") or ()) if many else (node,)
    globs = [text for part in parts if (text := reader.text(part, "E131", "`like`")) is not None]
    patterns = [glob_pattern(text).fullmatch for text in globs]
    if len(patterns) == 1:
        only = patterns[0]
        return lambda value: type(value) is str and only(value) is not None
    return lambda value: type(value) is str and any(pattern(value) for pattern in patterns)


def _regex(node: Node, reader: Reader) -> Fits:
    text = reader.text(node, "E134", "`regex`")
    pattern = compile_pattern(text) if text is not None else ""
    if isinstance(pattern, str):
        if text is not None:
            reader.error("E134", node, pattern)
        return _never
    search = pattern.search
    return lambda value: type(value) is str and search(value[:MAX_SEARCHED]) is not None


def _contains(node: Node, reader: Reader) -> Fits:
    many = type(node.value) is list
    parts = (reader.members(node, "E131", "`contains`") or ()) if many else (node,)
    wanted = [part.value for part in parts if reader.is_scalar(part, "E131", "`contains`")]
    texts = [value for value in wanted if type(value) is str]
    members = [equal_to(value) for value in wanted]

    def fits(value: Any) -> bool:
        if type(value) is str:
            return any(text in value for text in texts)
        return type(value) is list and any(equals(member) for member in value for equals in members)

    return fits


def _exists(node: Node, reader: Reader) -> Fits:
    if reader.boolean(node, "E131", "`exists`"):
        return lambda value: value is not ABSENT and value is not None
    return lambda value: value is ABSENT or value is None


def _comparing(compare: Callable[[Any, Any], bool]) -> Callable[[Node, Reader], Fits]:
    def operator(node: Node, reader: Reader) -> Fits:
        limit = node.value
        if not is_number(limit):
            reader.error("E133", node, f"`{node.name}` compares numbers; {kind_of(limit)} is not one")
            return _never
        return lambda value: is_number(value) and compare(value, limit)

    return operator


_OPERATORS: Final[Mapping[str, Callable[[Node, Reader], Fits]]] = MappingProxyType({
    "is": _is,
    "in": _in,
    "not": _not,
    "like": _like,
    "regex": _regex,
    "contains": _contains,
    "exists": _exists,
    "above": _comparing(lambda value, limit: value > limit),
    "at_least": _comparing(lambda value, limit: value >= limit),
    "below": _comparing(lambda value, limit: value < limit),
    "at_most": _comparing(lambda value, limit: value <= limit),
})  # fmt: skip


# What dispatch can answer


@dataclass(frozen=True, slots=True)
class Pinned:
    """The texts that `type` and `event` have to be for a condition to hold; None where it does not say.

    `whole`: the condition asks for nothing else, so every event of these types and names passes.
    """

    types: frozenset[str] | None
    events: frozenset[str] | None
    whole: bool


def pinned_by(condition: Any, tables: Mapping[str, Any]) -> Pinned:
    """What a condition, as it stands in the file, pins."""
    lines = condition if type(condition) is dict else {}
    types, events = (_texts(lines[word], tables) if word in lines else None for word in ("type", "event"))
    answered = (types is not None) + (events is not None)
    return Pinned(types, events, whole=type(condition) is dict and answered == len(lines))


def _texts(check: Any, tables: Mapping[str, Any]) -> frozenset[str] | None:
    if type(check) is dict and len(check) == 1:
        (word, setting) = next(iter(check.items()))
        if word == "in" and type(setting) is str:
            return frozenset(tables.get(setting, ()))
        check = setting if word == "in" or (word == "is" and type(setting) is str) else None
    if type(check) is str:
        return frozenset({check})
    if type(check) is list and check and all(type(member) is str for member in check):
        return frozenset(check)
    return None

"""Checks: whether a value is equal to a constant, one of several, like a glob, greater than a number.

Text, numbers and booleans never equal one another. A check of a missing value is false but for `not` and
`exists: false`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from adapter.mapping.compile.extras import has_user_agents
from adapter.mapping.compile.node import Node, kind_of
from adapter.mapping.compile.reader import Reader
from adapter.mapping.language.words import CHECK
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.naming import fold
from adapter.mapping.run.pattern import MAX_SEARCHED, compile_pattern, glob_pattern
from adapter.mapping.run.scalars import is_number, number_of
from adapter.mapping.run.user_agents import is_bot

Fits: TypeAlias = Callable[[Any], bool]
"""Whether a value, possibly ABSENT, passes a check."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How values are compared: texts by their words (`folds`, for equality only) or without case (`ignores_case`), and
    of a list each member (`of_members`).
    """

    folds: bool = False
    ignores_case: bool = False
    of_members: bool = False

    @property
    def spell(self) -> Callable[[str], str] | None:
        """The conversion of both texts before they are compared; None: none."""
        return fold if self.folds else str.casefold if self.ignores_case else None


_Operator: TypeAlias = Callable[[Node, Reader, Comparison], Fits]


def _never(_value: Any) -> bool:
    return False


def compile_check(node: Node, reader: Reader, *, folds: bool = False, of_members: bool = False) -> Fits:
    """The closure that checks a value; `folds`: it is an event name, which equality compares folded.

    `of_members`: the path reads a list of all that it finds; one member has to fit, for `not` no member may.
    """
    how = Comparison(folds=folds, of_members=of_members)
    if type(node.value) is dict:
        return _operators(node, reader, how)
    fits = _one_of(node, reader, how) if type(node.value) is list else equal_to(node.value, how)
    return _any_member(fits) if of_members else fits


def _operators(node: Node, reader: Reader, how: Comparison) -> Fits:
    operators = [part for part in node.members() if part.name in _OPERATORS]
    is_known = reader.block(node, CHECK, "E131") and len(operators) + node.has("ignore_case") == len(node.value)
    if not operators and (is_known or not node.value):
        reader.error("E135", node, "a check needs at least one of " + ", ".join(_OPERATORS))
        return _never
    if node.has("ignore_case"):
        how = _ignoring_case(node, operators, reader, how)
    checks = [_OPERATORS[part.name](part, reader, how) for part in operators]
    if how.of_members:
        of_member = [check for check, part in zip(checks, operators, strict=True) if part.name not in _OF_WHOLE]
        checks = [check for check, part in zip(checks, operators, strict=True) if part.name in _OF_WHOLE]
        if of_member:
            checks.append(_any_member(_all_of(of_member)))
    return _all_of(checks)


def _all_of(checks: Sequence[Fits]) -> Fits:
    return checks[0] if len(checks) == 1 else lambda value: all(check(value) for check in checks)


def _any_member(fits: Fits) -> Fits:
    return lambda value: type(value) is list and any(map(fits, value))


def _ignoring_case(node: Node, operators: Sequence[Node], reader: Reader, how: Comparison) -> Comparison:
    part = node.at("ignore_case")
    is_wanted = bool(reader.boolean(part, "E131", "`ignore_case`"))
    if not any(operator.name in _ON_TEXT for operator in operators):
        reader.error_of_key("E131", part, f"`ignore_case` needs an operator on text beside it: {', '.join(_ON_TEXT)}")
    return replace(how, ignores_case=is_wanted)


def equal_to(wanted: Any, how: Comparison) -> Fits:
    """Equality that keeps 5, "5", true and 1 apart; null equals an explicit null only."""
    if wanted is None or type(wanted) is bool:
        return lambda value: value is wanted
    if type(wanted) is str:
        return _among([wanted], how)
    return lambda value: is_number(value) and bool(value == wanted)


def _among(texts: Iterable[str], how: Comparison) -> Fits:
    """Equality with one of `texts`."""
    exact = frozenset(texts)
    spell = how.spell
    if spell is not None:
        spelled = frozenset(map(spell, exact))
        return lambda value: type(value) is str and (value in exact or spell(value) in spelled)
    if len(exact) == 1:
        (only,) = exact
        return lambda value: type(value) is str and value == only
    return lambda value: type(value) is str and value in exact


def _is(node: Node, reader: Reader, how: Comparison) -> Fits:
    return equal_to(node.value, how) if reader.is_scalar(node, "E131", "`is`") else _never


def _one_of(node: Node, reader: Reader, how: Comparison) -> Fits:
    """Any of a list of constants."""
    parts = reader.members(node, "E131", "a list of constants") or ()
    wanted = [part.value for part in parts if reader.is_scalar(part, "E131", "each of the list")]
    among = _among([value for value in wanted if type(value) is str], how)
    others = [equal_to(value, how) for value in wanted if type(value) is not str]
    return (lambda value: among(value) or any(other(value) for other in others)) if others else among


def _one_or_more(node: Node, reader: Reader, how: Comparison) -> Fits:
    return _one_of(node, reader, how) if type(node.value) is list else _is(node, reader, how)


def _in(node: Node, reader: Reader, how: Comparison) -> Fits:
    if type(node.value) is list:
        return _one_of(node, reader, how)
    table = reader.table(node, "E132")
    if table is None:
        return _never
    return _among(table, how)


def _not(node: Node, reader: Reader, how: Comparison) -> Fits:
    fits = _operators(node, reader, how) if type(node.value) is dict else _one_or_more(node, reader, how)
    if how.of_members and type(node.value) is not dict:
        fits = _any_member(fits)
    return lambda value: not fits(value)


def _like(node: Node, reader: Reader, how: Comparison) -> Fits:
    many = type(node.value) is list
    parts = (reader.members(node, "E131", "`like`") or ()) if many else (node,)
    globs = [text for part in parts if (text := reader.text(part, "E131", "`like`")) is not None]
    patterns = [glob_pattern(text, ignore_case=how.ignores_case).fullmatch for text in globs]
    if len(patterns) == 1:
        only = patterns[0]
        return lambda value: type(value) is str and only(value) is not None
    return lambda value: type(value) is str and any(pattern(value) for pattern in patterns)


def _regex(node: Node, reader: Reader, how: Comparison) -> Fits:
    text = reader.text(node, "E134", "`regex`")
    pattern = compile_pattern(text, ignore_case=how.ignores_case) if text is not None else ""
    if isinstance(pattern, str):
        if text is not None:
            reader.error("E134", node, pattern)
        return _never
    search = pattern.search
    return lambda value: type(value) is str and search(value[:MAX_SEARCHED]) is not None


def _contains(node: Node, reader: Reader, how: Comparison) -> Fits:
    many = type(node.value) is list
    parts = (reader.members(node, "E131", "`contains`") or ()) if many else (node,)
    wanted = [part.value for part in parts if reader.is_scalar(part, "E131", "`contains`", instead=_OF_MEMBERS)]
    spell = str.casefold if how.ignores_case else str
    texts = [spell(value) for value in wanted if type(value) is str]
    members = [equal_to(value, replace(how, folds=False)) for value in wanted]

    def fits(value: Any) -> bool:
        if type(value) is str:
            searched = spell(value)
            return any(text in searched for text in texts)
        return type(value) is list and any(equals(member) for member in value for equals in members)

    return fits


_OF_MEMBERS: Final = "a field of the members is compared as in `properties.products[*].category: {contains: Games}`"


def _exists(node: Node, reader: Reader, _how: Comparison) -> Fits:
    if reader.boolean(node, "E131", "`exists`"):
        return lambda value: value is not ABSENT and value is not None
    return lambda value: value is ABSENT or value is None


def _comparing(compare: Callable[[Any, Any], bool]) -> _Operator:
    def operator(node: Node, reader: Reader, _how: Comparison) -> Fits:
        limit = node.value
        if not is_number(limit):
            reader.error(
                "E133", node, f"`{node.name}` compares numbers; {kind_of(limit)} is not one{_as_number(limit)}"
            )
            return _never
        return lambda value: is_number(value) and compare(value, limit)

    return operator


_VERSION: Final = re.compile(r"v?[0-9]+(?:\.[0-9]+){2,}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2}.*)?")


def _as_number(limit: Any) -> str:
    """What to write instead of a limit that is not a number."""
    if type(limit) is not str:
        return ""
    number = number_of(limit.replace("_", ""))
    if number is not ABSENT:
        return f"; write {number}"
    if _VERSION.fullmatch(limit):
        return '; compare a part of a version: `derived` with [{split: "."}, {get: 0}, integer]'
    if _DATE.fullmatch(limit):
        return "; compare a date as a number: `derived` with [{date: {as: epoch}}]"
    return ""


def _in_net(node: Node, reader: Reader, _how: Comparison) -> Fits:
    many = type(node.value) is list
    parts = (reader.members(node, "E131", "`in_net`, a list of networks,") or ()) if many else (node,)
    nets = [net for part in parts if (net := _network(part, reader)) is not None]

    def fits(value: Any) -> bool:
        if type(value) is not str or len(value) > _MAX_ADDRESS:
            return False
        try:
            address = ip_address(value.strip())
        except ValueError:
            return False
        return any(address in net for net in nets)

    return fits


def _bot(node: Node, reader: Reader, _how: Comparison) -> Fits:
    is_wanted = reader.boolean(node, "E131", "`bot`")
    if is_wanted is None or not has_user_agents(node, reader):
        return _never
    return lambda value: (type(value) is str and is_bot(value)) is is_wanted


def _network(node: Node, reader: Reader) -> IPv4Network | IPv6Network | None:
    text = reader.text(node, "E131", "a network", at_most=_MAX_ADDRESS)
    try:
        return None if text is None else ip_network(text)
    except ValueError as cause:
        reader.error("E131", node, f"a network is written as in 10.0.0.0/8 or 2001:db8::/32: {cause}")
        return None


_MAX_ADDRESS: Final = 60
_OPERATORS: Final[Mapping[str, _Operator]] = MappingProxyType({
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
    "in_net": _in_net,
    "bot": _bot,
})  # fmt: skip
_OF_WHOLE: Final = frozenset({"not", "contains", "exists"})
"""Operators that look at a list as a whole."""
_ON_TEXT: Final = ("is", "in", "not", "like", "regex", "contains")
"""Operators for which case matters."""

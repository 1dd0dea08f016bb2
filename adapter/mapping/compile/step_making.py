"""How a pure function becomes a step: on list members or the whole value, with a warning if it fails."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run import shaping
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get, Step
from adapter.mapping.run.listing import ReadMembers, members_reader, shape_of
from adapter.mapping.run.scalars import text_of
from adapter.model import JsonObject

ValueCompiler: TypeAlias = Callable[[Node, Reader, Scope], Get]
Pure: TypeAlias = Callable[[Any], Any]
"""The result of a step for one value that is there; ABSENT if it cannot be applied."""


PureOfList: TypeAlias = Callable[[list[Any]], Any]
"""The result of a step for the members of a list that are not null; ABSENT if it cannot be applied, or without
members.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """The basis of a step: its setting, which is `node.value`, or None for a step that stands alone."""

    node: Node
    bare: bool
    reader: Reader
    scope: Scope
    compile_value: ValueCompiler


Builder: TypeAlias = Callable[[Setting], Step]
"""Makes a step from its setting; reports errors to the setting's reader."""


NOT_TEXT: Final = "not text"
NOT_A_NUMBER: Final = "not a number"


def _why(value: Any, cause: str) -> str:
    """Why a step could not use a value: the value's type, and the types that the step accepts."""
    if cause == NOT_TEXT and type(value) is str:
        return "the text is too long"
    if cause == NOT_A_NUMBER and type(value) in {int, float}:
        return "the number is too large"
    return f"{shape_of(value)} is {cause}"


def each(pure: Pure, cause: str) -> Builder:
    """Applied to every member of a list, or to the value itself."""
    return lambda setting: on_each(pure, cause, setting.scope)


def on_each(pure: Pure, cause: str, scope: Scope) -> Step:
    """Members that `pure` cannot use are left out, with one warning for all of them; so is a value that is not a
    list.
    """

    def step(value: Any, frame: Frame) -> Any:
        if type(value) is not list:
            result = pure(value)
            if result is ABSENT:
                frame.warnings.append(scope.failed(_why(value, cause)))
            return result
        present = [member for member in value if member is not None]
        results = [pure(member) for member in present]
        if ABSENT in results:
            failed = present[results.index(ABSENT)]
            frame.warnings.append(scope.failed(_why(failed, cause)))
            results = [result for result in results if result is not ABSENT]
        return results

    return step


def looking_for(find: Pure, is_readable: Callable[[Any], bool], cause: str, scope: Scope) -> Step:
    """For steps that often find nothing: the result is then absent without a warning.

    Values that are not `is_readable` are left out with a warning, in a list and alone.
    """

    def step(value: Any, frame: Frame) -> Any:
        if type(value) is not list:
            if is_readable(value):
                return find(value)
            frame.warnings.append(scope.failed(_why(value, cause)))
            return ABSENT
        present = [member for member in value if member is not None]
        readable = [member for member in present if is_readable(member)]
        if len(readable) < len(present):
            odd = next(member for member in present if not is_readable(member))
            frame.warnings.append(scope.failed(_why(odd, cause)))
        return [result for member in readable if (result := find(member)) is not ABSENT]

    return step


def of_text(pure: Callable[[str], Any]) -> Pure:
    """For a function of text: numbers and booleans are read as text, other values are ABSENT."""

    def on_value(value: Any) -> Any:
        if type(value) is str:
            return pure(value)
        text = text_of(value)
        return ABSENT if text is ABSENT else pure(text)

    return on_value


def of_each_text(pure: Callable[[str], Any]) -> Builder:
    """Applied to the text of every member of a list, or of the value itself."""
    return each(of_text(pure), NOT_TEXT)


def of_each_name(spell: Callable[[str], str]) -> Builder:
    """As `of_each_text`, for a function that spells names: results are cached, because names recur in every message."""
    return lambda setting: on_each(of_text(_remembered(spell)), NOT_TEXT, setting.scope)


def _remembered(spell: Callable[[str], str]) -> Callable[[str], str]:
    spelled = lru_cache(_NAMES_KEPT)(spell)
    return lambda text: spelled(text) if len(text) <= _MAX_NAME_CHARS else spell(text)


_NAMES_KEPT: Final = 1_024
_MAX_NAME_CHARS: Final = 100
"""A longer text is rarely a name, and would take memory."""


def whole(pure: Pure, cause: str) -> Builder:
    """Applied to the value as it is, lists included."""
    return lambda setting: on_whole(pure, cause, setting.scope)


def on_whole(pure: Pure, cause: str, scope: Scope) -> Step:
    """A value that `pure` cannot use is left out, with a warning."""

    def step(value: Any, frame: Frame) -> Any:
        result = pure(value)
        if result is ABSENT:
            frame.warnings.append(scope.failed(_why(value, cause)))
        return result

    return step


def of_list(pure: PureOfList, cause: str) -> Builder:
    """Applied to the members of a list. Without a `cause` an absent result adds no warning."""
    return lambda setting: on_list(pure, cause, setting.scope)


def on_list(pure: PureOfList, cause: str, scope: Scope) -> Step:
    """A value that is not a list is left out, with a warning; so are members that `pure` cannot use. An empty list is
    absent.
    """
    members_of, failed = list_reader(scope), scope.failed(cause)

    def step(value: Any, frame: Frame) -> Any:
        members = members_of(value, frame.warnings)
        if members is None:
            return ABSENT
        present = [member for member in members if member is not None]
        result = pure(present)
        if result is ABSENT and cause and present:
            frame.warnings.append(failed)
        return result

    return step


def list_reader(scope: Scope) -> ReadMembers:
    """How a step reads its list: warnings name the path that the list comes from, or the field."""
    return members_reader(scope.source or scope.field, rule=scope.rule)


def reshaping(reshape: Callable[[JsonObject], tuple[JsonObject, bool]], clash: str, scope: Scope) -> Step:
    """For a function that returns an object and whether two of its names clashed."""
    warned = scope.failed(clash)

    def step(value: Any, frame: Frame) -> Any:
        def reshaped(fields: JsonObject) -> JsonObject:
            result, clashed = reshape(fields)
            if clashed:
                frame.warnings.append(warned)
            return result

        result = shaping.each_object(value, reshaped)
        if result is ABSENT:
            frame.warnings.append(scope.failed(f"{shape_of(value)} is not an object"))
        return result

    return step


def refused(_value: Any, _frame: Frame) -> Any:
    """Replaces a step whose setting is refused."""
    return ABSENT

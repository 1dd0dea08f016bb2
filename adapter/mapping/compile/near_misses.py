"""Why a condition does not hold where its author would expect it to: for `explain`, and for failed tests.

A text that looks like the number that it is compared with, another case, a list. Reads events only when asked.
"""

from collections.abc import Iterator
from typing import Any, Final

from adapter.mapping.compile.checks import compile_check
from adapter.mapping.compile.node import Node
from adapter.mapping.compile.paths import compile_path
from adapter.mapping.compile.reader import Reader
from adapter.mapping.language.paths import EventPath, Key, parse_path, written_segment
from adapter.mapping.language.words import JOINED
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, NearMiss
from adapter.mapping.run.scalars import boolean_of, is_number, number_of, text_of

_LIMITS: Final = frozenset({"above", "at_least", "below", "at_most"})
_LENGTHS: Final = frozenset({".length", ".size", ".count"})
_LINES: Final = 50
"""Lines of a condition that are looked at."""


def near_misses(node: Node, reader: Reader) -> tuple[NearMiss, ...]:
    """For each line of the condition at `node` the closure that says why it nearly holds for an event, or nothing."""
    if reader.findings:  # a condition with a mistake is never asked
        return ()
    lines = [line for _, line in zip(range(_LINES), _lines(node), strict=False)]
    return tuple(_near_miss(line, path, reader) for line, path in lines)


def _lines(node: Node) -> Iterator[tuple[Node, EventPath]]:
    for line in node.members():
        if line.name in {"any", "all"}:
            for part in line.members():
                yield from _lines(part)
        elif line.name not in JOINED.words:
            path = parse_path(line.name)
            if isinstance(path, EventPath) and path.root not in {"vars", "derived", "item", "index"} and not path.many:
                yield line, path


def _near_miss(line: Node, path: EventPath, reader: Reader) -> NearMiss:
    get, fits = compile_path(path), compile_check(line, reader)
    wanted = list(_constants(line.value))
    compares_numbers = type(line.value) is dict and bool(_LIMITS & line.value.keys())

    def why(frame: Frame) -> str:
        value = get(frame)
        if fits(value):
            return ""
        if value is ABSENT:
            return _through_a_list(path, frame)
        if type(value) is list:
            return f"`{path.written}` is a list: write `contains`, or `{path.written}[*]`"
        if compares_numbers and type(value) is str and number_of(value) is not ABSENT:
            return f"`{path.written}` is a text, and numbers are compared with numbers: convert it in `prepare`"
        return next((f"`{path.written}` {cause}" for each in wanted if (cause := _nearly(value, each))), "")

    return why


def _constants(check: Any) -> Iterator[Any]:
    """The constants that a value may be equal to."""
    if type(check) is dict:
        for word in ("is", "in"):
            yield from _constants(check.get(word))
    elif type(check) is list:
        yield from check
    elif check is not None:
        yield check


def _nearly(value: Any, wanted: Any) -> str:
    if type(value) is str and type(wanted) is str:
        is_near = value != wanted and value.strip().casefold() == wanted.strip().casefold()
        return "differs only in case or white space: write `ignore_case`, or `trim` in `prepare`" if is_near else ""
    if type(value) is str and type(wanted) is bool and boolean_of(value) is wanted:
        return "is a text, and not true or false: convert it in `prepare` with `boolean`"
    if type(value) is str and is_number(wanted) and number_of(value) == wanted:
        return "is a text, and not a number: convert it in `prepare` with `number`"
    if type(value) is not str and type(wanted) is str and text_of(value) == wanted:
        return "is not a text: write the constant without quotes"
    return ""


def _through_a_list(path: EventPath, frame: Frame) -> str:
    """The path that reads the members of a list on the way."""
    for length in range(len(path.segments)):
        start = EventPath(path.root, path.segments[:length])
        if type(compile_path(start)(frame)) is list and isinstance(path.segments[length], Key):
            rest = "".join(map(written_segment, path.segments[length:]))
            if rest in _LENGTHS:
                return f"`{start.written}` is a list: its length is the step `count`, in `derived`"
            return f"`{start.written}` is a list: its members are `{start.written}[*]{rest}`"
    return ""

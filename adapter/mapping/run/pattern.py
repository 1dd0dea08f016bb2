"""Regular expressions that cannot run for ever on any event (ReDoS).

Python's engine backtracks. A pattern in which the alternatives multiply is refused when the file is loaded: an
unbounded repetition of a part that itself can match in several ways, a row of repetitions that can share a text in too
many ways, and back-references. The searched text is cut. Every other pattern takes at most about a second.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_PATTERN: Final = 200
MAX_SEARCHED: Final = 4_096
"""Characters of a value that a regular expression searches; the rest is ignored."""
_LONG: Final = 10
"""A repetition with a larger maximum counts as unbounded."""

_REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
_ANCHORS: Final = (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING)
_SINGLE: Final = (_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN)
_SAMPLE: Final = (*map(chr, range(128)), "é", "中", "\u2003")
"""Characters that represent all others when two repetitions are compared."""
_REFERENCES: Final = (_constants.GROUPREF, _constants.GROUPREF_EXISTS)


def compile_pattern(text: str, *, ignore_case: bool = False) -> re.Pattern[str] | str:
    """The compiled pattern, or why it is refused."""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    if len(text) > MAX_PATTERN:
        return f"a regular expression has at most {MAX_PATTERN} characters, not {len(text)}"
    try:
        # A pattern that Python warns about will change its meaning, so the warning is an error here.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = _parser.parse(text, flags)
            if _ignores_case(tree):
                # Also if only a part ignores case, which only makes more texts count as shared.
                tree.state.flags |= re.IGNORECASE
            fault = _fault(tree, repeated=False) or _row_fault(tree)
            return fault or re.compile(text, flags)
    except (re.error, Warning, OverflowError, RecursionError) as exc:
        return f"not a regular expression: {exc}"


def _ignores_case(tree: Any) -> bool:
    """Whether a part of the pattern ignores case."""
    return bool(tree.state.flags & re.IGNORECASE) or any(
        (operation is _constants.SUBPATTERN and argument[1] & re.IGNORECASE)
        or any(map(_ignores_case, _parts(argument)))
        for operation, argument in tree
    )


def _fault(tree: Any, *, repeated: bool) -> str:
    """Why this part is refused, or "". `repeated`: it is inside an unbounded repetition."""
    for operation, argument in tree:
        if operation in _REFERENCES:
            return "back-references are not supported"
        if operation in _REPEATS:
            least, most, inner = argument
            if repeated and least != most:
                return "a repetition inside an unbounded repetition could take for ever; write it without nesting"
            fault = _fault(inner, repeated=repeated or most > _LONG)
        elif operation is _constants.BRANCH and repeated and not _distinct(argument[1], tree.state.flags):
            fault = "alternatives inside an unbounded repetition have to begin with different characters"
        else:
            fault = next(filter(None, (_fault(part, repeated=repeated) for part in _parts(argument))), "")
        if fault:
            return fault
    return ""


def _distinct(branches: Iterable[Any], flags: int) -> bool:
    """Whether every alternative begins with a literal character that no other begins with."""
    begins = [branch[0] if len(branch) else None for branch in branches]
    literals = [chr(begin[1]) for begin in begins if begin is not None and begin[0] is _constants.LITERAL]
    if len(literals) != len(begins):
        return False
    return not any(re.match(re.escape(one), other, flags & re.IGNORECASE) for one, other in combinations(literals, 2))


@dataclass(frozen=True, slots=True)
class _Row:
    """Repetitions that can share one text, from the left: their number, and what the last one matches.

    `parted`: a part comes before the next repetition that the last one cannot match, so a new row begins. `between`: a
    part comes that the last one can match.
    """

    count: int = 0
    last: frozenset[str] = frozenset()
    parted: bool = True
    between: bool = False


def _row_fault(tree: Any) -> str:
    """Why the repetitions in a row are too many, or "".

    With r of them sharing a text of n characters there are nʳ ways, and n times as many if a search may begin anywhere:
    4,096³ would take minutes.
    """
    pieces = _without_tail(list(tree))
    anchored = bool(pieces) and pieces[0][0] is _constants.AT and pieces[0][1] in _ANCHORS
    counts = [0]
    _walk(pieces, _Row(), tree.state, counts)
    if max(counts) + (not anchored) <= 2:
        return ""
    return (
        "repetitions that can match the same text, one behind the other, could take minutes; begin with ^, say which "
        "characters they repeat (`[^@]*` rather than `.*`), or use `like`"
    )


def _without_tail(pieces: list[Any]) -> list[Any]:
    """Without a repetition at the very end: nothing after it can fail, so no second way is tried."""
    if pieces and pieces[-1][0] is _constants.SUBPATTERN:
        return _without_tail([*pieces[:-1], *pieces[-1][1][-1]])
    return pieces[:-1] if pieces and pieces[-1][0] in _REPEATS else pieces


def _walk(tree: Iterable[tuple[Any, Any]], row: _Row, state: Any, counts: list[int]) -> _Row:
    """The row after this part of a pattern; `counts` gets the length of each row."""
    for operation, argument in tree:
        if operation in _SINGLE:
            takes = _taken((operation, argument), state)
            row = replace(row, parted=row.parted or not row.last & takes, between=True)
        elif operation in _REPEATS and argument[0] < argument[1] > 1:
            takes = frozenset[str]().union(*(_taken(piece, state) for piece in _singles(argument[2])))
            row = _after_repetition(row, takes, needed=argument[0] > 0)
            counts.append(row.count)
        elif operation is _constants.BRANCH:
            row = _either([_walk(branch, row, state, counts) for branch in argument[1]])
        elif operation in _REPEATS:
            once = _walk(argument[2], row, state, counts)
            row = once if argument[0] else _either([row, once])
        else:
            for part in _parts(argument):
                row = _walk(part, row, state, counts)
    return row


def _after_repetition(row: _Row, takes: frozenset[str], *, needed: bool) -> _Row:
    if not row.parted and (row.between or row.last & takes):
        return _Row(row.count + 1, takes, parted=False)
    if row.parted or needed:
        return _Row(1, takes, parted=False)
    # It may match nothing, and then the parts before and after it are adjacent.
    return replace(row, last=row.last | takes)


def _either(rows: Sequence[_Row]) -> _Row:
    """The worst case over all alternatives."""
    return _Row(
        max(row.count for row in rows),
        frozenset[str]().union(*(row.last for row in rows)),
        parted=all(row.parted for row in rows),
        between=any(row.between for row in rows),
    )


def _singles(tree: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Every part, at any depth, that matches one character."""
    for operation, argument in tree:
        if operation in _SINGLE:
            yield operation, argument
        else:
            for part in _parts(argument):
                yield from _singles(part)


def _taken(single: tuple[Any, Any], state: Any) -> frozenset[str]:
    fits = _compiler.compile(_parser.SubPattern(state, [single])).fullmatch
    return frozenset(filter(fits, _SAMPLE))


def _parts(argument: Any) -> Iterable[Any]:
    """The parts of the tree inside an operation's argument, at any depth of its tuples and lists."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for member in argument:
            yield from _parts(member)


def template_fault(pattern: re.Pattern[str], text: str) -> str:
    """Why `text` cannot be the replacement for `pattern`, or ""."""
    try:
        pattern.sub(text, "")
    except (re.error, IndexError) as exc:
        return f"cannot be put there: {exc}"
    return ""


def glob_pattern(text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """`*` matches any characters, `?` one; the whole text must match."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG)
    parts = re.split(r"\*+", text)
    escaped = [re.escape(part).replace(r"\?", ".") for part in parts]
    if len(escaped) == 1:
        return re.compile(escaped[0], flags)
    # Each middle part is matched at its first position only: enough for a glob, and linear.
    middle = "".join(f"(?>.*?{part})" for part in escaped[1:-1])
    return re.compile(f"{escaped[0]}{middle}.*{escaped[-1]}", flags)


def any_glob(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text matches one of several globs; names without `*` and `?` are looked up."""
    plain = frozenset(text for text in globs if not {"*", "?"} & set(text))
    patterns = [glob_pattern(text).pattern for text in globs if text not in plain]
    if not patterns:
        return plain.__contains__
    # One expression for all: one after the other would take most of the time of a guard's walk.
    fullmatch = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL).fullmatch
    return lambda text: text in plain or fullmatch(text) is not None

"""Regular expressions that an event cannot make run for ever.

Python's engine tries every way to match. What lets the ways multiply is refused when the file is loaded: an unbounded
repetition of something that itself can match in several ways, and back-references. What is searched is cut.
"""

import re
import warnings
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_PATTERN: Final = 200
MAX_SEARCHED: Final = 4_096
"""Characters of a value that a regular expression looks at; the rest is not searched."""
_LONG: Final = 50
"""A repetition allowed more often than this counts as unbounded."""

_REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
_REFERENCES: Final = (_constants.GROUPREF, _constants.GROUPREF_EXISTS)


def compile_pattern(text: str) -> re.Pattern[str] | str:
    """The compiled pattern, or why it is refused."""
    if len(text) > MAX_PATTERN:
        return f"a regular expression has at most {MAX_PATTERN} characters, not {len(text)}"
    try:
        # What Python would warn about today means something else tomorrow; here it is a fault.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = _parser.parse(text)
            fault = _fault(tree, repeated=False)
            return fault or re.compile(text)
    except (re.error, Warning, OverflowError, RecursionError) as exc:
        return f"not a regular expression: {exc}"


def _fault(tree: Iterable[tuple[Any, Any]], *, repeated: bool) -> str:
    """Why this part is refused, or nothing. `repeated`: it stands inside an unbounded repetition."""
    for operation, argument in tree:
        if operation in _REFERENCES:
            return "back-references are not supported"
        if operation in _REPEATS:
            least, most, inner = argument
            if repeated and least != most:
                return "a repetition inside an unbounded repetition could take for ever; write it without nesting"
            fault = _fault(inner, repeated=repeated or most > _LONG)
        elif operation is _constants.BRANCH and repeated and not _distinct(argument[1]):
            fault = "alternatives inside an unbounded repetition have to begin with different characters"
        else:
            fault = next(filter(None, (_fault(part, repeated=repeated) for part in _parts(argument))), "")
        if fault:
            return fault
    return ""


def _distinct(branches: Iterable[Any]) -> bool:
    """Every alternative begins with a literal character that no other begins with."""
    begins = [branch[0] if len(branch) else None for branch in branches]
    literals = [begin[1] for begin in begins if begin is not None and begin[0] is _constants.LITERAL]
    return len(literals) == len(begins) == len(set(literals))


def _parts(argument: Any) -> Iterable[Any]:
    """The parts of the tree inside an operation's argument, at any depth of its tuples and lists."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for member in argument:
            yield from _parts(member)


def template_fault(pattern: re.Pattern[str], text: str) -> str:
    """Why `text` cannot take the place of what `pattern` finds, or nothing."""
    try:
        pattern.sub(text, "")
    except (re.error, IndexError) as exc:
        return f"cannot be put there: {exc}"
    return ""


def glob_pattern(text: str) -> re.Pattern[str]:
    """`*` stands for any characters, `?` for one; the whole text has to fit."""
    parts = re.split(r"\*+", text)
    escaped = [re.escape(part).replace(r"\?", ".") for part in parts]
    if len(escaped) == 1:
        return re.compile(escaped[0], re.DOTALL)
    # Each middle part is taken where it first fits and never tried elsewhere: enough for a glob, and linear.
    middle = "".join(f"(?>.*?{part})" for part in escaped[1:-1])
    return re.compile(f"{escaped[0]}{middle}.*{escaped[-1]}", re.DOTALL)

"""Says how to fix YAML that its parser cannot read, because the parser's words name a token and no fix. Pure.

A hint has places of the file and no text from it, because a settings file may hold secrets.
"""

from typing import Final

_QUOTE: Final = "quote a value that starts with {, [, *, &, @, %, ! or contains ': '"

_BY_CONTEXT: Final = (
    ("while scanning an alias", "quote a value that starts with *"),
    ("while scanning an anchor", "quote a value that starts with &"),
    ("while scanning a simple key", "a key ends with ': '; quote a text that goes over several lines"),
    ("while parsing a flow node", "close each { and ["),
)


def syntax_hint(*, problem: str, context: str, begins: tuple[int, int] | None, line: str, column: int) -> str:
    """The hint for an error of the parser.

    `problem` and `context` are the parser's words, `begins` the line and column where the unfinished part begins.
    `line` is the text of the line with the error, `column` the place in it. All places are counted from 1.
    """
    before, rest = line[: column - 1], line[column - 1 :]
    hint = next((hint for words, hint in _BY_CONTEXT if context.startswith(words)), _QUOTE)
    if "tab" in problem or rest.startswith("\t"):
        hint = "indent with spaces instead of tabs"
    elif problem.endswith("unexpected ':'"):
        hint = "put a space after the colon"
    elif problem.startswith("mapping values"):
        hint = "quote a value that contains ': '" if ": " in before else "indent the key as the keys above it"
    elif begins is not None and hint is _QUOTE:
        hint = _by_beginning(problem, context, begins, is_first=not before.strip(), is_item=rest.startswith("-"))
    return hint


def _by_beginning(problem: str, context: str, begins: tuple[int, int], *, is_first: bool, is_item: bool) -> str:
    """The hint for a part that begins at `begins`; `is_first` if the error is at the first character of its line."""
    line, column = begins
    hint = _QUOTE
    if "quoted scalar" in context:
        at_end = "end of stream" in problem
        hint = f"close the quote of line {line}, column {column}" if at_end else "in double quotes, write \\ as \\\\"
    elif context.startswith("while parsing a flow"):
        hint = f"close the bracket of line {line}, column {column}, or {_QUOTE}"
    elif context.startswith("while parsing a block"):
        hint = (
            _indentation(context, begins, is_item=is_item)
            if is_first
            else "one quote too many or too few, here or above"
        )
    return hint


def _indentation(context: str, begins: tuple[int, int], *, is_item: bool) -> str:
    line, column = begins
    if is_item:
        return "indentation: align this `-` with the `-` above"
    if context == "while parsing a block mapping":
        return f"indentation: the keys around this line start in column {column}, as on line {line}"
    dashes = f"the `-` of this list start in column {column}, as on line {line}"
    return f"indentation: {dashes}, and the keys of an item further right"

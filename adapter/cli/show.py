"""How commands print: text, with colours on a terminal, and JSON. Text from outside cannot control the terminal."""

import json
from typing import Any

import click
import orjson
from rich.console import Console
from rich.text import Text

from adapter.printable import escape_unprintable, printable, printable_lines

_STYLES = (
    (r"(?m)^\S+:\d+:\d+(?=: )", "bold"),
    (r"(?m)(?<=: )(error|test failed)( E\d+)?(?=: )", "bold red"),
    (r"(?m)(?<=: )warning( W\d+)?(?=: )", "bold yellow"),
    (r"(?m)(?<=: )note(?=: )", "bold cyan"),
    (r"(?m)^ +\d* \| ", "dim"),
    (r"(?m)(?<=^         \| ).*\^$", "bold red"),
)


class Output(Console):
    """Stdout or stderr, for text with styles. A reader that has gone is an error as everywhere: see `ending`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def coloured(text: str) -> Text:
    """`text` with places, severities and carets in colour."""
    shown = Text(text)
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    return shown


def show(text: Text | str, *, error: bool = False) -> None:
    """Print `text` to stdout, or to stderr; never wrapped, so that carets stay under their columns."""
    if isinstance(text, Text):
        # With the same length, so that styles stay at their columns.
        text.plain = printable_lines(text.plain)
    else:
        text = printable_lines(text)
    Output(stderr=error, highlight=False).print(text, soft_wrap=True, markup=False)


def say(line: str, *, err: bool = False) -> None:
    """Print one line without colours, to stdout or to stderr."""
    click.echo(printable(line), err=err)


def show_json(value: Any, *, indented: bool = False) -> None:
    """Print `value` as JSON, in one line unless `indented`."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else None).decode()
    except TypeError:
        # A lone surrogate, for example from a file name that is not UTF-8.
        text = json.dumps(value, indent=2 if indented else None)
    click.echo(escape_unprintable(text))

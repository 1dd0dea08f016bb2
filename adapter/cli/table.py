"""Shows rows: as a table on a terminal, as tab-separated text elsewhere. Text from outside cannot control the
terminal.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from adapter.cli.show import Output, say
from adapter.printable import printable
from adapter.wire.instants import parse_instant

STYLES: Mapping[str, str] = {
    "pending": "cyan",
    "delivered": "green",
    "dropped": "yellow",
    "unmatched": "yellow",
    "dead": "bold red",
    "rejected": "bold red",
}
"""Styles of the terms of the ledger, wherever one is a cell of its own."""


_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_FOLDED: Final = frozenset({"cause", "why"})
"""Columns of sentences, which continue on the next line; other columns are cut to the width of the terminal."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print `rows`; their headings on a terminal only. Without rows `empty` is printed to stderr.

    A terminal shows instants on the clock of this machine, those of today without the date. The first column and
    instants are never cut.
    """
    if not rows:
        say(empty, err=True)
        return
    console = Output(highlight=False)
    if not console.is_terminal:
        for row in rows:
            say(tabbed(row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(columns):
        is_whole = not place or any(_INSTANT.fullmatch(row[place]) for row in rows)
        table.add_column(name, no_wrap=is_whole)
    for row in rows:
        table.add_row(*(_cell(name, text) for name, text in zip(columns, row, strict=True)))
    console.print(table)


def _cell(column: str, text: str) -> Text:
    if _INSTANT.fullmatch(text) and (at := parse_instant(text)) is not None:
        local = at.astimezone()
        text = f"{local:%H:%M:%S}" if local.date() == datetime.now().astimezone().date() else f"{local:%Y-%m-%d %H:%M}"
    if column in _FOLDED:
        return Text(plain(text), overflow="fold")
    return Text(plain(text), STYLES.get(text, ""), overflow="ellipsis", no_wrap=True)


def tabbed(cells: Iterable[str]) -> str:
    """One line, for other programs."""
    return "\t".join(map(plain, cells))


def plain(text: str) -> str:
    """`text` on one line, without tabs and without characters that could control a terminal."""
    return printable(" ".join(text.split()))

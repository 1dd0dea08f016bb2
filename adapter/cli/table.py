"""Shows rows: as a table on a terminal, as tab-separated text elsewhere. Text from outside cannot control the
terminal.
"""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapter.cli.show import say
from adapter.printable import printable

STYLES: Mapping[str, str] = {
    "pending": "cyan",
    "delivered": "green",
    "dropped": "yellow",
    "unmatched": "yellow",
    "dead": "bold red",
    "rejected": "bold red",
}
"""Styles of the terms of the ledger, wherever one is a cell of its own."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print `rows`; their headings on a terminal only. Without rows `empty` is printed to stderr."""
    if not rows:
        say(empty, err=True)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            say(tabbed(row))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(cell), STYLES.get(cell, ""), overflow="fold") for cell in row))
    console.print(table)


def tabbed(cells: Iterable[str]) -> str:
    """One line, for other programs."""
    return "\t".join(map(plain, cells))


def plain(text: str) -> str:
    """`text` on one line, without tabs and without characters that could control a terminal."""
    return printable(" ".join(text.split()))

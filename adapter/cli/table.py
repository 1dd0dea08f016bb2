"""Shows rows: as a table on a terminal, as tab-separated text elsewhere. Lets no content command the terminal."""

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
"""How the words of the ledger look, wherever they are a cell of their own."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print `rows`; their heads only where a person looks. Without rows `empty` goes to stderr."""
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
    """`text` on one line, without tabs and without what could command a terminal."""
    return printable(" ".join(text.split()))

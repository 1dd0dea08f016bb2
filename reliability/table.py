"""The table at the end, for a terminal or as Markdown for a page. Changes no figure."""

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from reliability.kit import ExperimentVerdict, ResultRow

_HEADINGS = ("", "experiment", "seeds", "acked", "delivered", "dead", "duplicates", "lost", "worst recovery", "verdict")
_STYLES = {
    ExperimentVerdict.HELD: "green",
    ExperimentVerdict.GAP: "yellow",
    ExperimentVerdict.BROKEN: "bold red",
    ExperimentVerdict.SKIPPED: "yellow",
    ExperimentVerdict.FAILED: "cyan",
    ExperimentVerdict.TOOTHLESS: "bold red",
}


def as_table(rows: Iterable[ResultRow]) -> Table:
    """The rows in colour."""
    table = Table(title="Reliability")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _HEADINGS[2:9] else "left")
    for row in rows:
        *cells, verdict = _cells(row)
        table.add_row(*map(Text, cells), Text(verdict, style=_STYLES[row.verdict]))
    return table


def as_markdown(rows: Iterable[ResultRow]) -> str:
    """The rows as a table of a Markdown page."""
    ruler = ["---:" if heading in _HEADINGS[2:9] else "---" for heading in _HEADINGS]
    lines = [_HEADINGS, ruler, *(tuple(_cells(row)) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _cells(row: ResultRow) -> Iterator[str]:
    found = row.found
    ran = row.verdict is not ExperimentVerdict.SKIPPED
    yield row.number
    yield row.what
    for figure in (row.seeds, found.acked, found.delivered, found.dead, found.duplicates, found.lost):
        yield f"{figure:,}" if ran else "–"
    yield "–" if found.recovery_s is None else f"{found.recovery_s:.1f} s"
    yield f"{row.verdict}: {row.text}" if row.text else str(row.verdict)

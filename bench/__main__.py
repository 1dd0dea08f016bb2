"""`make bench`: ratios against bare peers, each pair measured in one run, in turn; the median of the rounds counts.

Ratios and not figures, because they hold where machines differ and drift. Nothing here passes or fails.
"""

import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.attack_row import ATTACK_ROWS
from bench.mapping_rows import MAPPING_ROWS
from bench.rows import ROWS, Row

HERE = Path(__file__).resolve().parents[1]


async def main() -> None:
    """Measure every row and print the table."""
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for measure in (*ROWS, *MAPPING_ROWS, *ATTACK_ROWS):
            task = progress.add_task((measure.__doc__ or "").splitlines()[0], total=None)
            # Here and not in /tmp, which may be in memory, where syncing costs nothing.
            with tempfile.TemporaryDirectory(dir=HERE, prefix=".bench-") as folder:
                rows.append(await measure(Path(folder)))
            progress.remove_task(task)
    table = Table(title=f"Medians of {rows[0].rounds} rounds, Python {sys.version.split()[0]}")
    for heading in ("", "adapter", "against", "", "ratio", "target"):
        table.add_column(heading, justify="left" if heading in ("", "against") else "right")
    for row in rows:
        table.add_row(row.what, row.ours, row.peer, row.theirs, row.ratio, row.target)
    Console().print(table)


if __name__ == "__main__":
    uvloop.run(main())

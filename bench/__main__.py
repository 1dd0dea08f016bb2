"""`make bench`: ratios against bare peers, each pair measured alternately in one run; the median of the rounds counts.

Ratios rather than figures, because they hold although machines differ and drift. Nothing here passes or fails.
"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import msgspec
import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.console_rows import CONSOLE_ROWS
from bench.delivery_rows import DELIVERY_ROWS
from bench.mapping_rows import MAPPING_ROWS
from bench.measure import Row
from bench.memory_rows import MEMORY_ROWS
from bench.old_rows import OLD_ROWS
from bench.postgres_rows import POSTGRES_ROWS
from bench.restart_rows import RESTART_ROWS
from bench.results import Results, comparison, legend, read, results, table, write
from bench.rows import ROWS
from bench.start_rows import START_ROWS
from bench.take_rows import TAKE_ROWS
from bench.waiting_rows import WAITING_ROWS

HERE = Path(__file__).resolve().parents[1]
MEASURES: dict[str, Callable[[Path], Awaitable[Row]]] = {
    measure.__name__: measure
    for measure in (
        *ROWS,
        *DELIVERY_ROWS,
        *TAKE_ROWS,
        *MAPPING_ROWS,
        *WAITING_ROWS,
        *OLD_ROWS,
        *RESTART_ROWS,
        *MEMORY_ROWS,
        *CONSOLE_ROWS,
        *START_ROWS,
        *POSTGRES_ROWS,
    )
}


def _results(_: click.Context, __: click.Parameter, file: Path | None) -> Results | None:
    """The results in a file that an earlier run wrote."""
    if file is None:
        return None
    try:
        return read(file)
    except (OSError, msgspec.DecodeError) as exc:
        raise click.BadParameter(f"{file} is not a file that `--out` wrote: {exc}") from exc


@click.command(epilog=f"Rows: {', '.join(MEASURES)}.")
@click.argument("rows", metavar="[ROW]...", nargs=-1, type=click.Choice(list(MEASURES)))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file too, as JSON."
)
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_results,
    help="Show the change since the results in this file.",
)
def main(rows: tuple[str, ...], out: Path | None, against: Results | None) -> None:
    """Measure the rows, all if none is named, and print the table.

    \b
    Examples:
      make bench
      make bench ROW=acknowledged
      make bench ROW="acknowledged delivered" OUT=before.json
      make bench ROW="acknowledged delivered" AGAINST=before.json
    """
    found = results(uvloop.run(_measured(rows or tuple(MEASURES))))
    if out is not None:
        write(found, out)
    console = Console()
    console.print(table(found))
    console.print(legend(found))
    if against is not None:
        console.print(comparison(against, found))


async def _measured(names: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for number, name in enumerate(names, 1):
            measure = MEASURES[name]
            summary = (measure.__doc__ or "").splitlines()[0]
            task = progress.add_task(f"{number} of {len(names)}: {summary}", total=None)
            # Not in /tmp, which may be in memory, where a sync costs nothing.
            with tempfile.TemporaryDirectory(dir=HERE, prefix=".bench-") as folder:
                rows.append(await measure(Path(folder)))
            progress.remove_task(task)
    return rows


if __name__ == "__main__":
    main()

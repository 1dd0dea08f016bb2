"""`chaos`: the reliability kit, against processes of its own."""

import asyncio
import signal
import tempfile
from functools import partial
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapter.chaos import kit
from adapter.chaos.findings import Experiment
from adapter.chaos.table import as_markdown, as_table
from adapter.cli.show import show
from adapter.errors import ConfigError

PROBLEMS_FOUND = 1


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option("--seeds", type=click.IntRange(1), help="Runs of each experiment (else what suits it; --short: 1).")
@click.option("--first-seed", type=int, default=1, show_default=True, help="Repeat a run by its seed.")
@click.option("--short", is_flag=True, help="Small loads, some two minutes in all.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Where to put queues.")
def chaos(
    experiments: tuple[str, ...], seeds: int | None, first_seed: int, short: bool, markdown: bool, folder: Path | None
) -> None:
    """Break things on purpose and see whether every promise holds.

    Kills the adapter, fills its disk, makes Browsee hostile, and then holds what was acknowledged against what
    arrived. Starts processes of its own on loopback and touches nothing else. Each experiment has a control with a
    fault put in, which must fail: that shows that the experiment would notice.

    \b
    Examples:
      browsee-adapter chaos --short
      browsee-adapter chaos 1 6 --seeds 10
    """
    try:
        chosen = kit.choose(experiments)
    except KeyError as unknown:
        known = ", ".join(experiment.number for experiment in kit.EXPERIMENTS)
        raise ConfigError(f"{unknown.args[0]} is not an experiment; there are {known}") from None
    with tempfile.TemporaryDirectory(dir=folder, prefix="browsee-adapter-chaos-") as own:
        try:
            rows = uvloop.run(_run(chosen, seeds=seeds, first_seed=first_seed, is_short=short, folder=Path(own)))
        except asyncio.CancelledError:
            raise click.Abort from None
    if markdown:
        show(as_markdown(rows))
    else:
        Console().print(as_table(rows))
    if not all(row.is_good for row in rows):
        raise click.exceptions.Exit(PROBLEMS_FOUND)


async def _run(
    chosen: list[Experiment], *, seeds: int | None, first_seed: int, is_short: bool, folder: Path
) -> list[kit.Row]:
    running = asyncio.current_task()
    if running is not None:
        # Else the adapters that were started would outlive the command, and its file systems stay mounted.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    rows: list[kit.Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for experiment in chosen:
            runs = seeds or (1 if is_short else experiment.seeds)
            task = progress.add_task(f"{experiment.number} {experiment.what}", total=runs + 1)
            rows += await kit.run(
                experiment,
                seeds=range(first_seed, first_seed + runs),
                is_short=is_short,
                folder=folder,
                ran=partial(progress.advance, task),
            )
    return rows

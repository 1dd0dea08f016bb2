"""The command `browsee-adapter chaos`: runs the selected experiments, with a progress bar, and prints the table."""

import asyncio
import signal
import tempfile
from functools import partial
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapter.errors import ConfigError
from adapter.printable import printable_lines
from reliability import kit
from reliability.findings import Experiment, Trial
from reliability.places import queue_address
from reliability.table import as_markdown, as_table


def run(
    experiments: tuple[str, ...],
    *,
    seeds: int | None,
    first_seed: int,
    is_short: bool,
    is_markdown: bool,
    folder: Path | None,
    queue: str = "",
) -> bool:
    """Run the experiments and print the results; returns whether every promise held and every control failed.

    `queue` is the address of a PostgreSQL database for the queues, "" for files. Raises ConfigError for an experiment
    that does not exist, and for any other address.
    """
    queue_address(Path(), server=queue)
    try:
        chosen = kit.choose(experiments)
    except KeyError as unknown:
        known = ", ".join(experiment.number for experiment in kit.EXPERIMENTS)
        raise ConfigError(f"{unknown.args[0]} is not an experiment; there are {known}") from None
    with tempfile.TemporaryDirectory(dir=folder, prefix="browsee-adapter-chaos-") as own:
        try:
            trial = Trial(seed=first_seed, folder=Path(own), is_short=is_short, queue=queue)
            rows = uvloop.run(_run(chosen, trial, seeds=seeds))
        except asyncio.CancelledError:
            raise click.Abort from None
    if is_markdown:
        click.echo(printable_lines(as_markdown(rows)))
    else:
        Console().print(as_table(rows))
    return all(row.is_good for row in rows)


async def _run(chosen: list[Experiment], trial: Trial, *, seeds: int | None) -> list[kit.ResultRow]:
    """`trial` has the first seed."""
    running = asyncio.current_task()
    if running is not None:
        # Otherwise the started adapters would outlive the command, and its file systems would stay mounted.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    rows: list[kit.ResultRow] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for experiment in chosen:
            runs = seeds or (1 if trial.is_short else experiment.seeds)
            task = progress.add_task(f"{experiment.number} {experiment.what}", total=runs + 1)
            rows += await kit.run(
                experiment,
                seeds=range(trial.seed, trial.seed + runs),
                is_short=trial.is_short,
                folder=trial.folder,
                queue=trial.queue,
                ran=partial(progress.advance, task),
            )
    return rows

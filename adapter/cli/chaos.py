"""`chaos`: runs the reliability kit, which exists in a clone of the project only."""

from pathlib import Path

import click

from adapter.errors import ConfigError

PROBLEMS_FOUND = 1


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    help="Runs of each experiment (--short: 1).",
)
@click.option("--first-seed", type=int, default=1, show_default=True, help="Repeat a run by its seed.")
@click.option("--short", is_flag=True, help="Small loads, about two minutes in all.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--queue", metavar="URL", help="postgresql://user@host/database: queues there, each in a new schema.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Where to put queues.")
def chaos(
    experiments: tuple[str, ...],
    seeds: int | None,
    first_seed: int,
    short: bool,
    markdown: bool,
    queue: str | None,
    folder: Path | None,
) -> None:
    """Break the service on purpose, and check that every promise holds.

    Kills the adapter, fills its disk, makes Browsee hostile, and then compares what was acknowledged with what
    arrived. Starts processes of its own on loopback and touches nothing else. Each experiment has a control with an
    injected fault, which must fail: that shows that the experiment would notice the fault.

    \b
    Examples:
      browsee-adapter chaos --short
      browsee-adapter chaos 1 6 --seeds 10
    """
    try:
        # Imported here: the kit is in a clone of the project, beside `bench`, and not in the wheel.
        from reliability.command import run  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if missing.name != "reliability":
            raise
        raise ConfigError(
            "the reliability kit is in a clone of the project and not in the installed package; in a clone: "
            "scripts/venv run && .venv/bin/browsee-adapter chaos --short"
        ) from None
    held = run(
        experiments,
        seeds=seeds,
        first_seed=first_seed,
        is_short=short,
        is_markdown=markdown,
        folder=folder,
        queue=queue or "",
    )
    if not held:
        raise click.exceptions.Exit(PROBLEMS_FOUND)

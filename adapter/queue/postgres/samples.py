"""Samples of each minute in PostgreSQL: see `adapter.queue.samples`."""

from collections.abc import Callable, Mapping
from typing import Any

from adapter.queue.postgres.state import SQL
from adapter.queue.samples import OF_ALL, SAMPLES_KEPT_MINUTES, MinuteSample, ProjectRate, minute_samples

Run = Callable[[str, Mapping[str, object]], Any]


def keep_growth(run: Run, minute: int, *, pending: int) -> None:
    """Store how much the counters grew, within a transaction; one process does so at a time."""
    run(SQL["add_growth"], {"minute": minute, "of_all": OF_ALL})
    run(SQL["set_backlog"], {"minute": minute, "pending": pending})


def keep_rates(run: Run, minute: int, rates: Mapping[str, ProjectRate]) -> None:
    """Store the rates, within a transaction."""
    for project, rate in rates.items():
        values = {"minute": minute, "project": project, "per_s": rate.per_s, "limit_per_s": rate.limit_per_s}
        run(SQL["set_pace"], values)


def forget_samples(run: Run, minute: int) -> None:
    """Delete the samples that are too old at that minute."""
    run(SQL["forget_samples"], {"before": minute - SAMPLES_KEPT_MINUTES})


def samples(run: Run, *, since: int, until: int, source: str | None) -> list[MinuteSample]:
    """The samples of a span, of all sources together or of one."""
    span = {"since": since, "until": until}
    if source is None:
        grown = run(SQL["growth"], {**span, "of_all": OF_ALL}).fetchall()
    else:
        grown = run(SQL["growth_of"], {**span, "source": source}).fetchall()
    return minute_samples(run(SQL["looks"], span).fetchall(), grown)

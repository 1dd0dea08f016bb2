"""Samples of each minute in a queue file: see `adapter.queue.samples`."""

from collections.abc import Mapping

from adapter.queue.samples import OF_ALL, SAMPLES_KEPT_MINUTES, MinuteSample, ProjectRate, minute_samples
from adapter.queue.sqlite.state import SQL
from adapter.queue.sqlite.statements import Execute


def keep_sample(run: Execute, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
    """Store one sample, within a transaction. Rows that are right already are not written: an idle queue commits once a
    minute.
    """
    run(SQL["add_growth"], (minute,))
    run(SQL["add_growth_of_all"], (minute, OF_ALL))
    run(SQL["set_sampled"], ())
    run(SQL["set_backlog"], (minute, pending))
    for project, rate in rates.items():
        run(SQL["set_pace"], (minute, project, rate.per_s, rate.limit_per_s))


def forget_samples(run: Execute, minute: int) -> None:
    """Delete the samples that are too old at that minute."""
    before = minute - SAMPLES_KEPT_MINUTES
    run(SQL["forget_growth"], (before, OF_ALL))
    run(SQL["forget_backlog"], (before,))
    run(SQL["forget_pace"], (before,))


def samples(run: Execute, *, since: int, until: int, source: str | None) -> list[MinuteSample]:
    """The samples of a span, of all sources together or of one."""
    span = (since, until)
    grown = run(SQL["growth"], (OF_ALL, *span)) if source is None else run(SQL["growth_of"], (source, *span))
    return minute_samples(run(SQL["looks"], span), grown)

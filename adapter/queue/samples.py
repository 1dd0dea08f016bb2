"""Samples: what a queue keeps of each minute for charts. Theory of operation. Pure.

A sample has three parts: how much each counter of the ledger grew, by source; the number of pending events; and the
rate and the limit of each project. Every process takes samples several times a minute (`service/readiness.py`). Where
several processes serve a queue, each stores the rates of the projects that it delivers, and the one that does the
upkeep stores growth and pending events.

Growth is stored, not the counters. A sample stores how much the counters grew since the sample before, and stores the
counters it has covered in the same transaction. So the invariant: the growth of all minutes equals the counters of the
last sample, less the minutes that expired. A crash between two samples loses nothing: what grew meanwhile is in the
next sample. A minute needs none of those before it, so old minutes can expire after SAMPLES_KEPT_MINUTES.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

SAMPLES_KEPT_MINUTES: Final = 7 * 24 * 60
"""Minutes that are kept: 7 days."""
OF_ALL: Final = 0
"""The number of the sum over all sources; reading it costs the same with a thousand sources."""


class ProjectRate(Struct, frozen=True):
    """The rate of a Browsee project's calls now, and its learned limit, both in calls a second."""

    per_s: float
    limit_per_s: float | None


class MinuteSample(Struct, frozen=True):
    """One minute, counted from 1970.

    `grown` has the terms of the ledger that changed in it, and "died": the events that became dead letters. The other
    values are those of the minute's last sample: `pending` events, the sum of the projects' rates, and the sum of their
    limits, None unless each project has one.
    """

    minute: int
    grown: Mapping[str, int]
    pending: int
    per_s: float
    limit_per_s: float | None


def minute_samples(
    looks: Iterable[tuple[int, int, float, float | None]], grown: Iterable[tuple[int, str, int]]
) -> list[MinuteSample]:
    """Samples made of rows. `looks` are minute, pending events, rate and limit, one row for each sampled minute;
    `grown` are minute, term and growth.
    """
    terms: dict[int, dict[str, int]] = {}
    for minute, term, n in grown:
        terms.setdefault(minute, {})[term] = n
    return [
        MinuteSample(minute=minute, grown=terms.get(minute, {}), pending=pending, per_s=per_s, limit_per_s=limit_per_s)
        for minute, pending, per_s, limit_per_s in looks
    ]

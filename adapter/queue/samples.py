"""What a queue keeps of each minute, for charts: how much its counters grew, what waited, how fast calls went. Pure.

Growth is kept, not counts: what grew while nobody looked is in the next minute, a restart loses nothing, and a minute
needs none of those before it, which expire.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

SAMPLES_KEPT_MINUTES: Final = 7 * 24 * 60
"""Minutes that are kept: a week."""
OF_ALL: Final = 0
"""The number under which the sum of all sources is kept, so that reading it costs the same with a thousand of them."""


class ProjectRate(Struct, frozen=True):
    """How fast the calls of a Browsee project go, and the limit that was learned, both in calls a second."""

    per_s: float
    limit_per_s: float | None


class MinuteSample(Struct, frozen=True):
    """One minute, counted from 1970. `grown` has the terms of the ledger that changed in it, and "died": the events
    that became dead letters. The others are those of its last look: `pending` events, and of all projects the rates
    together and the limits, None unless each has one.
    """

    minute: int
    grown: Mapping[str, int]
    pending: int
    per_s: float
    limit_per_s: float | None


def sampled(
    looks: Iterable[tuple[int, int, float, float | None]], grown: Iterable[tuple[int, str, int]]
) -> list[MinuteSample]:
    """Samples of rows: `looks` are minute, pending events, rate and limit, one for each minute that anybody looked in;
    `grown` are minute, term and by how much it grew.
    """
    terms: dict[int, dict[str, int]] = {}
    for minute, term, n in grown:
        terms.setdefault(minute, {})[term] = n
    return [
        MinuteSample(minute=minute, grown=terms.get(minute, {}), pending=pending, per_s=per_s, limit_per_s=limit_per_s)
        for minute, pending, per_s, limit_per_s in looks
    ]

"""Figures of the service minute by minute, kept in the process for 24 hours. Pure.

The ledger's counters only grow, so a minute that was missed loses nothing: differences are made when asked.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapter.deliver.state import State
from adapter.model import JsonObject
from adapter.queue.contract import Balance
from adapter.service.report import Projects
from adapter.wire.instants import instant_text

_MINUTE_S: Final = 60
_KEPT: Final = 24 * 60
_TERMS: Final = ("received", "delivered", "dropped", "unmatched", "rejected", "duplicate", "dead")


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative counts, and what waits and how fast calls go, at the end of a minute."""

    counts: Mapping[str, int]
    pending: int
    rate: float
    limit: float | None


class SeriesRing:
    """See the module."""

    def __init__(self) -> None:
        self._minutes: list[int] = []
        self._samples: list[Sample] = []

    def note(self, at_s: float, balance: Balance, projects: Projects) -> None:
        """Keep the figures of this moment; the last ones of a minute stand for it."""
        minute = int(at_s) // _MINUTE_S
        sample = _sample(balance, [state for _, state in projects])
        if not self._minutes:
            # Where counting begins: what was counted before is of no minute of this process.
            self._append(minute - 1, sample)
        if self._minutes[-1] >= minute:
            # A clock that was set back goes on in the latest minute.
            self._samples[-1] = sample
            return
        self._append(minute, sample)
        if len(self._minutes) > _KEPT + 1:
            del self._minutes[0], self._samples[0]

    def columns(self, *, since_s: int, until_s: int, step_s: int) -> JsonObject:
        """As `adapter.console.series_api.Series` promises."""
        names = ("at", *_TERMS, "pending", "rate", "limit")
        rows = [self._row(begin_s, step_s) for begin_s in range(since_s // step_s * step_s, until_s, step_s)]
        return {name: [row.get(name) for row in rows] for name in names}

    def _row(self, begin_s: int, step_s: int) -> JsonObject:
        at = {"at": instant_text(datetime.fromtimestamp(begin_s, UTC))}
        first = bisect_left(self._minutes, begin_s // _MINUTE_S)
        end = bisect_left(self._minutes, -(-(begin_s + step_s) // _MINUTE_S))
        first = max(first, 1)
        if end <= first:
            return at
        before, last = self._samples[first - 1], self._samples[end - 1]
        grown = {term: max(0, last.counts.get(term, 0) - before.counts.get(term, 0)) for term in _TERMS}
        return {**at, **grown, "pending": last.pending, "rate": last.rate, "limit": last.limit}

    def _append(self, minute: int, sample: Sample) -> None:
        self._minutes.append(minute)
        self._samples.append(sample)


def _sample(balance: Balance, states: list[State]) -> Sample:
    limits = [state.limit_per_s for state in states if state.limit_per_s is not None]
    return Sample(
        counts={**balance.counts, "dead": balance.dead},
        pending=balance.pending,
        rate=round(sum(state.per_s for state in states), 2),
        limit=round(sum(limits), 2) if limits and len(limits) == len(states) else None,
    )

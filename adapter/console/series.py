"""Samples of each minute as columns for charts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapter.model import JsonObject
from adapter.queue.ledger import DIED
from adapter.queue.samples import MinuteSample
from adapter.wire.instants import instant_text

MINUTE_S: Final = 60
_TERMS: Final = {term: term for term in ("received", "delivered", "dropped", "unmatched", "rejected", "duplicate")} | {
    "dead": DIED
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Steps of `step_s` seconds in [`since_s`, `until_s`), in seconds since 1970, on multiples of a step."""

    since_s: int
    until_s: int
    step_s: int

    @property
    def begins_s(self) -> range:
        """The beginning of each step."""
        return range(self.since_s // self.step_s * self.step_s, self.until_s, self.step_s)

    @property
    def minutes(self) -> range:
        """The minutes, counted from 1970, that the steps cover."""
        begins_s = self.begins_s
        if not begins_s:
            return range(0)
        return range(begins_s[0] // MINUTE_S, -(-(begins_s[-1] + self.step_s) // MINUTE_S))


def columns(samples: Sequence[MinuteSample], span: Span) -> JsonObject:
    """A column for each figure, with a value for each step of the span, None without a sample. A minute belongs to the
    step in which it begins.
    """
    steps: list[list[MinuteSample]] = [[] for _ in span.begins_s]
    for sample in samples:
        index = (sample.minute * MINUTE_S - span.begins_s.start) // span.step_s
        if 0 <= index < len(steps):
            steps[index].append(sample)
    rows = [
        {"at": instant_text(datetime.fromtimestamp(begin_s, UTC))} | _row(step)
        for begin_s, step in zip(span.begins_s, steps, strict=True)
    ]
    names = ("at", *_TERMS, "pending", "rate", "limit")
    return {name: [row.get(name) for row in rows] for name in names}


def _row(step: Sequence[MinuteSample]) -> JsonObject:
    if not step:
        return {}
    # A counter that went down, as by a requeue, is not drawn below 0.
    grown = {name: max(0, sum(sample.grown.get(term, 0) for sample in step)) for name, term in _TERMS.items()}
    last = step[-1]
    limit = None if last.limit_per_s is None else round(last.limit_per_s, 2)
    return {**grown, "pending": last.pending, "rate": round(last.per_s, 2), "limit": limit}

"""How much of a queue each source may hold, so that one source cannot shut out the others. Pure.

A source holds its pending events and its dead letters: both stay until they are delivered or discarded, so a page's
public key or a wrong Browsee key could fill the queue for all sources. A source may hold half of what the others leave,
in events and in bytes. So there is always room for one more source, however many have taken their half, and a single
busy source gets half of the whole.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from adapter.errors import SourceFull
from adapter.queue.codec import Row

BESIDE_BODY_BYTES = 300
"""Approximate bytes of an event in a queue file beside its body: ids, instants, lane and keys."""

_FULL = "has {} pending events and dead letters as one source may hold: half of what the others leave free"


class Usage(Struct, frozen=True):
    """What a source holds: its pending and dead events, and their bytes."""

    events: int = 0
    size_bytes: int = 0


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Shares:
    """The room for pending events and dead letters, in events and in bytes (None: not limited). With one source only it
    is not divided.
    """

    max_events: int
    max_bytes: int | None = None
    divided: bool = True

    @property
    def margin(self) -> Usage:
        """A tenth of the room. A source that could not hold that much more is near its share."""
        return Usage(self.max_events // 10, 0 if self.max_bytes is None else self.max_bytes // 10)

    def admit(self, held: Mapping[str, Usage], rows: Collection[Row]) -> None:
        """Raises SourceFull if a source of `rows` may not hold them beside what it holds."""
        if not self.divided:
            return
        for source in {row.source for row in rows}:
            sizes = [len(row.body) for row in rows if row.source == source]
            adding = Usage(len(sizes), sum(sizes) + len(sizes) * BESIDE_BODY_BYTES)
            excess = self.excess(held, source, adding)
            if excess:
                raise SourceFull(excess)

    def excess(self, held: Mapping[str, Usage], source: str, adding: Usage = NOTHING) -> str:
        """Why `source` may not hold `adding` beside what it holds; "" if it may."""
        if not self.divided:
            return ""
        own = held.get(source, NOTHING)
        others = [usage for name, usage in held.items() if name != source]
        if self._is_over(own.events + adding.events, self.max_events, sum(usage.events for usage in others)):
            return f"{source} {_FULL.format('as many')}"
        if self.max_bytes is None:
            return ""
        if self._is_over(own.size_bytes + adding.size_bytes, self.max_bytes, sum(each.size_bytes for each in others)):
            return f"{source} {_FULL.format('as many bytes of')}"
        return ""

    @staticmethod
    def _is_over(own: int, most: int, others: int) -> bool:
        # One event is always allowed: half of a room for one event would be none.
        return 2 * own > max(2, most - others)


def fair_cap(sizes: Sequence[int], most: int) -> int:
    """The size to cut all larger `sizes` down to, so that their sum is `most` at most. Small sizes stay whole, and only
    the largest are cut (max-min fairness).
    """
    left, count = most, len(sizes)
    for size in sorted(sizes):
        if size * count > left:
            return left // count
        left, count = left - size, count - 1
    return max(sizes, default=0)

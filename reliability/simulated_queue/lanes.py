"""Lanes of the simulated queue: when the head of each is due, and which lanes a `take` finds."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from adapter.model import Retry
from adapter.queue.contract import Pick


@dataclass(slots=True)
class Lane:
    """Seqs in order, the first one being the head; all fields but `source` and `priority` are about the head."""

    source: str
    due_s: float
    priority: int = 0
    seqs: deque[int] = field(default_factory=deque)
    attempt: int = 0
    retried_s: float = 0.0
    has_failed: bool = False

    def begin(self, now_s: float) -> None:
        """Make the next event the head."""
        self.due_s, self.attempt, self.retried_s, self.has_failed = now_s, 0, 0.0, False

    def postpone(self, retry: Retry, *, now_s: float) -> None:
        """Let the head wait for its next attempt."""
        if retry.delay_s is not None:
            self.due_s = now_s + retry.delay_s
        self.has_failed = self.has_failed or (self.priority >= 0 and (retry.counted or retry.steps_back))
        if retry.counted:
            self.attempt += 1
            self.retried_s += retry.delay_s or 0.0

    def make_due(self, head: int, now_s: float) -> bool:
        """End the wait of the head if that is `head`; False if it is not, or does not wait."""
        if self.seqs[0] != head or self.due_s <= now_s:
            return False
        self.due_s = now_s
        return True


def due_lanes(
    lanes: Mapping[int, Lane], sources: Collection[str], *, busy: Collection[int], now_s: float, pick: Pick
) -> list[int]:
    """The lanes that `take` may lease now, in their order."""
    due = sorted(
        (lane.priority, -lane.due_s if pick.newest else lane.due_s, key)
        for key, lane in lanes.items()
        if key not in busy and lane.due_s <= now_s and lane.source in sources and _is_picked(pick, key, lane)
    )
    keys = [key for *_, key in due]
    if pick.failed is None:
        return keys
    too_many = frozenset([key for key in keys if lanes[key].has_failed][pick.failed :])
    return [key for key in keys if key not in too_many]


def _is_picked(pick: Pick, key: int, lane: Lane) -> bool:
    return (pick.parked or lane.priority >= 0) and (pick.lanes is None or key in pick.lanes)

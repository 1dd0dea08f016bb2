"""The first events of lanes, and which of them are taken first. Pure."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final

from msgspec import Struct

from adapter.queue.codec import Row
from adapter.queue.contract import Pick


class Priority(IntEnum):
    """Which lanes go first: the column `priority` of a lane."""

    PARKED = -1
    LIVE = 0
    REQUEUED = 1
    LIVE_FAILED = 2
    REQUEUED_FAILED = 3

    @property
    def failed(self) -> "Priority":
        """That of a live or requeued lane whose head failed before."""
        return Priority(self + 2)


_IN_ORDER: Final = (Priority.PARKED, Priority.LIVE, Priority.REQUEUED)


class Head(Struct, frozen=True):
    """A lane's first event, as `take` finds it."""

    lane: int
    due_us: int
    seq: int
    attempt: int
    retried_us: int
    delivered_keys: frozenset[str]
    row: Row
    is_warned: bool
    """The mapping's warnings of an earlier try are stored."""


def pick_heads(due_heads: Callable[[Priority, int], Sequence[Head]], *, limit: int, pick: Pick) -> list[Head]:
    """Up to `limit` heads by priority, then longest due, or shortest if `pick` says so.

    `due_heads` gives at most so many free lanes' heads of a priority, in that order.
    """
    found = list[Head]()
    failed_left = limit if pick.failed is None else pick.failed
    for priority in _IN_ORDER if pick.parked else _IN_ORDER[1:]:
        left = limit - len(found)
        if left > 0:
            again = due_heads(priority.failed, min(left, failed_left)) if priority is not Priority.PARKED else ()
            fresh = due_heads(priority, left)
            found += islice(merge(fresh, again, key=attrgetter("due_us"), reverse=pick.newest), left)
            if again:
                failed_left = max(0, failed_left - len({head.lane for head in again} & {one.lane for one in found}))
    return found

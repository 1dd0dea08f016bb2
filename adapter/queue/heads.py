"""The heads of lanes, and the order in which they are taken. Pure."""

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
    """The order of lanes: the column `priority` of a lane."""

    PARKED = -1
    LIVE = 0
    REQUEUED = 1
    LIVE_FAILED = 2
    REQUEUED_FAILED = 3

    @property
    def failed(self) -> "Priority":
        """The priority of a live or requeued lane whose head failed before."""
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
    """Warnings of the mapping are stored from an earlier attempt."""


def pick_heads(due_heads: Callable[[Priority, int], Sequence[Head]], *, limit: int, pick: Pick) -> list[Head]:
    """Up to `limit` heads by priority; within one, those due longest first, or the newest first if `pick` says so.

    `due_heads(priority, n)` returns up to `n` heads of free lanes, in that order.
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

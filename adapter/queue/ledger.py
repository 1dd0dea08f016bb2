"""The terms of the balance: the counter of each outcome, and the outcomes that the queue itself sets. Pure."""

from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, Outcome, Reason, Retry, Unmatched
from adapter.queue.codec import Row, named_by

ASKED = Dropped(Reason.DELETION, rule="", text="see: browsee-adapter events deletions")
"""The outcome of a deletion request, set on receipt."""

DELETED = Dropped(Reason.DELETED, rule="", text="the user's data was deleted")
"""The outcome of an event that was pending or dead when its user's data was deleted."""


DIED = "died"
"""A counter beside the balance: how many events ever became dead letters. The dead letters of now are counted from
rows.
"""

PUT_OFF = frozenset({Reason.PAUSED, Reason.STOPPING, Reason.DELETED})
"""Reasons of a delay that no failed call caused."""


def ended_at_once(row: Row) -> Dropped | None:
    """The outcome that an event has as soon as it is stored; None for an event that waits for delivery."""
    if row.dropped is not None:
        return row.dropped
    return None if named_by(row) is None else ASKED


def term_of(outcome: Outcome) -> str | None:
    """The counter that `outcome` increments; None for `Retry` and `Dead`, which are counted from rows."""
    match outcome:
        case Delivered():
            return "delivered"
        case Dropped():
            return "dropped"
        case Unmatched():
            return "unmatched"
        case Retry() | Dead():
            return None
        case _:
            assert_never(outcome)

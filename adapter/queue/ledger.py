"""The words of the balance: which counter an outcome adds to, and the outcomes that the queue itself gives. Pure."""

from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, Outcome, Reason, Retry, Unmatched
from adapter.queue.codec import Row, named_by

ASKED = Dropped(Reason.DELETION, rule="", text="see: browsee-adapter events deletions")
"""How a deletion request ends, at its receipt."""

DELETED = Dropped(Reason.DELETED, rule="", text="the user's data was deleted")
"""How an event ends that was pending or dead when its user's data was deleted."""


DIED = "died"
"""A counter beside the balance: how many events ever became dead letters. What is dead now, rows account for."""

PUT_OFF = frozenset({Reason.PAUSED, Reason.STOPPING, Reason.DELETED})
"""Why an event is tried later although no try of it failed."""


def ended_at_once(row: Row) -> Dropped | None:
    """The outcome that an event has when it is stored; None for one that waits for delivery."""
    if row.dropped is not None:
        return row.dropped
    return None if named_by(row) is None else ASKED


def term_of(outcome: Outcome) -> str | None:
    """The counter that `outcome` adds one to; None for `Retry` and `Dead`, which rows account for."""
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

"""The words of the balance: which counter an outcome adds to, and the outcomes that the queue itself gives. Pure."""

from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, Outcome, Reason, Retry, Unmatched

ASKED = Dropped(Reason.DELETION, rule="", text="see: browsee-adapter events deletions")
"""How a deletion request ends, at its receipt."""

DELETED = Dropped(Reason.DELETED, rule="", text="the user's data was deleted")
"""How an event ends that was pending or dead when its user's data was deleted."""


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

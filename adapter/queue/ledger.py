"""The words of the balance: which counter an outcome adds to. Pure."""

from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, Outcome, Retry, Unmatched


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

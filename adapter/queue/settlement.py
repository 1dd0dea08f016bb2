"""The outcome of an event, as a queue writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, EventWarning, Outcome, Retry, Unmatched
from adapter.queue.ledger import PUT_OFF
from adapter.queue.transaction import Staged


@dataclass(slots=True)
class Settlement(Staged[bool]):
    """One event's outcome. The result: False if the event is no longer the head of its lane.

    `size_bytes` is the size of its stored body; `has_sent`: keys of delivered calls are stored. `warnings` replace
    those of the mapping; None if there were none and are none. `attempt` is that of the lease. `is_unsure`: an earlier
    settle failed, and may have been committed.
    """

    lane: int = 0
    seq: int = 0
    source: str = ""
    outcome: Outcome = Unmatched()  # noqa: RUF009 - immutable
    mapping: str = ""
    received_us: int = 0
    size_bytes: int = 0
    attempt: int = 0
    is_unsure: bool = False
    has_sent: bool = False
    warnings: Sequence[EventWarning] | None = None


def failure_of(retry: Retry) -> tuple[str, str] | tuple[None, None]:
    """Reason and detail of a failed attempt; None for an event that was only delayed."""
    return (None, None) if retry.reason in PUT_OFF else (retry.reason.value, retry.detail)


def facts_of(end: Settlement) -> tuple[str, str, str, str]:
    """Outcome, reason, rule and detail for the history."""
    match end.outcome:
        case Delivered(detail=detail, rule=rule):
            return "delivered", "", rule, detail
        case Dropped(reason=reason, rule=rule, text=text):
            return "dropped", reason.value, rule, text
        case Unmatched():
            return "unmatched", "", "", ""
        case Retry() | Dead():
            raise ValueError("this outcome is not a finish")
        case _:
            assert_never(end.outcome)

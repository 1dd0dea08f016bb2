"""How an event ends, as a queue writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, EventWarning, Outcome, Retry, Unmatched
from adapter.queue.ledger import PUT_OFF
from adapter.queue.transaction import Staged


@dataclass(slots=True)
class Settlement(Staged[bool]):
    """One event's outcome; `lane`, `seq` and `source` are its own. The result: False if it is not the head of its
    lane any more. `size_bytes` is that of its stored body, `has_sent` whether calls of it were noted; `warnings`
    are to replace those of the mapping, None where there were none and are none. `attempt` is the one of the lease;
    `is_unsure`: it was written before, and nobody knows whether that was committed.
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
    """Reason and detail of a try that failed; nothing of one that was only put off."""
    return (None, None) if retry.reason in PUT_OFF else (retry.reason.value, retry.detail)


def facts_of(end: Settlement) -> tuple[str, str, str, str]:
    """Outcome, reason, rule and detail, as the history has them."""
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

"""The telemetry of an outcome, for metrics and logs. Pure."""

from typing import assert_never

from adapter.model import Dead, Delivered, Dropped, Lease, Outcome, Retry, Unmatched
from adapter.observe.delivery_telemetry import EventDelivered, EventDied, EventDropped, EventRetried, EventUnmatched
from adapter.observe.telemetry import Telemetry


def telemetry_of(lease: Lease, outcome: Outcome, *, mapping: str, taken_s: float, now_s: float) -> Telemetry:
    """The telemetry of an event that was taken at `taken_s` and is settled at `now_s`, both on the clock of leases."""
    source, message_id, trace = lease.event.source, lease.event.message_id, lease.event.traceparent
    match outcome:
        case Delivered():
            # The machine's clock, which may be set, stamps the receipt; the other times are of a clock that never
            # jumps.
            received_s, due_s = lease.event.received_at.timestamp(), lease.due_at_s
            return EventDelivered(
                source=source,
                message_id=message_id,
                mapping=mapping,
                seconds=max(0.0, now_s - received_s),
                order_s=max(0.0, due_s - received_s),
                turn_s=max(0.0, taken_s - due_s),
                traceparent=trace,
            )
        case Dropped(reason=reason, rule=rule):
            return EventDropped(
                source=source, reason=reason, rule=rule, message_id=message_id, mapping=mapping, traceparent=trace
            )
        case Unmatched():
            return EventUnmatched(source=source, message_id=message_id, mapping=mapping, traceparent=trace)
        case Dead(reason=reason):
            return EventDied(source=source, reason=reason, message_id=message_id, mapping=mapping, traceparent=trace)
        case Retry(reason=reason, delay_s=wait_s):
            return EventRetried(
                source=source,
                reason=reason,
                message_id=message_id,
                delay_s=wait_s or 0.0,
                attempt=lease.attempt,
                traceparent=trace,
            )
        case _:
            assert_never(outcome)

"""Telemetry of delivery: events, calls, pauses and the limit of a Browsee project."""

import logging

from adapter.model import Reason
from adapter.observe.metrics import CALL, CALL_WAIT, DELIVERY, DELIVERY_ORDER, DELIVERY_TURN
from adapter.observe.telemetry import Telemetry


class EventDelivered(Telemetry, frozen=True):
    """`seconds` count from the receipt; of them, `order_s` until it was due and `turn_s` until it was taken."""

    text = "event delivered"
    level = logging.DEBUG
    metric = "browsee_adapter_events_delivered"
    help = "Events with every call accepted by Browsee."
    labels = ("source",)
    measures = (("seconds", DELIVERY), ("order_s", DELIVERY_ORDER), ("turn_s", DELIVERY_TURN))
    source: str
    message_id: str
    mapping: str
    seconds: float
    order_s: float
    turn_s: float
    traceparent: str | None = None


class EventDropped(Telemetry, frozen=True):
    text = "event dropped"
    level = logging.DEBUG
    metric = "browsee_adapter_events_dropped"
    help = "Events dropped by a rule, by their sender's opt-out or by `max_age`."
    labels = ("source", "reason", "rule")
    source: str
    reason: Reason
    rule: str
    message_id: str
    mapping: str
    traceparent: str | None = None


class EventUnmatched(Telemetry, frozen=True):
    text = "event unmatched: no rule takes it"
    level = logging.DEBUG
    metric = "browsee_adapter_events_unmatched"
    help = "Events that no rule of the mapping matches."
    labels = ("source",)
    source: str
    message_id: str
    mapping: str
    traceparent: str | None = None


class EventDied(Telemetry, frozen=True):
    text = "event died: kept in the dead letters"
    level = logging.ERROR
    metric = "browsee_adapter_events_dead"
    help = "Events that became dead letters."
    labels = ("source", "reason")
    throttle_by = ("source", "reason")
    source: str
    reason: Reason
    message_id: str
    mapping: str
    traceparent: str | None = None


class EventRetried(Telemetry, frozen=True):
    text = "event will be tried again"
    level = logging.DEBUG
    metric = "browsee_adapter_events_retried"
    help = "Attempts that ended without a final answer."
    labels = ("source", "reason")
    source: str
    reason: Reason
    message_id: str
    delay_s: float
    attempt: int
    traceparent: str | None = None


class CallAnswered(Telemetry, frozen=True):
    """`call` is its key, such as track/ORDER_COMPLETED/0; `status` the HTTP status, or `none` without an answer.

    It waited `wait_s` for the rate, and then took `seconds`.
    """

    text = "call answered"
    level = logging.DEBUG
    measures = (("seconds", CALL), ("wait_s", CALL_WAIT))
    kind: str
    status: str
    call: str
    rule: str
    wait_s: float
    seconds: float


class UnexpectedAnswer(Telemetry, frozen=True):
    text = "Browsee took the call with an answer that is not documented"
    level = logging.WARNING
    metric = "browsee_adapter_unexpected_answers"
    help = "200 answers with JSON that is neither success nor failure; counted as delivered."
    labels = ("kind",)
    throttle_by = ("kind",)
    kind: str


class DeliveryPaused(Telemetry, frozen=True):
    text = "delivery paused"
    level = logging.WARNING
    metric = "browsee_adapter_delivery_pauses"
    help = "Pauses of delivery to a Browsee project."
    labels = ("sources", "why")
    sources: str
    why: str
    detail: str


class DeliveryResumed(Telemetry, frozen=True):
    text = "delivery resumed"
    sources: str


class DeliveryTaken(Telemetry, frozen=True):
    """Of several replicas, this one delivers these sources from now on."""

    text = "delivery is this replica's"
    sources: str


class DeliveryLost(Telemetry, frozen=True):
    """Another replica may deliver these sources: this one was stopped or cut off for too long, or released them."""

    text = "delivery is another replica's"
    level = logging.WARNING
    sources: str


class LimitLearned(Telemetry, frozen=True):
    text = "Browsee's limit learned"
    sources: str
    per_s: float


class WorkerFailed(Telemetry, frozen=True):
    """A bug in the adapter: the event is retried, and that counts as an attempt."""

    text = "worker failed; the event stays pending"
    level = logging.ERROR
    metric = "browsee_adapter_worker_failures"
    help = "Internal errors of this service during delivery; should always be 0."
    labels = ()
    throttle_by = ("error",)
    message_id: str
    error: str

"""Reads the messages of a body, stores them durably and counts them. Knows no HTTP; never maps.

Works between the routes, which identify the sender, and the queue, which stores the messages.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapter.errors import QueueError, QueueFull, SourceFull
from adapter.http.client_address import Network
from adapter.http.responses import Reply, Response, respond
from adapter.http.token_bucket import TokenBucket
from adapter.ingest.context import RequestBody, RequestContext
from adapter.ingest.decode import Body, Unread
from adapter.ingest.denials import Denials
from adapter.ingest.envelope import lifted
from adapter.ingest.key_uses import KeyUses
from adapter.ingest.limits import RequestLimits
from adapter.ingest.read import NewId, read_event, unparseable
from adapter.ingest.refusals import Refusals
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.model import Event, Problem, Reason, Rejection
from adapter.observe.delivery_telemetry import EventDropped
from adapter.observe.histogram import Histogram
from adapter.observe.ingest_telemetry import (
    BodyRepaired,
    DuplicatesDiffered,
    DuplicatesSeen,
    EventWarned,
    MessageRejected,
    MessagesStored,
)
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import QueueFailed
from adapter.queue.contract import Inbox, Stored

DEFAULT_LIMITS = RequestLimits()
STORED = respond(Reply.STORED)

_READ_AT_ONCE = 250
"""Messages read before other requests get their turn: about 3 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestDeps:
    """The dependencies of ingest.

    `clock` returns the instant of receipt, `monotonic_s` measures durations, `new_id` makes message ids. While
    `is_draining`, and unless it `takes_messages`, nothing is accepted. `X-Forwarded-For` counts from `trusted_proxies`
    alone. `histogram` returns the histogram of a metric for the values of its labels. `refusals` records senders that
    were asked to come later, `denials` those answered 401, `key_uses` the keys that were used.
    `has_console`: the same listener serves the console.
    """

    inbox: Inbox
    sources: Collection[Source]
    validator: Validator
    emit: Emit
    clock: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    new_id: NewId
    histogram: Callable[..., Histogram]
    is_draining: Callable[[], bool] = lambda: False
    takes_messages: bool = True
    has_console: bool = False
    limits: RequestLimits = DEFAULT_LIMITS
    trusted_proxies: Sequence[Network] = ()
    refusals: Refusals = field(default_factory=Refusals)
    denials: Denials = field(default_factory=Denials)
    key_uses: KeyUses = field(default_factory=KeyUses)

    @property
    def closed(self) -> Reply | None:
        """Why nothing is accepted now; None if messages are."""
        if not self.takes_messages:
            return Reply.DELIVERS
        return Reply.STOPPING if self.is_draining() else None


class Intake:
    """Accepts bodies whose source is known."""

    def __init__(self, parts: IngestDeps) -> None:
        self._parts = parts
        self._messages = _allowances({source.name: source.limit_per_s for source in parts.sources})
        self._bytes = _allowances({source.name: source.limit_bytes_per_s for source in parts.sources})
        self._limited = self._messages.keys() | self._bytes.keys()

    async def take(self, context: RequestContext, received: RequestBody) -> Response:
        """Store the messages of the body, or its bytes if it has none; on return the answer is final.

        A bad message in an array or batch fails alone. A single bad message is reported to a platform and, as Segment's
        own API does it, not to an SDK: SDKs send again what they should not.
        """
        # One coroutine from here to the queue: each nested one costs every event half a microsecond.
        source, plain, body = context.source, received.plain, received.body
        if source.at and not context.dialect.is_direct and not isinstance(body, Problem):
            body = lifted(body, source.at)
        count = 1 if isinstance(body, Problem) else len(body.messages)
        refused = self._refusal(source, count, len(plain))
        if refused is not None:
            return self._recorded(source, refused)
        if not isinstance(body, Problem) and body.repaired:
            self._parts.emit(BodyRepaired(source.name, body.repaired))
        if isinstance(body, Problem):
            events, rejections = self._protected(source, [], [_unparseable(plain, body, context)])
        elif count <= _READ_AT_ONCE:
            events, rejections = self._read(context, body.messages)
        else:
            events, rejections = await self._read_in_slices(context, body.messages)
        if events or rejections:
            received.pass_on()
            try:
                stored = await self._parts.inbox.put(events, rejections)
            except QueueError as error:
                return self._recorded(source, self._failure(error))
            self._report(source.name, stored, events, rejections)
        return self._recorded(source, self._answer(context, body, rejections))

    def _refusal(self, source: Source, count: int, size_bytes: int) -> Response | None:
        """Why `count` messages in `size_bytes` are refused; None if they are accepted, and then they count for the
        limits.
        """
        if count > self._parts.limits.messages:
            return respond(Reply.TOO_MANY, hint=f"at most {self._parts.limits.messages} are taken")
        if source.name not in self._limited:
            return None
        spending = [
            (allowances[source.name], amount)
            for allowances, amount in ((self._messages, count), (self._bytes, size_bytes))
            if source.name in allowances
        ]
        wait_s = max(allowance.wait_s(self._parts.monotonic_s()) for allowance, _ in spending)
        if wait_s > 0:
            return respond(Reply.LIMITED, retry_after_s=wait_s)
        for allowance, amount in spending:
            allowance.spend(amount)
        return None

    async def _read_in_slices(
        self, context: RequestContext, messages: Sequence[object]
    ) -> tuple[list[Event], list[Rejection]]:
        events: list[Event] = []
        rejections: list[Rejection] = []
        for start in range(0, len(messages), _READ_AT_ONCE):
            more_events, more_rejections = self._read(context, messages[start : start + _READ_AT_ONCE])
            events += more_events
            rejections += more_rejections
            await asyncio.sleep(0)
        return events, rejections

    def _read(self, context: RequestContext, messages: Sequence[object]) -> tuple[list[Event], list[Rejection]]:
        """`messages` as events and rejections, in the form in which their source stores them."""
        events: list[Event] = []
        rejections: list[Rejection] = []
        validator, new_id = self._parts.validator, self._parts.new_id
        for message in messages:
            if isinstance(message, Unread):
                rejections.append(_unparseable(message.raw, message.problem, context))
                continue
            read = read_event(message, context, validator=validator, new_id=new_id)
            if isinstance(read, Event):
                events.append(read)
            else:
                rejections.append(read)
        return self._protected(context.source, events, rejections)

    @staticmethod
    def _protected(
        source: Source, events: list[Event], rejections: list[Rejection]
    ) -> tuple[list[Event], list[Rejection]]:
        if source.protect_event is not None:
            events = [source.protect_event(event) for event in events]
        if source.protect_rejection is not None:
            rejections = [source.protect_rejection(rejection) for rejection in rejections]
        return events, rejections

    def _failure(self, error: QueueError) -> Response:
        """The answer if the queue stored nothing."""
        if isinstance(error, SourceFull):
            return respond(Reply.SHARE_FULL)
        if isinstance(error, QueueFull):
            return respond(Reply.FULL)
        self._parts.emit(QueueFailed(cause=str(error)))
        return respond(Reply.FAILED)

    @staticmethod
    def _answer(context: RequestContext, body: Body | Problem, rejections: Sequence[Rejection]) -> Response:
        """The answer if everything is stored."""
        if isinstance(body, Problem):
            return respond(Reply.UNPARSEABLE, problems=(body,))
        if rejections and body.is_single and not context.dialect.is_direct and _is_final(rejections[0]):
            return respond(Reply.INVALID, problems=rejections[0].problems)
        return STORED

    def _recorded(self, source: Source, response: Response) -> Response:
        self._parts.refusals.record(source.name, response.reply, self._parts.monotonic_s())
        return response

    def _report(self, source: str, stored: Stored, events: Sequence[Event], rejections: Sequence[Rejection]) -> None:
        emit = self._parts.emit
        if stored.stored:
            emit(MessagesStored(source, stored.stored))
        if stored.duplicates:
            emit(DuplicatesSeen(source, stored.duplicates))
        if stored.differing:
            emit(DuplicatesDiffered(source, stored.differing))
        for event in [event for event in events if event.warnings] if stored.stored else ():
            for warning in event.warnings:
                emit(EventWarned.of(source, event.message_id, warning))
        # Copies are not known here, and are rare.
        if stored.dropped:
            for event, dropped in [(event, event.dropped) for event in events if event.dropped][: stored.dropped]:
                emit(EventDropped(source, dropped.reason, dropped.rule, event.message_id, "", event.traceparent))
        for rejection in rejections:
            problems = "; ".join(f"{problem.pointer} {problem.message}".lstrip() for problem in rejection.problems)
            emit(MessageRejected(source, rejection.reason, rejection.message_id, problems))


def _allowances(per_s: Mapping[str, float | None]) -> Mapping[str, TokenBucket]:
    return {name: TokenBucket(rate) for name, rate in per_s.items() if rate is not None}


def _unparseable(raw: bytes, problem: Problem, context: RequestContext) -> Rejection:
    return unparseable(raw, problem, source=context.source.name, received_at=context.received_at)


def _is_final(rejection: Rejection) -> bool:
    """Whether its sender must fix something; a deletion request that waits for authorisation is the operator's task."""
    return rejection.reason is not Reason.DELETION_UNAUTHORISED

"""What became of a body: its messages read, stored durably and counted. Knows no HTTP; never maps.

Stands between the routes, which know who sent the bytes, and the queue, which keeps what they hold.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapter.errors import QueueError, QueueFull, SourceFull
from adapter.http.client_address import Network
from adapter.http.responses import Reply, Response, respond
from adapter.http.token_bucket import TokenBucket
from adapter.ingest.context import RequestContext
from adapter.ingest.decode import RequestBody, Unread
from adapter.ingest.denials import Denials
from adapter.ingest.envelope import lifted
from adapter.ingest.limits import RequestLimits
from adapter.ingest.read import NewId, read_event, unparseable
from adapter.ingest.refusals import Refusals
from adapter.ingest.sources import ProtectEvent, Source
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
"""Messages read before other requests get their turn: some 3 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestDeps:
    """What ingest is built of.

    `clock` tells the instant of receipt, `monotonic_s` the passing of time, `new_id` makes message ids. While
    `is_draining`, nothing more is taken. `X-Forwarded-For` counts from `trusted_proxies` alone. `histogram` gives the
    histogram of a metric for the values of its labels. `refusals` learns who was asked to come later, `denials` who was
    answered 401.
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
    limits: RequestLimits = DEFAULT_LIMITS
    trusted_proxies: Sequence[Network] = ()
    refusals: Refusals = field(default_factory=Refusals)
    denials: Denials = field(default_factory=Denials)


class Intake:
    """Takes bodies whose source is known."""

    def __init__(self, parts: IngestDeps) -> None:
        self._parts = parts
        self._messages = _allowances({source.name: source.limit_per_s for source in parts.sources})
        self._bytes = _allowances({source.name: source.limit_bytes_per_s for source in parts.sources})

    async def take(self, context: RequestContext, brought: RequestBody) -> Response:
        """Store what the body holds, or its bytes where they hold nothing; on return the answer is the truth.

        A bad message in an array or batch fails alone. One alone in its body is reported to a platform, and not to an
        SDK, as Segment's own API does it: SDKs send again what they should not.
        """
        response = await self._take(context, brought)
        self._parts.refusals.record(context.source.name, response.reply, self._parts.monotonic_s())
        return response

    async def _take(self, context: RequestContext, brought: RequestBody) -> Response:
        source, (plain, body) = context.source, brought
        if not isinstance(body, Problem) and not context.dialect.is_direct:
            body = lifted(body, source.at)
        count = 1 if isinstance(body, Problem) else len(body.messages)
        refused = self._refusal(source, count, len(plain))
        if refused is not None:
            return refused
        if isinstance(body, Problem):
            rejection = unparseable(plain, body, source=source.name, received_at=context.received_at)
            return await self._put(source, [], [rejection]) or respond(Reply.UNPARSEABLE, problems=(body,))
        if body.repaired:
            self._parts.emit(BodyRepaired(source.name, body.repaired))
        events, rejections = await self._read(context, body.messages)
        failed = await self._put(source, events, rejections)
        if failed is not None:
            return failed
        if rejections and body.is_single and not context.dialect.is_direct and _is_final(rejections[0]):
            return respond(Reply.INVALID, problems=rejections[0].problems)
        return STORED

    def _refusal(self, source: Source, count: int, size_bytes: int) -> Response | None:
        """Why nothing of `count` messages in `size_bytes` is taken; None, and they are paid for, if they are."""
        if count > self._parts.limits.messages:
            return respond(Reply.TOO_MANY)
        spending = [
            (allowances[source.name], amount)
            for allowances, amount in ((self._messages, count), (self._bytes, size_bytes))
            if source.name in allowances
        ]
        wait_s = max((allowance.wait_s(self._parts.monotonic_s()) for allowance, _ in spending), default=0.0)
        if wait_s > 0:
            return respond(Reply.LIMITED, retry_after_s=wait_s)
        for allowance, amount in spending:
            allowance.spend(amount)
        return None

    async def _read(self, context: RequestContext, messages: Sequence[object]) -> tuple[list[Event], list[Rejection]]:
        events: list[Event] = []
        rejections: list[Rejection] = []
        for index, message in enumerate(messages, 1):
            if isinstance(message, Unread):
                rejections.append(
                    unparseable(
                        message.raw, message.problem, source=context.source.name, received_at=context.received_at
                    )
                )
                continue
            read = read_event(message, context, validator=self._parts.validator, new_id=self._parts.new_id)
            if isinstance(read, Event):
                events.append(read)
            else:
                rejections.append(read)
            if index % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        return events, rejections

    async def _put(self, source: Source, events: list[Event], rejections: list[Rejection]) -> Response | None:
        """None if all are stored, else the answer that says why not."""
        if not events and not rejections:
            return None
        if source.protect_event is not None:
            events = await _each(source.protect_event, events)
        if source.protect_rejection is not None:
            rejections = [source.protect_rejection(rejection) for rejection in rejections]
        try:
            stored = await self._parts.inbox.put(events, rejections)
        except SourceFull:
            return respond(Reply.SHARE_FULL)
        except QueueFull:
            return respond(Reply.FULL)
        except QueueError as error:
            self._parts.emit(QueueFailed(cause=str(error)))
            return respond(Reply.FAILED)
        self._tell(source.name, stored, events, rejections)
        return None

    def _tell(self, source: str, stored: Stored, events: Sequence[Event], rejections: Sequence[Rejection]) -> None:
        emit = self._parts.emit
        if stored.stored:
            emit(MessagesStored(source, stored.stored))
        if stored.duplicates:
            emit(DuplicatesSeen(source, stored.duplicates))
        if stored.differing:
            emit(DuplicatesDiffered(source, stored.differing))
        for event in events if stored.stored else ():
            for warning in event.warnings:
                emit(EventWarned.of(source, event.message_id, warning))
        # Which of them were copies is not known here; hardly ever is one of them.
        for event, dropped in [(event, event.dropped) for event in events if event.dropped][: stored.dropped]:
            emit(EventDropped(source, dropped.reason, dropped.rule, event.message_id, "", event.traceparent))
        for rejection in rejections:
            problems = "; ".join(f"{problem.pointer} {problem.message}".lstrip() for problem in rejection.problems)
            emit(MessageRejected(source, rejection.reason, rejection.message_id, problems))


def _allowances(per_s: Mapping[str, float | None]) -> Mapping[str, TokenBucket]:
    return {name: TokenBucket(rate) for name, rate in per_s.items() if rate is not None}


def _is_final(rejection: Rejection) -> bool:
    """Whether its sender must do something about it; a request that waits to be authorised is the operator's."""
    return rejection.reason is not Reason.DELETION_UNAUTHORISED


async def _each(protect: ProtectEvent, events: Sequence[Event]) -> list[Event]:
    protected: list[Event] = []
    for index, event in enumerate(events, 1):
        protected.append(protect(event))
        if index % _READ_AT_ONCE == 0:
            await asyncio.sleep(0)
    return protected

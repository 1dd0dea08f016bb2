"""One event, from its lease to its outcome: rendered, its calls sent in order, the answers classified.

Uses the queue only to store keys of delivered calls. Whatever Browsee does is a value; an exception is a bug in the
adapter.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, assert_never

from msgspec.structs import replace

from adapter.deliver.browsee import Browsee
from adapter.deliver.line import Ask, Line
from adapter.deliver.misconfigured import Ruling, Subject
from adapter.deliver.permits import Go, Permit, Wait
from adapter.deliver.policy import (
    Accepted,
    Answer,
    Misconfigured,
    RefusedByBrowsee,
    TryAgain,
    classify,
    delay_s,
    describe,
    is_exhausted,
)
from adapter.deliver.project import Project
from adapter.deliver.renderer import Renderer
from adapter.deliver.state import PauseReason
from adapter.errors import QueueError
from adapter.model import (
    Call,
    CallFailure,
    Calls,
    Dead,
    Delivered,
    Dropped,
    EventWarning,
    Lease,
    Outcome,
    Reason,
    Refused,
    Retry,
    Secret,
    Unmatched,
)
from adapter.observe.delivery_telemetry import CallAnswered, UnexpectedAnswer
from adapter.observe.ingest_telemetry import EventWarned
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import QueueFailed
from adapter.queue.contract import Backlog

STOPPING = Retry(Reason.STOPPING, delay_s=None, counted=False)
# The event was settled by its new holder or deleted, so this changes nothing.
_LET_GO = Retry(Reason.DELETED, delay_s=None, counted=False)
# An event that would wait longer than this for its call returns to the queue, so that others of its project may pass.
# None may pass while the pace makes all wait, and the line keeps their order.
_PATIENCE_S = 5.0
_DAMAGED = Dead(Reason.DAMAGED, "the stored event is damaged and cannot be read")
# The next probe should be of another event, because this one may be the cause.
_MISCONFIGURED_S = 2.0


@dataclass(frozen=True, slots=True)
class RetryFor:
    """`retry:` of the settings: an event is retried for `for_s` seconds, with at most `max_s` between two attempts."""

    for_s: float
    max_s: float


class Delivery:
    """Delivers events of one project, many at a time. `keys` are Browsee keys by source name; `jitter` returns numbers
    in [0, 1); `now` returns seconds since 1970 on a clock that never jumps; `stop` ends every wait.
    """

    def __init__(
        self,
        *,
        backlog: Backlog,
        browsee: Browsee,
        project: Project,
        keys: Mapping[str, Secret],
        retry: RetryFor,
        emit: Emit,
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._stopping = asyncio.Event()
        self._backlog = backlog
        self._browsee = browsee
        self._project = project
        self._keys = keys
        self._retry = retry
        self._emit = emit
        self._now = now
        self._jitter = jitter
        self._line = Line[Permit | Retry](lost=self._abandon)
        self._calling: dict[asyncio.Task[Any], Lease] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Send no more calls; calls in flight end."""
        self._stopping.set()
        self._line.ask_again()

    def cut_calls(self) -> None:
        """Cancel `deliver` where it waits for an answer for an event that is no longer held: another process may send
        its calls now. Whether the call was delivered is unknown.
        """
        for task, lease in list(self._calling.items()):
            if not self._backlog.holds(lease):
                task.cancel()

    async def deliver(
        self, lease: Lease, ruleset: Renderer, warnings: list[EventWarning], *, probe: bool = False, apart: bool = False
    ) -> Outcome:
        """The outcome of the event; the mapping's warnings are added to `warnings`. `probe` and `apart` as in
        `Project.admit`. Raises only for bugs in the adapter.
        """
        if lease.is_damaged:
            return _DAMAGED
        rendered = ruleset.render(lease.event)
        if isinstance(rendered, Calls | Refused | Dropped):
            warnings += rendered.warnings
        match rendered:
            case Calls():
                self._warn(lease, rendered)
                return await self._send_all(lease, rendered, probe=probe, apart=apart)
            case Refused():
                self._warn(lease, rendered)
                return Dead(Reason.REFUSED_BY_MAPPING, _worded(rendered))
            case Dropped():
                self._warn(lease, rendered)
                return rendered
            case Unmatched():
                return rendered
            case _:
                assert_never(rendered)

    def try_again(
        self, lease: Lease, reason: Reason, *, counted: bool, at_least_s: float = 0.0, detail: str = ""
    ) -> Retry | Dead:
        """The event's next attempt, or its end if it has been retried for as long as the settings say."""
        wait_s = max(at_least_s, delay_s(attempt=lease.attempt, jitter=self._jitter(), max_s=self._retry.max_s))
        if counted and is_exhausted(retried_s=lease.retried_s + wait_s, retry_for_s=self._retry.for_s):
            return Dead(Reason.EXHAUSTED, f"tried for {lease.retried_s:.0f} s; the last time: {reason}")
        return Retry(reason, wait_s, counted, detail=detail)

    async def _send_all(self, lease: Lease, rendered: Calls, *, probe: bool, apart: bool) -> Outcome:
        """Send the calls in order, without those that were delivered before; stop at the first that is not
        delivered.
        """
        left = [call for call in rendered.calls if call.key not in lease.delivered_keys]
        unexpected = False
        for number, call in enumerate(left, start=1):
            said = await self._send(lease, call, probe=probe, apart=apart)
            if not isinstance(said, Accepted):
                return said
            unexpected = unexpected or said.unexpected
            # Stored before the next call is sent: a crash between the two repeats a call and never loses one.
            if number < len(left):
                self._backlog.mark_delivered(lease, call.key)
        detail = "an answer was not as documented" if unexpected else ""
        return Delivered(detail, rule=rendered.calls[0].rule)

    async def _send(self, lease: Lease, call: Call, *, probe: bool, apart: bool) -> Accepted | Retry | Dead:
        asked_s = self._now()
        ask = partial(self._ask, call, lease, probe=probe, apart=apart)
        # A probe does not queue: the others wait for its result.
        permit = await (self._alone(ask) if probe else self._line.answer(ask))
        if isinstance(permit, Retry):
            return permit
        try:
            answer = await self._answer(lease, call)
        except BaseException:
            self._abandon(permit)
            raise
        status = "none" if answer.status is None else str(answer.status)
        self._emit(
            CallAnswered(
                kind=call.kind,
                status=status,
                call=call.key,
                rule=call.rule,
                wait_s=permit.sent_at_s - asked_s,
                seconds=answer.seconds,
            )
        )
        now_s = self._now()
        verdict = classify(answer, now=datetime.fromtimestamp(now_s, UTC), any_2xx=self._project.any_2xx)
        cause = "" if isinstance(verdict, Accepted) else describe(answer)
        ruling = self._project.answered(permit, verdict, of=Subject.of(lease, call), now_s=now_s, cause=cause)
        # Hanging calls must not be repeated at once: they would end together again and again, as in an outage.
        if isinstance(verdict, Accepted):
            self._line.call_ended()
        if ruling.requeued or ruling.due:
            await self._bring_back(ruling)
        outcome = self._outcome(lease, call, ruling, cause)
        if isinstance(outcome, Accepted):
            return outcome
        return replace(outcome, failure=CallFailure(call.key, answer.status, cause, answer.seconds))

    async def _answer(self, lease: Lease, call: Call) -> Answer:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Delivery.deliver outside of a task")
        self._calling[task] = lease
        try:
            return await self._browsee.send(call, self._keys[lease.event.source])
        finally:
            del self._calling[task]

    def _outcome(self, lease: Lease, call: Call, ruling: Ruling, cause: str) -> Accepted | Retry | Dead:
        match ruling.verdict:
            case Accepted(unexpected=unexpected) as accepted:
                if unexpected:
                    self._emit(UnexpectedAnswer(kind=call.kind))
                return accepted
            case RefusedByBrowsee(message=message):
                return Dead(Reason.REFUSED, message)
            case TryAgain(reason=reason, retry_after_s=retry_after_s) if ruling.at_once:
                return Retry(reason, retry_after_s or 0.0, counted=False, steps_back=True, detail=cause)
            case TryAgain(reason=reason, retry_after_s=retry_after_s, counted=counted):
                return self.try_again(lease, reason, counted=counted, at_least_s=retry_after_s or 0.0, detail=cause)
            case Misconfigured(detail=detail, least_s=least_s):
                aside = self._project.sets_aside(call.kind)
                wait_s = _MISCONFIGURED_S + 2 * least_s
                # No probe takes it again while there are events that did not meet the same.
                return Retry(Reason.MISCONFIGURED, wait_s, counted=False, parked=aside, steps_back=True, detail=detail)
            case _:
                assert_never(ruling.verdict)

    async def _bring_back(self, ruling: Ruling) -> None:
        """Requeue events that were refused for the project's fault, and end the wait of those that an outage delayed. A
        failing disk leaves them as they are.
        """
        try:
            if ruling.requeued:
                await self._backlog.requeue(ruling.requeued)
            if ruling.due:
                await self._backlog.make_due(ruling.due)
        except QueueError as exc:
            self._emit(QueueFailed(cause=str(exc)))

    def _ask(self, call: Call, lease: Lease, *, probe: bool, apart: bool) -> Permit | Retry | Wait:
        """Whether this call may go now; Retry if the event should not wait for that."""
        goes_back = self._goes_back(call, lease, probe=probe)
        if goes_back is not None:
            return goes_back
        admitted = self._project.admit(call.kind, self._now(), probe=probe, apart=apart)
        if isinstance(admitted, Go):
            return admitted.permit
        aside = self._project.sets_aside(call.kind)
        if aside or (admitted.seconds > _PATIENCE_S and admitted.why is not PauseReason.PACE):
            return Retry(Reason.PAUSED, admitted.seconds, counted=False, parked=aside)
        return admitted

    def _goes_back(self, call: Call, lease: Lease, *, probe: bool) -> Retry | None:
        """The outcome that returns the event to the queue before its call is admitted; None if it stays."""
        if self._stopping.is_set():
            return STOPPING
        if not self._backlog.holds(lease):
            return _LET_GO
        if self._project.repeats_probe(call.kind, Subject.of(lease, call)):
            return Retry(Reason.PAUSED, _MISCONFIGURED_S, counted=False)
        if not probe and self._project.probes(self._now()) is not None:
            # During a pause of all calls the next probe is chosen among all events of the queue.
            return Retry(Reason.PAUSED, None, counted=False)
        return None

    async def _alone(self, ask: Ask[Permit | Retry]) -> Permit | Retry:
        """Ask until `ask` allows the call, without queueing."""
        while isinstance(said := ask(), Wait):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(said.seconds):
                    await self._stopping.wait()
        return said

    def _abandon(self, permit: Permit | Retry) -> None:
        """There will be no answer to this call."""
        if isinstance(permit, Permit):
            self._project.abandoned(permit, now_s=self._now())

    def _warn(self, lease: Lease, rendered: Calls | Refused | Dropped) -> None:
        for warned in rendered.warnings:
            self._emit(EventWarned.of(lease.event.source, lease.event.message_id, warned))


def _worded(refused: Refused) -> str:
    return f"{'; '.join(problem.message for problem in refused.problems)} (rule '{refused.rule}')"

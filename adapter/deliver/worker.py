"""Takes events from the queue, has them delivered, and settles their outcomes.

There is one `Worker` for each Browsee project, so that a slow or paused project does not hold up others. One task holds
an event from lease to settle; the project decides when each call may go. Nothing that an event or Browsee does ends a
worker: it becomes the outcome of one event.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from adapter.deliver.delivery import STOPPING, Delivery
from adapter.deliver.outcome_telemetry import telemetry_of
from adapter.deliver.project import Project
from adapter.deliver.renderer import Renderer
from adapter.errors import QueueError
from adapter.model import Delivered, Dropped, EventWarning, Lease, Outcome, Reason, Retry, Unmatched
from adapter.observe.delivery_telemetry import (
    WorkerFailed,
)
from adapter.observe.faults import place_of
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import QueueFailed
from adapter.queue.contract import Backlog, Pick

LEASE_S = 60.0
_TAKE_WAIT_S = 1.0
_SETTLE_AGAIN_S = 0.5
# Less than the time between the end of a claim's trust and the earliest call of another process.
_CUT_WITHIN_S = 0.25
# The least number of held events, so that one that waits for its pause does not block the others.
_LEAST_HELD = 4
# One in so many held events may be of a user whose call failed or hung before.
_SHARE_APART = 2
# A take is made once one in so many places is free: a take for each event would cost as much as its call.
_TAKE_AT_LEAST = 4
# As long as the queue lets a settle wait for others.
_SOON_S = 0.1
# Outcomes that finish the event.
_ENDS = (Delivered, Dropped, Unmatched)
_STEP_BACK = Retry(Reason.PAUSED, delay_s=0, counted=False, steps_back=True)


class _Held(NamedTuple):
    """An event in work. `probe`: it tests whether a pause is over. `apart`: its user's calls failed or hung before."""

    lease: Lease
    probe: bool
    apart: bool


class Worker:
    """Delivers the events of `sources`, all of one project, by `delivery`. `ruleset_of` returns the active mapping of a
    source; `now` returns seconds since 1970 on a clock that never jumps.
    """

    def __init__(
        self,
        *,
        backlog: Backlog,
        delivery: Delivery,
        project: Project,
        sources: Collection[str],
        ruleset_of: Callable[[str], Renderer],
        emit: Emit,
        now: Callable[[], float],
    ) -> None:
        self.project = project
        self.sources = sources
        self._backlog = backlog
        self._delivery = delivery
        self._ruleset_of = ruleset_of
        self._emit = emit
        self._now = now
        self._held: dict[asyncio.Task[None], _Held] = {}
        self._probes = self._probe_turn = self._apart = self._settling = 0
        self._taking: asyncio.Future[Sequence[Lease]] | None = None
        self._pausing: asyncio.Future[None] | None = None
        self._most_waiting = 0
        self._ended_at_s = -math.inf

    @property
    def in_flight(self) -> int:
        """The number of held events."""
        return len(self._held)

    async def run(self) -> None:
        """Deliver until `stop`."""
        beside = [asyncio.create_task(work) for work in (self._renew_leases(), self._cut_calls())]
        try:
            while not self._delivery.is_stopping:
                await self._feed()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def stop(self, grace_s: float) -> None:
        """Take no more events, let the calls in flight end within `grace_s`, and leave no event leased.

        A call that is cut off after that may have been delivered; its event stays pending and will be sent again.
        """
        self._delivery.stop()
        if self._taking is not None:
            self._taking.cancel()
        self._end_pause()
        cutting = asyncio.create_task(self._cut_calls())
        if self._held:
            await asyncio.wait(self._held, timeout=grace_s)
        for task in (cutting, *self._held):
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    # -- feeding ---------------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        """Lease as many events as can be worked on now, and start a task for each."""
        now_s = self._now()
        paused_s = self.project.paused_for_s(now_s)
        probes = self.project.probes(now_s)
        most = self._most_held(now_s)
        if probes is None:
            free = most - (len(self._held) - self.project.in_flight)
        else:
            free = probes - (self._probes - self.project.probes_in_flight)
        least = max(1, most // _TAKE_AT_LEAST) if probes is None else 1
        if free < least or paused_s > 0:
            # In a pause or an outage each released event may change what to do.
            self._most_waiting = most - least if probes is None and paused_s <= 0 else len(self._held)
            await self._pause(paused_s or _TAKE_WAIT_S)
            return
        try:
            if probes is None:
                # Users whose calls fail or hang have a share of the places, so that others always find one.
                failed = max(0, max(1, most // _SHARE_APART) - self._apart)
                parked = self.project.takes("identify", now_s)
                await self._start(await self._take(free, Pick(parked=parked, failed=failed)))
            else:
                await self._feed_probes(free)
        except QueueError as exc:
            self._emit(QueueFailed(cause=str(exc)))
            self._most_waiting = -1
            await self._pause(_TAKE_WAIT_S)

    async def _feed_probes(self, count: int) -> None:
        """Start a round of probes: an event of a user whose last call passed, the newest event that has not failed, and
        the one that is due longest. If fewer may go, the last two take turns.
        """
        others = (Pick(failed=0, newest=True), Pick())
        self._probe_turn += 1
        started = 0
        for pick in (Pick(lanes=self.project.passed_lately), *(others if self._probe_turn % 2 else reversed(others))):
            if started < count:
                leases = await self._take(1, pick, wait_s=0.0)
                started += len(leases)
                await self._start(leases, probe=True)
        if not started:
            await self._start(await self._take(1, Pick()), probe=True)

    async def _take(self, limit: int, pick: Pick, *, wait_s: float = _TAKE_WAIT_S) -> Sequence[Lease]:
        taken = self._backlog.take(sources=self.sources, limit=limit, lease_s=LEASE_S, wait_s=wait_s, pick=pick)
        self._taking = asyncio.ensure_future(taken)
        try:
            return await self._taking
        except asyncio.CancelledError:
            if self._delivery.is_stopping:
                return ()
            raise
        finally:
            self._taking.cancel()
            self._taking = None

    async def _start(self, leases: Sequence[Lease], *, probe: bool = False) -> None:
        taken_s = self._now()
        most_apart = max(1, self._most_held(taken_s) // _SHARE_APART)
        for lease in leases:
            is_slow = lease.attempt == 0 and self.project.is_slow(lease.lane)
            if is_slow and not probe and self._apart >= most_apart:
                await self._settle(lease, _STEP_BACK, mapping="", taken_s=taken_s, warnings=())
                continue
            apart = is_slow or lease.attempt > 0
            task = asyncio.create_task(self._work(lease, taken_s, probe=probe, apart=apart))
            self._held[task] = _Held(lease, probe, apart)
            self._probes += probe
            self._apart += apart
            task.add_done_callback(self._release)

    def _most_held(self, now_s: float) -> int:
        """The limit of held events whose call is not in flight: twice as many as calls may be, because others must be
        ready while some settle; but at most a second's worth, because a held event cannot be delayed by the queue.
        """
        return max(_LEAST_HELD, min(2 * self.project.concurrency, round(self.project.per_s(now_s))))

    async def _pause(self, seconds: float) -> None:
        """Wait so long; less if `stop` is called, or if events are released and at most `_most_waiting` wait."""
        if self._delivery.is_stopping:
            return
        loop = asyncio.get_running_loop()
        self._pausing = loop.create_future()
        timer = loop.call_later(seconds, self._end_pause)
        try:
            await self._pausing
        finally:
            timer.cancel()
            self._pausing = None

    def _end_pause(self) -> None:
        if self._pausing is not None and not self._pausing.done():
            self._pausing.set_result(None)

    def _release(self, task: asyncio.Task[None]) -> None:
        held = self._held.pop(task)
        self._probes -= held.probe
        self._apart -= held.apart
        if len(self._held) - self.project.in_flight <= self._most_waiting:
            self._end_pause()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            for held in list(self._held.values()):
                await self._backlog.renew(held.lease, lease_s=LEASE_S)

    async def _cut_calls(self) -> None:
        while True:
            await asyncio.sleep(_CUT_WITHIN_S)
            self._delivery.cut_calls()

    # -- one event -------------------------------------------------------------------------------------------------

    async def _work(self, lease: Lease, taken_s: float, *, probe: bool, apart: bool) -> None:
        ruleset, warnings = self._ruleset_of(lease.event.source), list[EventWarning]()
        try:
            outcome = await self._delivery.deliver(lease, ruleset, warnings, probe=probe, apart=apart)
        except asyncio.CancelledError:
            # Cancelled by `stop`, which waits for the event to be pending again, or because the event is no longer
            # held.
            outcome = STOPPING
        except Exception as exc:
            # A bug in the adapter must neither end the worker nor block the user for ever, so it counts as an attempt.
            place = place_of(exc)
            self._emit(WorkerFailed(message_id=lease.event.message_id, error=place))
            outcome = self._delivery.try_again(lease, Reason.FAULT, counted=True, detail=place)
        await self._settle(lease, outcome, mapping=ruleset.version, warnings=warnings, taken_s=taken_s)

    async def _settle(
        self, lease: Lease, outcome: Outcome, *, mapping: str, warnings: Sequence[EventWarning], taken_s: float
    ) -> None:
        """Settle, also while the disk fails for a time: otherwise the event would be sent again."""
        self._settling += 1
        try:
            while True:
                try:
                    may_wait = isinstance(outcome, _ENDS) and self._has_company()
                    settled = await self._backlog.settle(
                        lease, outcome, mapping=mapping, warnings=warnings, may_wait=may_wait
                    )
                except QueueError as exc:
                    self._emit(QueueFailed(cause=str(exc)))
                    if self._delivery.is_stopping:
                        return
                    await asyncio.sleep(_SETTLE_AGAIN_S)
                else:
                    if settled:
                        self._emit(telemetry_of(lease, outcome, mapping=mapping, taken_s=taken_s, now_s=self._now()))
                    return
        finally:
            self._settling -= 1

    def _has_company(self) -> bool:
        """Whether a settle may wait for others: if some events are likely to end soon, and half of the places are left
        for the next calls.
        """
        now_s, last_s = self._now(), self._ended_at_s
        self._ended_at_s = now_s
        is_likely = len(self._held) > self._settling or now_s - last_s <= _SOON_S
        return is_likely and 2 * self._settling <= self._most_held(now_s) and not self._delivery.is_stopping

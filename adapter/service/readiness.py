"""What the running service reports at `/readyz` and `/metrics`: the last count of its queue, and the state of its parts
now.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapter.console.health import Report
from adapter.deliver.state import ELSEWHERE, State, undelivered
from adapter.deliver.worker import Worker
from adapter.errors import QueueError
from adapter.ingest.denials import Denials
from adapter.ingest.refusals import Refusals
from adapter.model import JsonObject
from adapter.observe.observer import Emit
from adapter.queue.contract import Balance, Queue
from adapter.queue.samples import ProjectRate
from adapter.service import deletions
from adapter.service.deadlines import RetryHorizons, deadlines
from adapter.service.mappings import Active
from adapter.service.replicas import facts_of, replica_gauges, replicas_json, with_mappings
from adapter.service.report import Projects, make_report
from adapter.settings.settings import Settings
from adapter.wire.instants import instant_text

_BALANCE_EVERY_S = 2.0
_UNDELIVERED_S = 30.0
"""Longer than a takeover or a rolling restart leaves a project without a replica."""
_COUNTING_SHARE = 0.01
"""The largest share of time for counting. With 10,000,000 pending events one count takes about a second."""


@dataclass(frozen=True, slots=True)
class Count:
    """The queue's balance, and when it was counted."""

    balance: Balance
    at: datetime

    @classmethod
    async def of(cls, queue: Queue) -> "Count":
        """The balance of `queue` now. Raises QueueError."""
        return cls(await queue.balance(), datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The parts that a report is made of. `draining` is set once the service stops; `now` is the clock of leases and
    delays.
    """

    settings: Settings
    queue: Queue
    active: Active
    workers: Sequence[Worker]
    refusals: Refusals
    denials: Denials
    draining: asyncio.Event
    now: Callable[[], float]


class Readiness:
    """Counts the queue regularly, and reports; `count` is the first count."""

    def __init__(self, observed: Observed, count: Count, *, emit: Emit) -> None:
        self._observed = observed
        self._horizons = RetryHorizons.of(observed.settings)
        self._deleting = frozenset(source.name for source in observed.settings.sources if source.may_delete)
        self._waiting_deletions = deletions.WaitingDeletions(emit)
        self._count = count
        self._facts = facts_of(observed.settings)
        self._announce()
        self._waiting_deletions.look(count.balance.deletions_waiting)

    async def follow(self) -> None:
        """Count pending and dead from rows until cancelled, so that a ledger that does not balance is noticed."""
        queue, refusals = self._observed.queue, self._observed.refusals
        count_at_s = 0.0
        while True:
            await asyncio.sleep(_BALANCE_EVERY_S)
            self._announce()
            with contextlib.suppress(QueueError):
                began_s = time.monotonic()
                if began_s >= count_at_s:
                    self._count = await Count.of(queue)
                    took_s = time.monotonic() - began_s
                    count_at_s = began_s + took_s / _COUNTING_SHARE
                    self._waiting_deletions.look(self._count.balance.deletions_waiting)
                    await self._keep_sample()
                if refusals.waits_for_queue:
                    await queue.probe()
                    refusals.queue_takes()

    async def pending(self) -> int:
        """The number of pending events now, or as counted last if the queue does not answer."""
        with contextlib.suppress(QueueError):
            self._count = await Count.of(self._observed.queue)
        return self._count.balance.pending

    def _announce(self) -> None:
        """Let other replicas see the settings and mappings of this one."""
        self._observed.queue.announce(with_mappings(self._facts, self._observed.active))

    async def _keep_sample(self) -> None:
        """Store a sample for charts; the last sample of a minute counts."""
        rates = {
            ", ".join(sources): ProjectRate(per_s=state.per_s, limit_per_s=state.limit_per_s)
            for sources, state in self.projects()
            if state.is_here
        }
        minute = int(self._count.at.timestamp()) // 60
        await self._observed.queue.keep_sample(minute, pending=self._count.balance.pending, rates=rates)

    def projects(self) -> Projects:
        """The state of delivery of each Browsee project that this process delivers, or that no replica does."""
        return [(worker.sources, self._state(worker)) for worker in self._observed.workers]

    def _state(self, worker: Worker) -> State:
        queue = self._observed.queue
        if queue.tenure(worker.sources):
            return worker.project.state(self._observed.now())
        undelivered_s = queue.undelivered_s(worker.sources)
        return undelivered(undelivered_s) if undelivered_s > _UNDELIVERED_S else ELSEWHERE

    def report(self) -> Report:
        """The report of now."""
        observed, count, now = self._observed, self._count, datetime.now(UTC)
        balance, disk = count.balance, observed.queue.disk()
        refusals = observed.refusals.now(time.monotonic(), self._horizons.horizons_s)
        report = make_report(
            stopping=observed.draining.is_set(),
            sandbox=observed.settings.sandbox,
            active=observed.active,
            projects=self.projects(),
            balance=balance,
            disk=disk,
            now=now,
            deadlines=deadlines(self._horizons, refusals, balance=balance, disk=disk, now=now),
        )
        # Counting takes time, so `pending`, `dead` and the ledger are some seconds old.
        counted: JsonObject = {"counted_at": instant_text(count.at)}
        replicas = observed.queue.replicas()
        waiting = deletions.facts(balance.deletions_waiting, self._deleting.__contains__)
        facts = report.facts | counted | waiting | observed.denials.facts(now) | replicas_json(replicas)
        return replace(report, facts=facts, gauges=(*report.gauges, *replica_gauges(replicas)))

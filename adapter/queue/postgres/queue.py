"""The queue in a schema of a PostgreSQL database.

The database holds events, lanes and outcomes; leases are in memory. One thread with a connection of its own puts,
another settles and finds due events, a third does slow reads. See `migrations/` for the tables and `queue/contract.py`
for the contract.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from adapter.errors import QueueError
from adapter.model import Lease
from adapter.queue.archive import QueueArchive
from adapter.queue.contract import ANY, Balance, Deletion, Pick, Stored
from adapter.queue.group_commit import GroupCommit
from adapter.queue.inbox import QueueInbox
from adapter.queue.leased_queue import LeasedQueue
from adapter.queue.postgres.claim_rows import Terms
from adapter.queue.postgres.claims import Claims
from adapter.queue.postgres.clock import StoreClock
from adapter.queue.postgres.connect import PostgresPlace, PostgresSession
from adapter.queue.postgres.deletions import PostgresDeletions
from adapter.queue.postgres.inbox_rows import PutRows
from adapter.queue.postgres.lanes import PostgresLaneRows
from adapter.queue.postgres.reading import ReadSession, count_balance
from adapter.queue.postgres.requeue import requeue_dead
from adapter.queue.postgres.schema import migrate
from adapter.queue.postgres.state import SQL, Holdings, PostgresWriterState
from adapter.queue.postgres.upkeep import PostgresUpkeep
from adapter.queue.postgres.watchdog import Watchdog
from adapter.queue.records import QueueOptions
from adapter.queue.replicas import Replica
from adapter.queue.room import Room
from adapter.queue.shares import Shares

_OPTIONS = QueueOptions()
_REJECTED_PART = 100
_NO_LIMIT = 2**62
_LOOK_S = 0.25
_ANSWER_S = 12.0
_PUT_ANSWER_S = 5.0
"""Senders wait for it; after it they get a 503 and send again."""


class PostgresQueue(LeasedQueue, QueueArchive):
    """See `adapter.queue.contract` for the methods; created by `open_at`."""

    def __init__(
        self, place: PostgresPlace, options: QueueOptions, *, clock: Callable[[], float], terms: Terms
    ) -> None:
        watchdog = Watchdog()
        self._puts, self._state = puts, ends = _writers(place, options, clock=clock, watchdog=watchdog)
        self._put_rows, self._rows = PutRows(puts), PostgresLaneRows(ends)
        puts.session.prepare = self._put_rows.prepare
        self._reading = ReadSession(place, watchdog)
        self._unordered = frozenset(options.unordered)
        shares = Shares(options.max_pending, divided=options.shared)
        self._put_commits = GroupCommit(puts.session, self._put_rows)
        self._commits = GroupCommit(ends.session, self._rows)
        self._clock = clock
        self._upkeep = PostgresUpkeep(
            self._commits,
            self._reading,
            ends,
            shares=shares,
            most_rejected_bytes=options.max_bytes // _REJECTED_PART,
            look_at_clock=clock.look if isinstance(clock, StoreClock) else lambda _: None,
            counted=self._count_pending,
        )
        room = Room(max_bytes=_NO_LIMIT, setting="the disk of the database")
        inbox = QueueInbox(
            self._put_commits,
            self._put_rows,
            room,
            storing=self._upkeep.storing,
            unordered=self._unordered,
            shares=shares,
            stored=self._put_done,
        )
        steady = clock.steady if isinstance(clock, StoreClock) else clock
        LeasedQueue.__init__(self, self._commits, self._rows, inbox=inbox, now=clock, steady=steady)
        QueueArchive.__init__(self, self._commits, self._rows, room)
        self._delivered: set[str] = set()
        self._claims = self._make_claims(options, terms)
        ends.session.prepare = self._claims.prepare
        self._rows.fence(self._claims.ours)
        self._deletions = PostgresDeletions(
            self._reading,
            self._commits,
            ends,
            claims=self._claims,
            delivered=lambda: self._delivered,
            patience_s=terms.puts_s,
            ended=self._ended,
        )
        works = (self._upkeep.run(), self._claims.run(), self._claims.share())
        self._keeping = [asyncio.create_task(work) for work in works]

    @classmethod
    async def open_at(
        cls,
        place: PostgresPlace,
        options: QueueOptions = _OPTIONS,
        *,
        clock: Callable[[], float],
        terms: Terms = Terms(),  # noqa: B008 - frozen
    ) -> Self:
        """Open or create the queue at `place`. `clock` returns seconds since 1970; all processes that use the queue
        must have the same clock, such as a `StoreClock`.

        Raises ConfigError if the queue can never be used as it is configured, QueueError if it cannot be reached now.
        """
        await asyncio.to_thread(_prepare, place, clock)
        return cls(place, options, clock=clock, terms=terms)

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        self._delivered.update(sources)
        end_s = self._loop.time() + wait_s
        while not await self._claims.claim(sources):
            left_s = end_s - self._loop.time()
            if left_s <= 0:
                return []
            await asyncio.sleep(min(left_s, _LOOK_S))
        left_s = max(0.0, end_s - self._loop.time())
        leases = await super().take(sources=sources, limit=limit, lease_s=lease_s, wait_s=left_s, pick=pick)
        if self._claims.may_take(sources):
            return leases
        for lease in leases:
            self._leases.release(lease.token)
        return []

    def tenure(self, sources: Collection[str]) -> int:
        return self._claims.number(sources)

    def undelivered_s(self, sources: Collection[str]) -> float:
        return self._claims.undelivered_s(sources)

    def announce(self, facts: Mapping[str, str]) -> None:
        self._claims.announce(facts)

    def replicas(self) -> Sequence[Replica]:
        return self._claims.replicas

    def holds(self, lease: Lease) -> bool:
        return self._claims.is_trusted(lease.event.source) and super().holds(lease)

    @property
    def _ahead_s(self) -> float:
        return self._clock.ahead_s if isinstance(self._clock, StoreClock) else 0.0

    async def requeue(self, seqs: Collection[int]) -> int:
        def work() -> int:
            return requeue_dead(self._state.run, seqs, now_us=self._state.now_us(), unordered=self._unordered)

        return await self._commits.write(work, after=self._requeued)

    async def balance(self) -> Balance:
        balance = await self._reading.at_one_instant(count_balance)
        self._count_pending(balance.pending)
        return balance

    async def delete_requested(self, *, wait_s: float) -> Sequence[Deletion]:
        return await self._deletions.carry_out(wait_s)

    async def close(self) -> None:
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        with contextlib.suppress(QueueError):
            await self._claims.leave()
        for commits, state in ((self._put_commits, self._puts), (self._commits, self._state)):
            await commits.close()
            state.session.close()
        with contextlib.suppress(QueueError):
            await self._reading.close()

    def _patience_s(self, left_s: float, until_due_s: float | None) -> float:
        """Puts of other replicas are not announced here, so read a few times a second."""
        return min(_LOOK_S, super()._patience_s(left_s, until_due_s))

    def _make_claims(self, options: QueueOptions, terms: Terms) -> Claims:
        return Claims(
            self._commits,
            self._state.session,
            lost=self._lost,
            is_idle=self._leases.is_idle,
            delivers=options.delivers,
            terms=terms,
        )

    def _count_pending(self, pending: int) -> None:
        """Operators and other replicas change it beside us."""
        self._inbox.pending = pending

    def _lost(self, sources: frozenset[str]) -> None:
        self._leases.lose(sources)
        self._announce()

    def _put_done(self, stored: Stored) -> None:
        if stored.deletions:
            self._deletions.request_stored()
        self._announce()


def _writers(
    place: PostgresPlace, options: QueueOptions, *, clock: Callable[[], float], watchdog: Watchdog
) -> tuple[PostgresWriterState, PostgresWriterState]:
    """Of the thread that puts, and of the one that settles."""
    holdings = Holdings()
    puts, ends = (
        PostgresWriterState(
            PostgresSession(place, watchdog=watchdog, answer_s=answer_s),
            holdings=holdings,
            now=clock,
            retention=options.retention,
        )
        for answer_s in (_PUT_ANSWER_S, _ANSWER_S)
    )
    for state in (puts, ends):
        state.session.committed = state.committed
    holdings.read(ends.session)
    return puts, ends


def _prepare(place: PostgresPlace, clock: Callable[[], float]) -> None:
    with place.opened() as connection:
        migrate(connection, place)
    session = PostgresSession(place)
    try:
        if isinstance(clock, StoreClock):
            clock.look(session)
        session.run(SQL["set_state"], {"name": "now_us", "value": round(clock() * 1e6)})
    finally:
        session.close()

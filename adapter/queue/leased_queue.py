"""Taking, renewing and settling with leases in memory: what all backends do alike. Rows are in a backend's database."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from adapter.errors import QueueError
from adapter.model import Event, EventWarning, Lease, Outcome, Rejection, Retry
from adapter.queue.codec import restore, to_us
from adapter.queue.contract import ANY, Pick, Stored
from adapter.queue.event_warnings import bounded
from adapter.queue.group_commit import GroupCommit
from adapter.queue.heads import Head
from adapter.queue.inbox import QueueInbox
from adapter.queue.leases import Held, Leases
from adapter.queue.replicas import Replica
from adapter.queue.settlement import Settlement
from adapter.queue.transaction import Staged


class LeasedRows(Protocol):
    """What delivery needs of a queue's database, on the thread of its `GroupCommit`."""

    def find(
        self, sources: Sequence[str], *, limit: int, busy: Collection[int], pick: Pick
    ) -> tuple[list[Head], float | None]:
        """The heads to work on now; if there are none, also the seconds to wait for the next."""
        ...

    def mark_delivered(self, seq: int, key: str) -> None:
        """Remember that a call was delivered."""
        ...

    def settle(self, end: Settlement) -> Staged[bool]:
        """End an event with the others of this group; False if it is no longer the head of its lane."""
        ...

    def is_last(self, lane: int) -> bool:
        """Whether no event waits behind the head of `lane`."""
        ...

    def make_due(self, heads: Mapping[int, int]) -> int:
        """End the wait of these heads; returns how many were waiting."""
        ...


class LeasedQueue:
    """`Inbox` and `Backlog` of `adapter.queue.contract`; a backend's class adds what differs.

    `commits` and `rows` are those of delivery. Lanes become due by `now`, in seconds since 1970, which may be set
    forward. Leases expire by `steady`, a clock that never jumps; without it, `now` must never jump.
    """

    def __init__(
        self,
        commits: GroupCommit,
        rows: LeasedRows,
        *,
        inbox: QueueInbox,
        now: Callable[[], float],
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._ends = commits
        self._heads = rows
        self._inbox = inbox
        self._now = now
        self._steady = steady or now
        self._leases = Leases(self._steady)
        self._loop = asyncio.get_running_loop()
        self._taking = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def _ahead_s(self) -> float:
        """Seconds by which the queue's clock is ahead of this process's clock."""
        return 0.0

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        return await self._inbox.put(events, rejections)

    async def probe(self) -> None:
        await self._inbox.probe()

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        end_s = self._loop.time() + wait_s
        while True:
            changed = self._changed
            leases, until_due_s = await self._take_now(sources, limit, lease_s, pick)
            left_s = end_s - self._loop.time()
            if leases or left_s <= 0:
                return leases
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s(left_s, until_due_s)):
                    await changed.wait()

    def tenure(self, sources: Collection[str]) -> int:  # noqa: ARG002 - here this process has all of them
        return 1

    def announce(self, facts: Mapping[str, str]) -> None:
        """There is no other process."""

    def replicas(self) -> Sequence[Replica]:
        return ()

    def undelivered_s(self, sources: Collection[str]) -> float:  # noqa: ARG002 - this process delivers all of them
        return 0.0

    async def renew(self, lease: Lease, *, lease_s: float) -> bool:
        return self._leases.extend(lease.token, lease_s)

    def holds(self, lease: Lease) -> bool:
        return self._leases.holds(lease.token)

    def mark_delivered(self, lease: Lease, key: str) -> None:
        held = self._leases.get(lease.token)
        if held is not None and not held.gone:
            held.delivered_keys.add(key)
            marking = self._ends.write(partial(self._heads.mark_delivered, lease.seq, key), may_wait=lambda: True)
            marking.add_done_callback(_forget_error)

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        mapping: str = "",
        warnings: Sequence[EventWarning] = (),
        may_wait: bool = False,
    ) -> bool:
        held = self._leases.get(lease.token)
        if held is None or held.settling:
            return False
        held.settling = True

        def settled(changed: bool) -> None:
            self._leases.release(lease.token)
            self._inbox.pending -= changed and not isinstance(outcome, Retry)
            self._announce()

        try:
            return await self._ends.write(
                lambda: self._heads.settle(self._end(held, lease, outcome, mapping, warnings)),
                after=settled,
                # The next event of the lane waits for this settle.
                may_wait=partial(self._heads.is_last, held.lane) if may_wait else None,
            )
        except QueueError:
            held.settling, held.unsure = False, True
            raise

    async def make_due(self, heads: Mapping[int, int]) -> int:
        return await self._ends.write(lambda: self._heads.make_due(heads), after=lambda _: self._announce())

    def _end(
        self, held: Held, lease: Lease, outcome: Outcome, mapping: str, warnings: Sequence[EventWarning]
    ) -> Settlement:
        return Settlement(
            lane=held.lane,
            seq=held.seq,
            source=lease.event.source,
            outcome=outcome,
            mapping=mapping,
            received_us=to_us(lease.event.received_at),
            size_bytes=held.size_bytes,
            attempt=lease.attempt,
            is_unsure=held.unsure,
            has_sent=bool(held.delivered_keys or lease.delivered_keys),
            warnings=bounded(warnings, beside=lease.event.warnings) if warnings or held.is_warned else None,
        )

    def _requeued(self, count: int) -> None:
        self._inbox.pending += count
        self._announce()

    def _ended(self, seqs: Collection[int]) -> None:
        self._leases.end(seqs)
        self._announce()

    def _announce(self) -> None:
        """Wake every waiting take. A take that is reading now finds its event set before it waits for it."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _take_now(
        self, sources: Collection[str], limit: int, lease_s: float, pick: Pick
    ) -> tuple[list[Lease], float | None]:
        # One at a time from looking to holding, so that no two takes find the same lane.
        async with self._taking:
            busy = self._leases.lanes()
            heads, until_due_s = await self._ends.read(
                lambda: self._heads.find(list(sources), limit=limit, busy=busy, pick=pick)
            )
            return [self._lease(head, lease_s) for head in heads], until_due_s

    def _patience_s(self, left_s: float, until_due_s: float | None) -> float:
        """How long to wait for a change before reading again: a due lane and an expired lease are not announced."""
        waits = [left_s]
        if until_due_s is not None:
            waits.append(until_due_s)
        expiry_s = self._leases.next_expiry_s()
        if expiry_s is not None:
            waits.append(max(0.0, expiry_s - self._steady()))
        return min(waits)

    def _lease(self, head: Head, lease_s: float) -> Lease:
        event, is_damaged = restore(head.row)
        return Lease(
            event=event,
            seq=head.seq,
            attempt=head.attempt,
            retried_s=head.retried_us / 1e6,
            delivered_keys=head.delivered_keys,
            due_at_s=head.due_us / 1e6 - self._ahead_s,
            expires_at=datetime.fromtimestamp(self._now() + lease_s, UTC),
            token=self._leases.hold(
                head.lane,
                seq=head.seq,
                lease_s=lease_s,
                source=head.row.source,
                size_bytes=len(head.row.body),
                is_warned=head.is_warned,
            ),
            is_damaged=is_damaged,
            lane=head.lane,
        )


def _forget_error(done: asyncio.Future[None]) -> None:
    """Ignore why a key could not be stored: a call may be repeated and nothing is lost. The settle after it reports
    why.
    """
    if not done.cancelled():
        done.exception()

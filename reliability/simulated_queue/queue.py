"""A queue on the event loop alone, for a virtual clock: no thread, no database, no durability.

The contract suite tests it for what ingest and delivery are promised; it has no admin.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from adapter.errors import QueueFull
from adapter.model import DELETE, Dead, Event, EventWarning, Lease, Outcome, Reason, Rejection, Retry
from adapter.queue.codec import (
    decode,
    encode,
    from_us,
    is_asked,
)
from adapter.queue.contract import ANY, Balance, Deletion, Pick, Stored
from adapter.queue.leases import Leases
from adapter.queue.replicas import Replica
from adapter.queue.shares import Shares
from reliability.simulated_queue.lanes import Lane, due_lanes
from reliability.simulated_queue.rows import SimulatedRows

_LEAST_WAIT_S = 1e-6


class SimulatedQueue(SimulatedRows):
    """See `adapter.queue.contract` for the methods. `now` returns seconds since 1970 and never jumps.

    Values for operators only (the mapping's warnings, why an attempt failed) are not kept.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        unordered: Collection[str] = (),
        max_pending: int = 5_000_000,
        dedup_s: float = 72 * 3600,
        shared: bool = False,
    ) -> None:
        super().__init__(now=now, dedup_s=dedup_s)
        self._unordered = frozenset(unordered)
        self._max_pending = max_pending
        self._shares = Shares(max_pending, divided=shared)
        self._leases = Leases(now)

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        rows = [encode(event, ordered=event.source not in self._unordered) for event in events]
        if self._pending() + len(rows) > self._max_pending:
            raise QueueFull(f"{self._max_pending} events are pending, the most this queue takes (limits.pending)")
        if self._shares.divided:
            self._shares.admit(self._held(), rows)
        stored = duplicates = differing = 0
        asked_before, dropped = len(self._asked), 0
        for row in rows:
            first = self._seq_of_duplicate(row)
            if first is None:
                self._store(row)
                stored += 1
                dropped += row.dropped is not None
            elif self._is_other(first, row):
                differing += 1
            else:
                duplicates += 1
        self._rejections.extend(rejections)
        rejected = len(rejections) + differing
        self._counts.update(received=len(rows) + len(rejections), duplicate=duplicates, rejected=rejected)
        self._announce()
        return Stored(stored, duplicates, differing, len(rejections), len(self._asked) - asked_before, dropped)

    async def probe(self) -> None:
        if self._pending() >= self._max_pending:
            raise QueueFull(f"{self._max_pending} events are pending, the most this queue takes (limits.pending)")

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + wait_s
        while True:
            leases = self._take_now(sources, limit, lease_s, pick)
            left_s = end_s - loop.time()
            if leases or left_s <= 0:
                return leases
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left_s, self._until_due_s(sources)))

    def tenure(self, sources: Collection[str]) -> int:  # noqa: ARG002 - there is one process
        return 1

    def announce(self, facts: Mapping[str, str]) -> None:
        """There is no other process."""

    def replicas(self) -> Sequence[Replica]:
        return ()

    def undelivered_s(self, sources: Collection[str]) -> float:  # noqa: ARG002 - no other process has any of them
        return 0.0

    async def renew(self, lease: Lease, *, lease_s: float) -> bool:
        return self._leases.extend(lease.token, lease_s)

    def holds(self, lease: Lease) -> bool:
        return self._leases.holds(lease.token)

    def mark_delivered(self, lease: Lease, key: str) -> None:
        held = self._leases.get(lease.token)
        if held is not None and not held.gone:
            self._sent.setdefault(held.seq, set()).add(key)

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        mapping: str = "",
        warnings: Sequence[EventWarning] = (),  # noqa: ARG002 - there is no admin to read them
        may_wait: bool = False,  # noqa: ARG002 - an outcome costs nothing here, so none waits for others
    ) -> bool:
        held = self._leases.get(lease.token)
        if held is None or held.gone:
            self._leases.release(lease.token)
            self._announce()
            return False
        lane = self._lanes[held.lane]
        if isinstance(outcome, Retry) and outcome.parked:
            self._park(held.lane, lane)
        elif isinstance(outcome, Retry):
            lane.postpone(outcome, now_s=self._now())
        else:
            self._finish(held.lane, lane, outcome, mapping)
        self._leases.release(lease.token)
        self._announce()
        return True

    async def make_due(self, heads: Mapping[int, int]) -> int:
        now_s = self._now()
        count = sum(key in self._lanes and self._lanes[key].make_due(head, now_s) for key, head in heads.items())
        self._announce()
        return count

    async def requeue(self, seqs: Collection[int]) -> int:
        dead = [seq for seq in sorted(seqs) if isinstance(self._outcome_of(seq), Dead)]
        for seq in dead:
            del self._finished[seq]
            row = self._rows[seq]
            lane = self._lanes.get(row.lane)
            if lane is None:
                lane = self._lanes[row.lane] = Lane(source=row.source, due_s=self._now(), priority=1)
                lane.seqs.append(seq)
            else:
                # The head may be under way; behind it they stand in the order of receipt.
                lane.seqs = deque([lane.seqs[0], *sorted([*list(lane.seqs)[1:], seq])])
        self._announce()
        return len(dead)

    async def balance(self) -> Balance:
        dead = sum(isinstance(outcome, Dead) for outcome, _ in self._finished.values())
        heads = [lane.seqs[0] for lane in self._lanes.values()]
        oldest = from_us(self._rows[min(heads)].received_us) if heads else None
        return Balance(
            counts=dict(self._counts),
            pending=self._pending(),
            dead=dead,
            oldest_received_at=oldest,
            pending_of=frozenset(lane.source for lane in self._lanes.values()),
            deletions_waiting=Counter(
                one.source for one in self._rejections if one.reason is Reason.DELETION_UNAUTHORISED
            ),
        )

    async def delete_requested(self, *, wait_s: float) -> Sequence[Deletion]:
        end_s = asyncio.get_running_loop().time() + wait_s
        while not self._asked and (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left_s)
        asked, self._asked = self._asked, []
        return [self._delete(request) for request in asked]

    def _delete(self, request: Deletion) -> Deletion:
        of_user = [
            seq
            for seq, row in self._rows.items()
            if row.source == request.source
            and row.type != DELETE
            and seq < request.number
            and request.user in (row.user_id, row.anonymous_id)
        ]
        for seq in of_user:
            self._delete_body(seq)
        kept = [
            one
            for one in self._rejections
            if not is_asked(request, source=one.source, received_at=one.received_at, rejected=one.body)
        ]
        forgotten, self._rejections = len(self._rejections) - len(kept), kept
        self._leases.end(of_user)
        self._announce()
        done_at = datetime.fromtimestamp(self._now(), UTC)
        return replace(request, events=len(of_user), rejections=forgotten, done_at=done_at)

    async def close(self) -> None:
        self._announce()

    def _take_now(self, sources: Collection[str], limit: int, lease_s: float, pick: Pick) -> list[Lease]:
        due = due_lanes(self._lanes, sources, busy=self._leases.lanes(), now_s=self._now(), pick=pick)
        return [self._lease(key, lease_s) for key in due[:limit]]

    def _lease(self, key: int, lease_s: float) -> Lease:
        lane = self._lanes[key]
        seq = lane.seqs[0]
        row = self._rows[seq]
        event = decode(row)
        return Lease(
            event=event,
            seq=seq,
            attempt=lane.attempt,
            retried_s=lane.retried_s,
            delivered_keys=frozenset(self._sent.get(seq, ())),
            due_at_s=lane.due_s,
            expires_at=datetime.fromtimestamp(self._now(), UTC) + timedelta(seconds=lease_s),
            token=self._leases.hold(key, seq=seq, lease_s=lease_s),
            lane=key,
        )

    def _until_due_s(self, sources: Collection[str]) -> float:
        now_s = self._now()
        waits = [one.due_s - now_s for one in self._lanes.values() if one.due_s > now_s and one.source in sources]
        expiry_s = self._leases.next_expiry_s()
        if expiry_s is not None:
            waits.append(expiry_s - now_s)
        # A clock of seconds since 1970 does not advance by much less.
        return max(_LEAST_WAIT_S, min(waits, default=float("inf")))

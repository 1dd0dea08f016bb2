"""The queue's contract. `tests/contract` holds every backend to each sentence of these docstrings.

A queue keeps **events, not calls**: mapping happens at delivery, so a corrected mapping also corrects the backlog.
Events of one user form a **lane**: source + user id, else source + anonymous id, else a lane of its own. Within a
lane an event waits while an earlier one is unfinished; earlier means earlier receipt (commit order, and the order of
the list within one `put`). Nothing is promised across lanes. The lane of a private event is made of its keys, which
stand for the ids that were sent, so that it stays the same whatever privacy makes of them.

Ingest sees an `Inbox`, delivery a `Backlog`; they meet here only. Operators see a `QueueAdmin` (`admin.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from adapter.model import Event, EventWarning, Lease, Outcome, Rejection
from adapter.queue.activations import BY_FILE, Activation
from adapter.queue.replicas import Replicas
from adapter.queue.samples import ProjectRate


class Stored(Struct, frozen=True):
    """What one `put` did.

    `differing` counts duplicates whose body differs from the stored one. They are kept as rejections
    (`Reason.OTHER_BODY`) and are counted in neither `duplicates` nor `rejected`. `stored` includes `deletions`, the
    deletion requests, and `dropped`, the events that ingest dropped.
    """

    stored: int
    duplicates: int
    differing: int
    rejected: int
    deletions: int = 0
    dropped: int = 0


class Pick(Struct, frozen=True):
    """Which of the due events a `take` leases.

    `parked`: parked events, too. `failed`: at most so many events that failed or stepped back before (`Retry.counted`,
    `Retry.steps_back`); None for any number. `lanes`: only events of these lanes (`Lease.lane`); None for every lane.
    `newest`: the event that became due last goes first.
    """

    parked: bool = True
    failed: int | None = None
    lanes: frozenset[int] | None = None
    newest: bool = False


ANY = Pick()


@dataclass(frozen=True, slots=True)
class Limit:
    """The rate that a project was found to allow, in calls a second, and the time of that, in seconds since 1970."""

    per_s: float
    met_at_s: float


@dataclass(frozen=True, slots=True)
class Disk:
    """What the queue uses of the disk, what it may use, and in how many seconds `limit` would be reached at today's
    pace: "retention.max_disk", because of what is pending or dead, or "the disk", because of whatever fills it; None
    if neither is growing. `history_s` is how far back finished events are kept; None if there are none. `free_bytes`
    is what the file system has left; None if that is unknown.
    """

    used_bytes: int
    max_bytes: int
    time_to_full_s: float | None
    history_s: float | None = None
    free_bytes: int | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A request to delete a user's data: `number` is its seq, `user` whose data, by user id or anonymous id.

    `events` and `rejections` say how many bodies went; `done_at` is None until all have.
    """

    number: int
    source: str
    user: str
    message_id: str
    received_at: datetime
    events: int
    rejections: int
    done_at: datetime | None


class Balance(Struct, frozen=True):
    """The ledger at one instant. Every received message is counted in exactly one of the other terms.

    `counts` has every term but `pending` and `dead`; these counters change in the transaction of the rows. `pending`
    and `dead` are counted from rows and never derived, so that a bug in the adapter shows in `unaccounted`.
    `oldest_received_at` is when the oldest pending event was received, None if no event is pending. `pending_of` names
    the sources that have pending events. `deletions_waiting` counts, by source, the deletion requests that were kept
    because the source may not delete.
    """

    counts: Mapping[str, int]
    pending: int
    dead: int
    oldest_received_at: datetime | None = None
    pending_of: frozenset[str] = frozenset()
    deletions_waiting: Mapping[str, int] = {}

    @property
    def unaccounted(self) -> int:
        """Messages received and in no term. Anything but 0 is a bug in the adapter."""
        ended = sum(n for term, n in self.counts.items() if term != "received")
        return self.counts.get("received", 0) - ended - self.pending - self.dead


class Inbox(Protocol):
    """Where ingest puts what it received."""

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        """Store all of them. On return each would survive a crash of this process and of the machine.

        An event is a duplicate if another event with its (source, message id, type, name) is pending, is dead, or was
        first received less than the dedup window ago. A duplicate is counted and not stored. `name` is the `event` of a
        track and the `name` of a page or screen. If the bodies differ in more than the times that a retry changes, the
        copy is kept as a rejection, once for each body. Of two equal events in one call the first is stored.

        An event of type `DELETE` that names a user is a deletion request. It is stored with the others, dropped at once
        (`Reason.DELETION`) and waits in no lane; `delete_requested` carries it out. An event with `dropped` ends at
        once with that outcome.

        Cancelling the caller cancels nothing. Raises SourceFull if a source of the events holds its share of the queue
        (see shares.py), QueueFull if the queue accepts nothing now, and QueueError if it could not promise durability:
        some of the events may be stored, and putting them again is safe.
        """
        ...

    async def probe(self) -> None:
        """Return only if a valid event would be stored now: a real write and a real sync are made. Raises as `put`
        does.
        """
        ...


class Backlog(Protocol):
    """The queue as delivery sees it: one event at a time from each lane."""

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        """Lease up to `limit` events of `sources` that are due, whose lane is free, and that `pick` allows.

        Parked events come first, oldest first; then the events that have been due longest. Waits up to `wait_s` for the
        first event and never for more. Returns an empty list if there is none. Each event is held for `lease_s`; after
        that another take may lease it again, with another token. A cancelled take holds nothing.
        """
        ...

    def tenure(self, sources: Collection[str]) -> int:
        """A number that changes whenever this process takes `sources` over from another; 0 while another has them.

        Several processes may serve one queue. One of them delivers a source, and it has all sources of one `take` or
        none of them. In the other processes `take` waits for its turn and finds nothing, `settle` changes nothing, and
        earlier leases are void. A queue that one process serves returns 1.
        """
        ...

    async def renew(self, lease: Lease, *, lease_s: float) -> bool:
        """Hold the event for `lease_s` from now. False if the lease was lost: the worker must stop working on it."""
        ...

    def holds(self, lease: Lease) -> bool:
        """Whether the lease still holds its event. False if the lease was lost or the user's data was deleted."""
        ...

    def mark_delivered(self, lease: Lease, key: str) -> None:
        """Remember that the call `key` of this event was delivered; `Lease.delivered_keys` has it at the next attempt.

        Does not wait. The key becomes durable within 100 ms, in the next commit; a crash before that may repeat the
        call.
        """
        ...

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        mapping: str = "",
        warnings: Sequence[EventWarning] = (),
        may_wait: bool = False,
    ) -> bool:
        """End the lease with `outcome`, durably. `mapping` is the version that rendered the event, for the history.

        `Retry` makes the lane due again after `delay_s` (None: as it was), and counts an attempt if `counted`. With
        `parked` the event moves to its user's lane of parked events, keeps its order there, and is due at once. Every
        other outcome finishes the event and frees the next one of its lane. Returns False, and changes nothing, if the
        lease had expired and the event was leased again or finished: a late settle never ends the next holder's.

        With `may_wait` the outcome may become durable up to 100 ms later, together with others, unless another event of
        its lane waits behind it. A crash before that repeats the calls of the event.

        `warnings` are the mapping's; they replace those of an earlier attempt. The warnings of ingest stay with the
        event. An event keeps `MAX_WARNINGS` of both, equal ones once.
        """
        ...

    async def make_due(self, heads: Mapping[int, int]) -> int:
        """Make events due now that wait for their next attempt; returns how many were waiting. `heads` are seqs by
        lane.

        Lanes whose head is another event, or is due already, are skipped.
        """
        ...

    async def requeue(self, seqs: Collection[int]) -> int:
        """Make dead events pending again; returns how many were dead.

        They go behind live traffic, and before the later events of their lanes. `Lease.delivered_keys` has the calls
        that were delivered before. Seqs of events that are not dead are skipped.
        """
        ...


class Archive(Protocol):
    """What the queue keeps beside events: the balance, activated mappings, learned limits and samples for charts."""

    async def balance(self) -> Balance:
        """The ledger now. Pending and dead are counted from rows."""
        ...

    def disk(self) -> Disk | None:
        """The disk as measured a few seconds ago; None for a queue that uses none."""
        ...

    async def delete_requested(self, *, wait_s: float) -> Sequence[Deletion]:
        """Carry out pending deletion requests, and return the finished ones. Waits up to `wait_s` for a request.

        Every event of the request's source and user that was received before the request loses its body and ids, within
        one `put` too. Pending and dead events are dropped (`Reason.DELETED`); finished ones stay in the history with
        their outcome. Rejections received until then are deleted. A lease of such an event is void, and its settle
        changes nothing.

        Durable on return. If it fails or is cancelled, the next call continues, also after a restart. Raises
        QueueError.
        """
        ...

    async def keep_mapping(self, *, name: str, version: str, text: str, by: str = BY_FILE) -> Activation:
        """Keep `text` as the mapping that the file `name` (as the settings spell it) was activated with last.

        If `text` is the last text already, no entry is added, and its activation is credited to `by` unless that is
        BY_FILE. With an empty `version` the text was never active: it is kept unless the file's history has it, and
        never becomes the last. The last MAX_ACTIVATIONS of each file are kept. Returns the entry of the history.
        """
        ...

    async def last_mapping(self, name: str) -> str | None:
        """The text that `name` was last activated with, or None."""
        ...

    async def keep_limit(self, project: str, limit: Limit) -> None:
        """Store the limit that was learned of a Browsee project, in place of an earlier one."""
        ...

    async def limit(self, project: str) -> Limit | None:
        """The limit of that project that was stored last, or None."""
        ...

    async def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """Store how much the counters grew since the last sample, under `minute`, counted in minutes from 1970.

        `pending` is the number of pending events, `rates` those of the projects that this process delivers. A minute
        may be sampled several times.
        """
        ...

    async def mapping(self, version: str) -> str | None:
        """The text of the mapping with that version, if it was ever active."""
        ...


class Queue(Inbox, Backlog, Archive, Replicas, Protocol):
    """All four, for the composition root."""

    async def close(self) -> None:
        """Finish what was begun and close the database. No method may be called afterwards."""
        ...

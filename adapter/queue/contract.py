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
from adapter.queue.samples import ProjectRate


class Stored(Struct, frozen=True):
    """What one `put` did. `differing`: duplicates whose body differs from the stored one, kept as rejections
    (`Reason.OTHER_BODY`) and counted in neither `duplicates` nor `rejected`. Of those `stored`, `deletions` are
    deletion requests, and `dropped` are events that ingest dropped.
    """

    stored: int
    duplicates: int
    differing: int
    rejected: int
    deletions: int = 0
    dropped: int = 0


class Pick(Struct, frozen=True):
    """Which of the due events a `take` leases: with `parked` also parked ones; at most `failed` that failed or stepped
    back before (`Retry.counted`, `Retry.steps_back`), None: any number; only those of `lanes` (`Lease.lane`), None: of
    every lane. `newest`: what became due last goes first.
    """

    parked: bool = True
    failed: int | None = None
    lanes: frozenset[int] | None = None
    newest: bool = False


ANY = Pick()


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls a second that a project was found to allow, and when, in seconds since 1970."""

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
    """The ledger at one instant. Every received message is in exactly one of the other terms.

    `counts` has all terms but `pending` and `dead`, as counters changed in the transaction of the rows; `pending`
    and `dead` are counted from rows and never derived, so that `unaccounted` can be wrong if we are.
    `oldest_received_at` is when the event was received that has been pending longest, None if none is pending;
    `pending_of` are the sources that have pending events, `deletions_waiting` counts for each source the deletion
    requests that were kept because it may not delete.
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
        """Store all of them; on return each would survive a crash of this process and of the machine.

        An event whose (source, message id, type, name) is pending, dead, or was first received less than the dedup
        window ago is a duplicate: counted, not stored. `name` is the `event` of a track and the `name` of a page or
        screen. If the body is another one, apart from times that a retry stamps anew, the copy is kept as a rejection,
        once for each body. Two equal ones in one call are one event, the first. Cancelling the caller
        cancels nothing. Raises SourceFull when a source of the events holds its share of the queue (see shares.py);
        QueueFull when the queue takes nothing now, QueueError when it could not promise
        durability: some may be stored, and putting them again is safe.

        An event of type `DELETE` that names a user is a deletion request: stored with the others and at once dropped
        (`Reason.DELETION`), it waits in no lane; `delete_requested` carries it out. An event with `dropped` ends in the
        same way, as that says.
        """
        ...

    async def probe(self) -> None:
        """Return exactly when a good event would be stored now: really writes and syncs. Raises as `put` does."""
        ...


class Backlog(Protocol):
    """Where delivery takes events from, one at a time for each lane."""

    async def take(
        self, *, sources: Collection[str], limit: int, lease_s: float, wait_s: float, pick: Pick = ANY
    ) -> Sequence[Lease]:
        """Lease up to `limit` events that are due and whose lane is free, longest due first, of `sources` only, and
        only those that `pick` lets through. Parked events come first, oldest first.

        Waits up to `wait_s` for the first and never for more; returns an empty list when there is none. Each is held
        for `lease_s`; after that another take may lease it again, with another token. A cancelled take holds nothing.
        """
        ...

    def tenure(self, sources: Collection[str]) -> int:
        """Another number whenever this process begins to deliver `sources` after another did; 0 while another does.

        A queue may be served by several processes: of those one delivers a source, and all sources of one `take` or
        none. A `take` of the others waits for its turn and finds nothing, their `settle` changes nothing, and a lease
        that is left from before is held no more. A queue that one process serves gives 1.
        """
        ...

    async def renew(self, lease: Lease, *, lease_s: float) -> bool:
        """Hold it for `lease_s` from now. False if the lease was lost: then stop working on it."""
        ...

    def holds(self, lease: Lease) -> bool:
        """Whether the event is still this lease's to work on: not if the lease was lost, or the user's data deleted."""
        ...

    def mark_delivered(self, lease: Lease, key: str) -> None:
        """Remember that the call `key` of this event was delivered, so that `Lease.delivered_keys` has it next time.

        Becomes durable within 100 ms, with whatever is committed next, and does not wait: a crash may repeat that
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
        """End the lease with `outcome`, durably; `mapping` is the version that rendered it, for the history.

        With `may_wait` the outcome may become durable up to 100 ms later, together with others, unless an event behind
        it in its lane waits. A crash in between repeats the calls of the event.

        `warnings` are the mapping's, for operators: they replace those of an earlier try. With those of ingest, which
        stay with the event, an event keeps `MAX_WARNINGS`, equal ones once.

        `Retry` makes the lane due again after `delay_s`, counting an attempt if `counted`; with `parked` the event
        leaves its lane for one of parked events, where its user's keep their order, and is due at once. Every other
        outcome finishes the event and frees the next of its lane. False, and nothing is changed, if the lease had
        expired and the event was leased again or finished: a late settle never settles the next holder's.
        """
        ...

    async def make_due(self, heads: Mapping[int, int]) -> int:
        """Let events go on now that wait for their next try: `heads` are seqs by lane; how many were waiting.

        Passes over lanes whose first event is another one, or is due already.
        """
        ...

    async def requeue(self, seqs: Collection[int]) -> int:
        """Make dead events pending again, behind live traffic and before the later ones of their lanes; how many were.

        Calls delivered before are in `Lease.delivered_keys`. Numbers of events that are not dead are passed over.
        """
        ...


class Archive(Protocol):
    """What the queue keeps beside events: the balance, every mapping that was ever active, limits that were learned."""

    async def balance(self) -> Balance:
        """The ledger now; pending and dead are counted from rows."""
        ...

    def disk(self) -> Disk | None:
        """The disk as it was seen a few seconds ago; None for a queue that uses none."""
        ...

    async def delete_requested(self, *, wait_s: float) -> Sequence[Deletion]:
        """Carry out the deletion requests that were put, and say which are done now; waits up to `wait_s` for one.

        Of the source and user that a request names, every event received before it loses body and ids: pending and
        dead ones are dropped (`Reason.DELETED`), finished ones stay in the history as they ended; rejections received
        until then are forgotten. One in a worker's hands is held no more, and its settle changes nothing. What was
        received after the request is left alone, within one `put` too. Durable before it returns; if it fails or is
        cut off, the next call goes on with it, also after a restart. Raises QueueError.
        """
        ...

    async def keep_mapping(self, *, name: str, version: str, text: str, by: str = BY_FILE) -> Activation:
        """Keep `text` as the mapping that `name` (a file, as the settings spell it) was activated with, last.

        The text that is the last already adds nothing, but that its activation is credited to `by` if that is not
        BY_FILE. With `version` empty the text was never active: it is kept unless the history of the file has it, and
        never becomes the last. Of each file the last MAX_ACTIVATIONS are kept. Returns what the history has.
        """
        ...

    async def last_mapping(self, name: str) -> str | None:
        """The text that `name` was last activated with, or None."""
        ...

    async def keep_limit(self, project: str, limit: Limit) -> None:
        """Remember the limit that was learned of a Browsee project, in place of an earlier one."""
        ...

    async def limit(self, project: str) -> Limit | None:
        """The limit of that project that was kept last, or None."""
        ...

    async def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """Keep what the counters have grown by since the last sample as of this minute, counted from 1970, with what is
        pending and the rates of the projects that this process delivers. A minute may be sampled several times.
        """
        ...

    async def mapping(self, version: str) -> str | None:
        """The text of the mapping with that version, if it was ever active."""
        ...


class Queue(Inbox, Backlog, Archive, Protocol):
    """All of it, for the composition root."""

    async def close(self) -> None:
        """Finish what was begun and let go of the file. Nothing may be called afterwards."""
        ...

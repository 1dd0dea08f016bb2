"""The operator's half of the contract: what the console and the commands read and change in a queue.

`contract.py` has the halves of ingest and delivery. Every method is synchronous: a command has no event loop, and the
service calls an admin in the threads it keeps for operators. An admin works beside the owner of the queue: it never
migrates a queue and never takes its lock. An instance is not thread-safe. Every method raises QueueError if the queue
fails.

A *seq* numbers an event, a *number* a rejection or a deletion request, each in the order of arrival from 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from adapter.model import Event
from adapter.queue.activations import Activation
from adapter.queue.contract import Deletion
from adapter.queue.records import (
    CauseGroup,
    EventRecord,
    FailedCall,
    Filter,
    QueuePosition,
    RecordPage,
    RejectionRecord,
    RequeuedRejection,
)
from adapter.queue.samples import MinuteSample


class QueueAdmin(Protocol):
    """What operators may read and change; see the module."""

    def page_before(self, wanted: Filter, *, limit: int, before: int) -> RecordPage:
        """Up to `limit` events received before seq `before`, newest first.

        A call reads a bounded number of events, so a page may hold fewer than `limit` although `is_all` is False.
        """
        ...

    def newest_seq(self) -> int:
        """The seq of the last event received, 0 if there is none."""
        ...

    def since(self, seq: int, *, limit: int) -> Sequence[EventRecord]:
        """Up to `limit` events received after `seq`, oldest first. Nothing stays open between two pages."""
        ...

    def of_message(self, message_id: str) -> Sequence[EventRecord]:
        """Every event with that message id, of all sources, oldest first."""
        ...

    def event(self, seq: int) -> EventRecord | None:
        """The event with that seq, if it is still kept."""
        ...

    def position(self, record: EventRecord) -> QueuePosition | None:
        """Where a pending event is; None if it ended meanwhile."""
        ...

    def failures(self, seq: int) -> Sequence[FailedCall]:
        """The last calls of that event that were not delivered, `MAX_FAILURES` at most, oldest first."""
        ...

    def unmatched(self) -> Iterator[Sequence[int]]:
        """The seqs of unmatched events, in pages."""
        ...

    def groups(self) -> Sequence[CauseGroup]:
        """Dead letters and rejections grouped by cause, as the cause is stored, largest group first."""
        ...

    def members(self, groups: Iterable[CauseGroup]) -> tuple[Sequence[int], Sequence[int]]:
        """The seqs of the dead letters and the numbers of the rejections in these groups, oldest first.

        Reads all of them once, however many groups there are: each dead letter may have a cause of its own.
        """
        ...

    def dead(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> Sequence[EventRecord]:
        """Up to `limit` dead letters after seq `after`, oldest first; only those of a given cause."""
        ...

    def rejections(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> Sequence[RejectionRecord]:
        """Up to `limit` rejections after number `after`, oldest first; only those of a given cause."""
        ...

    def newest_rejections(
        self, *, limit: int, before: int | None = None, source: str | None = None
    ) -> Sequence[RejectionRecord]:
        """The last `limit` rejections before number `before`, newest first; of one source if given."""
        ...

    def rejection(self, number: int) -> RejectionRecord | None:
        """The rejection with that number, if it is still kept."""
        ...

    def copied_event(self, kept: RejectionRecord) -> Event | None:
        """The event of a rejection that was made only because another event has its id; None for other rejections."""
        ...

    def rejections_of(self, message_id: str) -> Sequence[RejectionRecord]:
        """Every rejection of a message with that id."""
        ...

    def deletions(self, *, limit: int, user: str | None = None) -> Sequence[Deletion]:
        """The last `limit` deletion requests, newest first; of one user if given."""
        ...

    def deletions_waiting(self) -> Mapping[str, int]:
        """The number of deletion requests that were kept because their source may not delete, by source."""
        ...

    def requeue(self, seqs: Sequence[int]) -> int:
        """Make dead letters and unmatched events pending again, behind live traffic; returns how many were either.

        They become due at once by the queue's own clock, in the order of their seqs. Calls already delivered are not
        repeated. The mapping that is active at delivery renders them.
        """
        ...

    def requeue_rejection(self, number: int, event: Event) -> RequeuedRejection:
        """Store `event`, made of rejection `number`, behind live traffic, and delete the rejection."""
        ...

    def discard(self, seqs: Sequence[int]) -> int:
        """Delete dead letters for good; returns how many were dead."""
        ...

    def discard_rejections(self, numbers: Sequence[int]) -> int:
        """Delete rejections for good; returns how many there were. The balance still counts them as rejected."""
        ...

    def seqs_of_user(self, user: str) -> Iterator[Sequence[int]]:
        """The seqs of events whose user id or anonymous id is `user`, in pages."""
        ...

    def rejections_of_user(self, user: str) -> Iterator[Sequence[int]]:
        """The numbers of rejections whose message is of `user` or, if it cannot be read, contains that id; in pages."""
        ...

    def erase(self, seqs: Sequence[int]) -> int:
        """Remove body and ids of events; pending and dead ones are dropped. Returns how many events there were."""
        ...

    def erase_from_disk(self) -> bool | None:
        """Overwrite erased data in the database's log. False if a reader is in the way: try again later.

        None if the database runs on a server of its own, which decides when that happens.
        """
        ...

    def samples(self, *, since: int, until: int, source: str | None = None) -> Sequence[MinuteSample]:
        """The samples of the minutes in [`since`, `until`), counted from 1970, oldest first: growth of all sources
        together or of one. Samples of the last SAMPLES_KEPT_MINUTES exist.
        """
        ...

    def activations(self, name: str, *, limit: int, before: int | None = None) -> Sequence[Activation]:
        """The last `limit` activations of the mapping file `name` before id `before`, newest first."""
        ...

    def activated_text(self, id_: int) -> str | None:
        """The text of the activation with that id."""
        ...

    def mapping(self, version: str) -> str | None:
        """The text of the mapping with that version, if it was ever active."""
        ...

    def last_mapping(self, name: str) -> str | None:
        """The text that the mapping file `name` was last activated with."""
        ...

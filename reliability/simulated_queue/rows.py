"""The contents of the simulated queue, and the transitions of an event between its states: rows as dictionaries."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from msgspec import structs

from adapter.model import Dead, Outcome, Rejection
from adapter.queue.codec import Row, differs, digest_of_copy, from_us, named_by, parked_lane
from adapter.queue.contract import Deletion
from adapter.queue.copies import rejection_of
from adapter.queue.ledger import DELETED, ended_at_once, term_of
from adapter.queue.shares import Usage
from reliability.simulated_queue.archive import SimulatedArchive
from reliability.simulated_queue.lanes import Lane


class SimulatedRows(SimulatedArchive):
    """The states of events; `queue/sqlite/lanes.py` explains them. Used by `SimulatedQueue` alone."""

    def __init__(self, *, now: Callable[[], float], dedup_s: float) -> None:
        super().__init__()
        self._now = now
        self._dedup_s = dedup_s
        self._rows: dict[int, Row] = {}
        self._seen: dict[bytes, tuple[int, float]] = {}
        self._lanes: dict[int, Lane] = {}
        self._finished: dict[int, tuple[Outcome, str]] = {}
        self._sent: dict[int, set[str]] = {}
        self._rejections: list[Rejection] = []
        self._copies: set[bytes] = set()
        self._counts: Counter[str] = Counter()
        self._asked: list[Deletion] = []
        self._changed = asyncio.Event()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _pending(self) -> int:
        return sum(len(lane.seqs) for lane in self._lanes.values())

    def _outcome_of(self, seq: int) -> Outcome | None:
        ended = self._finished.get(seq)
        return None if ended is None else ended[0]

    def _held(self) -> dict[str, Usage]:
        """What each source holds: pending and dead events. Reads all of them, which is enough for a few in memory."""
        dead = (seq for seq, (outcome, _) in self._finished.items() if isinstance(outcome, Dead))
        waiting = (seq for lane in self._lanes.values() for seq in lane.seqs)
        counts = Counter(self._rows[seq].source for seq in (*dead, *waiting))
        return {source: Usage(count) for source, count in counts.items()}

    def _seq_of_duplicate(self, row: Row) -> int | None:
        seen = self._seen.get(row.digest)
        if seen is None:
            return None
        seq, received_s = seen
        outcome = self._outcome_of(seq)
        unfinished = outcome is None or isinstance(outcome, Dead)
        return seq if unfinished or self._now() - received_s < self._dedup_s else None

    def _is_other(self, first: int, row: Row) -> bool:
        """Whether `row` is a new copy of event `first` with another body: then it is kept as a rejection."""
        bodies = self._rows[first].body, row.body
        digest = digest_of_copy(row)
        if b"{}" in bodies or not differs(*bodies) or digest in self._copies:
            return False
        self._copies.add(digest)
        self._rejections.append(rejection_of(row))
        return True

    def _store(self, row: Row) -> None:
        seq = len(self._rows) + 1
        self._rows[seq] = row
        self._seen[row.digest] = (seq, self._now())
        outcome = ended_at_once(row)
        if outcome is not None:
            self._finished[seq] = (outcome, "")
            self._counts["dropped"] += 1
            if row.dropped is None:
                self._ask(seq, row)
            return
        lane = self._lanes.get(row.lane)
        if lane is None:
            lane = self._lanes[row.lane] = Lane(source=row.source, due_s=self._now())
        lane.seqs.append(seq)

    def _ask(self, seq: int, row: Row) -> None:
        user = str(named_by(row))
        received_at = from_us(row.received_us)
        self._asked.append(Deletion(seq, row.source, user, row.message_id, received_at, 0, 0, None))

    def _park(self, key: int, lane: Lane) -> None:
        if lane.priority < 0:
            return
        seq = lane.seqs.popleft()
        self._advance(key, lane)
        row = self._rows[seq]
        aside = self._lanes.get(parked_lane(key))
        if aside is None:
            aside = self._lanes[parked_lane(key)] = Lane(source=row.source, due_s=row.received_us / 1e6, priority=-1)
        aside.seqs = deque(sorted([*aside.seqs, seq]))

    def _finish(self, key: int, lane: Lane, outcome: Outcome, mapping: str) -> None:
        seq = lane.seqs.popleft()
        self._finished[seq] = (outcome, mapping)
        if not isinstance(outcome, Dead):
            self._sent.pop(seq, None)
        term = term_of(outcome)
        if term is not None:
            self._counts[term] += 1
        self._advance(key, lane)

    def _advance(self, key: int, lane: Lane) -> None:
        if lane.seqs:
            lane.begin(self._now())
        else:
            del self._lanes[key]

    def _delete_body(self, seq: int) -> None:
        outcome = self._outcome_of(seq)
        if outcome is None:
            key, lane = next((key, lane) for key, lane in self._lanes.items() if seq in lane.seqs)
            is_head = lane.seqs[0] == seq
            lane.seqs.remove(seq)
            if is_head:
                self._advance(key, lane)
        if outcome is None or isinstance(outcome, Dead):
            self._finished[seq] = (DELETED, "")
            self._counts["dropped"] += 1
        self._sent.pop(seq, None)
        self._rows[seq] = structs.replace(
            self._rows[seq], user_id=None, anonymous_id=None, body=b"{}", traceparent=None
        )

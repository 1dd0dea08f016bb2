"""Stores messages in the queue: all puts of one group together, with few statements for all of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from adapter.model import DELETE, Dropped, Rejection
from adapter.queue import copies, event_warnings
from adapter.queue.codec import Row, differs, digest_of_copy, named_by, to_us
from adapter.queue.contract import Stored
from adapter.queue.ledger import ended_at_once
from adapter.queue.postgres.message_row import packed, shown
from adapter.queue.postgres.state import SQL, PostgresWriterState
from adapter.queue.transaction import Staged

_NO_BODY = b"{}"

_Kept: TypeAlias = tuple[int, Rejection, str | None]
"""The number of its source, a rejection, and the facts of a copy that its body lacks."""


@dataclass(slots=True)
class _Put(Staged[Stored]):
    rows: Sequence[Row] = ()
    rejections: Sequence[Rejection] = ()


@dataclass(slots=True)
class _Group:
    """The ids of one group: the first row of each, the seqs of new ones, and the body that was received first of
    each.
    """

    firsts: Mapping[bytes, Row]
    fresh: Mapping[bytes, int]
    bodies: Mapping[bytes, bytes]

    def is_new(self, row: Row) -> bool:
        return self.firsts[row.digest] is row and row.digest in self.fresh

    def is_other(self, row: Row) -> bool:
        """Whether a copy has another body than its event; an event without a body cannot differ."""
        body = self.bodies.get(row.digest, _NO_BODY)
        return _NO_BODY not in (body, row.body) and differs(body, row.body)


class PostgresPutBatch:
    """Stages puts and stores them together at `flush`, in the order they were staged."""

    def __init__(self, state: PostgresWriterState) -> None:
        self._state = state
        self._staged: list[_Put] = []

    def stage(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Staged[Stored]:
        """Add messages that `flush` stores."""
        put = _Put(rows=rows, rejections=rejections)
        self._staged.append(put)
        return put

    def rollback(self) -> None:
        """Discard what was staged."""
        self._staged.clear()

    def flush(self) -> None:
        """Store what was staged; each result is known afterwards."""
        if not self._staged:
            return
        staged, self._staged = self._staged, []
        rows = [row for put in staged for row in put.rows]
        group = self._store(rows)
        others = [row for row in rows if not group.is_new(row) and group.is_other(row)]
        kept = self._new_copies(others)
        refused: list[_Kept] = []
        for put in staged:
            put.result = self._sort(put, group, {id(row) for row in kept.values()}, refused)
        self._keep_copies(kept)
        self._reject(refused)
        fresh = [(group.fresh[digest], row) for digest, row in group.firsts.items() if digest in group.fresh]
        self._warn([(seq, row) for seq, row in fresh if row.warnings])
        for seq, row in fresh:
            outcome = ended_at_once(row)
            if outcome is None:
                self._state.hold(row.source, events=1, size_bytes=len(row.body))
            else:
                self._end(seq, row, outcome)

    def _store(self, rows: Sequence[Row]) -> _Group:
        """Store new rows. Of equal rows in the group, store the first."""
        firsts: dict[bytes, Row] = {}
        for row in rows:
            firsts.setdefault(row.digest, row)
        fresh = self._put(list(firsts.values())) if firsts else {}
        bodies = {digest: firsts[digest].body for digest in fresh}
        known = [digest for digest in firsts if digest not in fresh]
        if known:
            seqs = self._seqs(known)
            found = self._state.run(SQL["bodies"], {"seqs": list(seqs.values())}).fetchall()
            stored = dict(found)
            bodies |= {digest: stored[seq] for digest, seq in seqs.items() if seq in stored}
        return _Group(firsts, fresh, bodies)

    def _put(self, rows: Sequence[Row]) -> dict[bytes, int]:
        state = self._state
        values = {
            "digests": [row.digest for row in rows],
            "lanes": [row.lane for row in rows],
            "ends": [ended_at_once(row) is not None for row in rows],
            "sources": [state.source(row.source) for row in rows],
            "message_ids": [packed(row.message_id) for row in rows],
            "types": [packed(row.type) for row in rows],
            "user_ids": [packed(row.user_id) for row in rows],
            "anonymous_ids": [packed(row.anonymous_id) for row in rows],
            "timestamps_us": [row.timestamp_us for row in rows],
            "received_us": [row.received_us for row in rows],
            "bodies": [row.body for row in rows],
            "traceparents": [row.traceparent for row in rows],
            "first_day": state.first_day(),
            "days": state.days(),
            "now_us": state.now_us(),
        }
        return dict(state.run(SQL["put"], values).fetchall())

    def _seqs(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """The seqs of the rows that are known, by digest."""
        return dict(self._state.run(SQL["seqs_seen"], {"digests": list(digests)}).fetchall())

    def _sort(self, put: _Put, group: _Group, kept: Collection[int], refused: list[_Kept]) -> Stored:
        """Sort out new rows, copies that are `kept`, and duplicates."""
        stored = duplicates = differing = deletions = dropped = 0
        for row in put.rows:
            source = self._state.source(row.source)
            self._state.count(source, "received")
            if group.is_new(row):
                stored += 1
                deletions += row.type == DELETE and named_by(row) is not None
                dropped += row.dropped is not None
            elif id(row) in kept:
                differing += 1
                self._state.count(source, "rejected")
            else:
                duplicates += 1
                self._state.count(source, "duplicate")
        for rejection in put.rejections:
            source = self._state.source(rejection.source)
            self._state.count(source, "received")
            self._state.count(source, "rejected")
            refused.append((source, rejection, None))
        return Stored(stored, duplicates, differing, len(put.rejections), deletions, dropped)

    # -- copies and rejections -------------------------------------------------------------------------------------

    def _new_copies(self, rows: Sequence[Row]) -> dict[bytes, Row]:
        """Of copies with another body: the first with each body that was not kept, or requeued, before."""
        copied: dict[bytes, Row] = {}
        for row in rows:
            copied.setdefault(digest_of_copy(row), row)
        known = self._seqs(copied) if copied else {}
        return {digest: row for digest, row in copied.items() if digest not in known}

    def _keep_copies(self, kept: Mapping[bytes, Row]) -> None:
        if not kept:
            return
        numbers = self._reject(
            [(self._state.source(row.source), copies.rejection_of(row), copies.facts_of(row)) for row in kept.values()]
        )
        # A seq below 0 is the number of a rejection.
        values = {"digests": list(kept), "seqs": [-number for number in numbers], "day": self._state.days()[-1]}
        self._state.run(SQL["note_copies"], values)

    def _reject(self, refused: Sequence[_Kept]) -> list[int]:
        """Store rejections and return their numbers."""
        if not refused:
            return []
        state = self._state
        numbers = [number for (number,) in state.run(SQL["rejection_numbers"], {"count": len(refused)}).fetchall()]
        rejections = [rejection for _, rejection, _ in refused]
        values: dict[str, Any] = {
            "ids": numbers,
            "sources": [source for source, _, _ in refused],
            "reasons": [rejection.reason.value for rejection in rejections],
            "message_ids": [packed(rejection.message_id) for rejection in rejections],
            "problems": [_problems(rejection) for rejection in rejections],
            "bodies": [rejection.body for rejection in rejections],
            "received_us": [to_us(rejection.received_at) for rejection in rejections],
            "events": [facts for _, _, facts in refused],
            "now_us": state.now_us(),
        }
        state.run(SQL["add_rejections"], values)
        return numbers

    # -- what some events have -------------------------------------------------------------------------------------

    def _warn(self, warned: Iterable[tuple[int, Row]]) -> None:
        packed_of = {seq: event_warnings.pack(row.warnings) for seq, row in warned}
        if packed_of:
            self._state.run(SQL["add_warnings"], {"seqs": list(packed_of), "warnings": list(packed_of.values())})

    def _end(self, seq: int, row: Row, outcome: Dropped) -> None:
        """End an event that is not delivered: a deletion request, which is recorded, or one that ingest dropped."""
        source = self._state.source(row.source)
        if row.dropped is None:
            self._state.run(
                SQL["add_deletion"],
                {
                    "seq": seq,
                    "source": source,
                    "user": packed(named_by(row)),
                    "message_id": packed(row.message_id),
                    "received_us": row.received_us,
                },
            )
        self._state.run(SQL["add_ended"], ended_values(seq, outcome, now_us=self._state.now_us()))
        self._state.count(source, "dropped")


def ended_values(seq: int, outcome: Dropped, *, now_us: int) -> dict[str, object]:
    """The values of the statement `add_ended`."""
    facts = {"reason": outcome.reason.value, "rule": shown(outcome.rule), "detail": shown(outcome.text)}
    return {"seq": seq, "now_us": now_us, **facts}


def _problems(rejection: Rejection) -> str:
    return orjson.dumps([[p.pointer, p.keyword, p.message] for p in rejection.problems]).decode()

"""Stores messages in the queue file: all puts of one group together, with few statements for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import orjson
from msgspec import Struct

from adapter.model import DELETE, Dropped, Rejection
from adapter.queue import copies, event_warnings
from adapter.queue.codec import Row, differs, digest_of_copy, named_by, plain_digest, to_us
from adapter.queue.contract import Stored
from adapter.queue.ledger import ended_at_once
from adapter.queue.sqlite.message_row import to_row
from adapter.queue.sqlite.state import SQL, WriterState
from adapter.queue.sqlite.statements import chunks
from adapter.queue.transaction import Staged

_NO_BODY = b"{}"


@dataclass(slots=True)
class _Put(Staged[Stored]):
    rows: Sequence[Row] = ()
    rejections: Sequence[Rejection] = ()


class _Fresh(Struct, frozen=True):
    """A row that is not a duplicate, with its numbers."""

    seq: int
    source: int
    row: Row


class PutBatch:
    """Stages puts and stores them together at `flush`, in the order they were staged."""

    def __init__(self, state: WriterState) -> None:
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
        now_us = self._state.now_us()
        ended_us = self._state.trusted_us()
        rows = [row for put in staged for row in put.rows]
        self._state.seen.prepare(ended_us, ids=len(rows))
        seqs = self._seqs(rows)
        fresh: dict[int, _Fresh] = {}
        for put in staged:
            put.result = self._sort(put, seqs, fresh)
        waiting, ended = list(fresh.values()), list[tuple[_Fresh, Dropped]]()
        if any(put.result is not None and (put.result.deletions or put.result.dropped) for put in staged):
            ended = [(each, outcome) for each in waiting if (outcome := ended_at_once(each.row)) is not None]
            waiting = [each for each in waiting if ended_at_once(each.row) is None]
        for piece in chunks(list(fresh.values())):
            self._store(piece)
        for each in fresh.values():
            if each.row.warnings:
                self._state.run(SQL["add_warning"], (each.seq, event_warnings.pack(each.row.warnings)))
        for piece in chunks(waiting):
            self._join_lanes(piece, now_us)
        for each in waiting:
            self._state.hold(each.source, events=1, size_bytes=len(each.row.body))
        for each, outcome in ended:
            self._end(each, outcome, ended_us)

    def _seqs(self, rows: Sequence[Row]) -> dict[bytes, int]:
        """The seqs of the rows that are known, by digest."""
        seen = self._state.seen
        found = seen.find([row.digest for row in rows])
        if seen.has_plain_digests:
            plain = {row.digest: plain_digest(source=row.source, message_id=row.message_id) for row in rows}
            before = seen.find(list(plain.values()))
            found = {digest: before[old] for digest, old in plain.items() if old in before} | found
        return found

    def _sort(self, put: _Put, seqs: dict[bytes, int], fresh: dict[int, _Fresh]) -> Stored:
        """Sort out duplicates, also of rows earlier in this group."""
        stored = duplicates = differing = deletions = dropped = 0
        for row in put.rows:
            source = self._state.source(row.source)
            self._state.count(source, "received")
            first = seqs.get(row.digest)
            if first is None:
                seq = seqs[row.digest] = self._state.next_seq()
                fresh[seq] = _Fresh(seq, source, row)
                stored += 1
                deletions += row.type == DELETE and named_by(row) is not None
                dropped += row.dropped is not None
            elif self._differs(first, row, fresh) and self._keep_copy(source, row, seqs):
                differing += 1
            else:
                duplicates += 1
                self._state.count(source, "duplicate")
        for rejection in put.rejections:
            self._reject(rejection)
        return Stored(stored, duplicates, differing, len(put.rejections), deletions, dropped)

    def _differs(self, first: int, row: Row, fresh: dict[int, _Fresh]) -> bool:
        if first in fresh:
            body = fresh[first].row.body
        else:
            found = self._state.run(SQL["stored_body"], (first,)).fetchone()
            body = _NO_BODY if found is None else found[0]
        # An event that ingest dropped, or whose user's data was deleted, has no body to compare.
        return _NO_BODY not in (body, row.body) and differs(body, row.body)

    def _keep_copy(self, source: int, row: Row, seqs: dict[bytes, int]) -> bool:
        """Keep a copy with another body as a rejection; False if that copy was kept, or requeued, before."""
        digest = digest_of_copy(row)
        seqs |= self._state.seen.find([digest])
        if digest in seqs:
            return False
        number = self._add_rejection(source, copies.rejection_of(row), copies.facts_of(row))
        # A seq below 0 is the number of a rejection.
        seqs[digest] = -number
        self._state.seen.add([(digest, -number)])
        self._state.count(source, "rejected")
        return True

    def _store(self, fresh: Sequence[_Fresh]) -> None:
        run, sql, count = self._state.run, self._state.sql, len(fresh)
        run(
            sql("add_messages", count),
            list(chain.from_iterable(to_row(one.row, seq=one.seq, source=one.source) for one in fresh)),
        )
        self._state.seen.add([(each.row.digest, each.seq) for each in fresh])

    def _join_lanes(self, fresh: Sequence[_Fresh], now_us: int) -> None:
        run, sql, count = self._state.run, self._state.sql, len(fresh)
        lanes = chain.from_iterable((each.row.lane, each.source, each.seq, now_us) for each in fresh)
        if run(sql("open_lanes", count), list(lanes)).rowcount < count:
            behind = chain.from_iterable((each.row.lane, each.seq) for each in fresh)
            run(sql("add_waiting_behind_heads", count), list(behind))

    def _end(self, fresh: _Fresh, outcome: Dropped, ended_us: int) -> None:
        """End an event that is not delivered: a deletion request, which is recorded, or one that ingest dropped."""
        row = fresh.row
        if row.dropped is None:
            values = (fresh.seq, fresh.source, named_by(row), row.message_id, row.received_us)
            self._state.run(SQL["add_deletion"], values)
        ended = ("dropped", outcome.reason.value, outcome.rule, outcome.text, ended_us)
        self._state.run(SQL["add_ended"], (fresh.seq, *ended))
        self._state.count(fresh.source, "dropped")

    def _reject(self, rejection: Rejection) -> None:
        source = self._state.source(rejection.source)
        self._add_rejection(source, rejection, None)
        self._state.count(source, "received")
        self._state.count(source, "rejected")

    def _add_rejection(self, source: int, rejection: Rejection, copied: str | None) -> int:
        problems = orjson.dumps([[p.pointer, p.keyword, p.message] for p in rejection.problems]).decode()
        received_us = to_us(rejection.received_at)
        reason, message_id, body = rejection.reason.value, rejection.message_id, rejection.body
        values = (source, reason, message_id, problems, body, received_us, copied, self._state.trusted_us())
        return self._state.run(SQL["add_rejection"], values).lastrowid or 0

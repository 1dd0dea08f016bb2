"""Puts messages into the queue file: all that join one group together, a handful of statements for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import orjson
from msgspec import Struct

from adapter.model import DELETE, Dropped, Rejection
from adapter.queue import event_warnings
from adapter.queue.base import Stored
from adapter.queue.codec import Row, differs, named_by, to_us
from adapter.queue.group_commit import Staged
from adapter.queue.ledger import ended_at_once
from adapter.queue.sqlite_known import DAY_US, SQL, Known, chunks


@dataclass(slots=True)
class _Put(Staged[Stored]):
    rows: Sequence[Row] = ()
    rejections: Sequence[Rejection] = ()


class _Fresh(Struct, frozen=True):
    """A row that is not a duplicate, and its numbers."""

    receipt: int
    source: int
    row: Row


class Puts:
    """Stages puts and stores them together at `flush`, in the order they were staged."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._staged: list[_Put] = []

    def stage(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Staged[Stored]:
        """To be stored at `flush`."""
        put = _Put(rows=rows, rejections=rejections)
        self._staged.append(put)
        return put

    def forget(self) -> None:
        """Store nothing of what was staged."""
        self._staged.clear()

    def flush(self) -> None:
        """Store what was staged; afterwards each result is there."""
        if not self._staged:
            return
        staged, self._staged = self._staged, []
        now_us = self._known.now_us()
        self._known.begin_day(now_us // DAY_US)
        receipts = self._seen([row.digest for put in staged for row in put.rows])
        fresh: dict[int, _Fresh] = {}
        for put in staged:
            put.result = self._sort(put, receipts, fresh)
        waiting, ended = list(fresh.values()), list[tuple[_Fresh, Dropped]]()
        if any(put.result is not None and (put.result.deletions or put.result.dropped) for put in staged):
            ended = [(each, outcome) for each in waiting if (outcome := ended_at_once(each.row)) is not None]
            waiting = [each for each in waiting if ended_at_once(each.row) is None]
        for piece in chunks(list(fresh.values())):
            self._store(piece)
        for each in fresh.values():
            if each.row.warnings:
                self._known.run(SQL["add_warning"], (each.receipt, event_warnings.pack(each.row.warnings)))
        for piece in chunks(waiting):
            self._join_lanes(piece, now_us)
        for each in waiting:
            self._known.hold(each.source, events=1, size_bytes=len(each.row.body))
        for each, outcome in ended:
            self._end(each, outcome, now_us)

    def _seen(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The receipts of those that are known."""
        known = self._known
        return dict(
            chain.from_iterable(known.run(known.sql("seen_in", len(piece)), piece) for piece in chunks(digests))
        )

    def _sort(self, put: _Put, receipts: dict[bytes, int], fresh: dict[int, _Fresh]) -> Stored:
        """Tell new ones from duplicates, those earlier in this group included."""
        stored = duplicates = differing = deletions = dropped = 0
        for row in put.rows:
            source = self._known.source(row.source)
            self._known.count(source, "received")
            first = receipts.get(row.digest)
            if first is None:
                receipt = receipts[row.digest] = self._known.next_receipt()
                fresh[receipt] = _Fresh(receipt, source, row)
                stored += 1
                deletions += row.type == DELETE and named_by(row) is not None
                dropped += row.dropped is not None
            else:
                duplicates += 1
                differing += self._differs(first, row, fresh)
                self._known.count(source, "duplicate")
        for rejection in put.rejections:
            self._reject(rejection)
        return Stored(stored, duplicates, differing, len(put.rejections), deletions, dropped)

    def _differs(self, first: int, row: Row, fresh: dict[int, _Fresh]) -> bool:
        if first in fresh:
            return differs(fresh[first].row.body, row.body)
        found = self._known.run(SQL["stored_body"], (first,)).fetchone()
        return found is not None and differs(found[0], row.body)

    def _store(self, fresh: Sequence[_Fresh]) -> None:
        run, sql, count = self._known.run, self._known.sql, len(fresh)
        run(sql("add_messages", count), list(chain.from_iterable(map(_message, fresh))))
        digests = chain.from_iterable((each.row.digest, each.receipt) for each in fresh)
        run(sql("add_digests", count), list(digests))

    def _join_lanes(self, fresh: Sequence[_Fresh], now_us: int) -> None:
        run, sql, count = self._known.run, self._known.sql, len(fresh)
        lanes = chain.from_iterable((each.row.lane, each.source, each.receipt, now_us) for each in fresh)
        if run(sql("open_lanes", count), list(lanes)).rowcount < count:
            behind = chain.from_iterable((each.row.lane, each.receipt) for each in fresh)
            run(sql("add_waiting_behind_heads", count), list(behind))

    def _end(self, fresh: _Fresh, outcome: Dropped, now_us: int) -> None:
        """End what is not delivered: a deletion request, which is noted, or what ingest dropped."""
        row = fresh.row
        if row.dropped is None:
            values = (fresh.receipt, fresh.source, named_by(row), row.message_id, row.received_us)
            self._known.run(SQL["add_deletion"], values)
        ended = ("dropped", outcome.reason.value, outcome.rule, outcome.text, now_us)
        self._known.run(SQL["add_ended"], (fresh.receipt, *ended))
        self._known.count(fresh.source, "dropped")

    def _reject(self, rejection: Rejection) -> None:
        source = self._known.source(rejection.source)
        problems = orjson.dumps([[p.pointer, p.keyword, p.message] for p in rejection.problems]).decode()
        received_us = to_us(rejection.received_at)
        reason, message_id, body = rejection.reason.value, rejection.message_id, rejection.body
        self._known.run(SQL["add_rejection"], (source, reason, message_id, problems, body, received_us))
        self._known.count(source, "received")
        self._known.count(source, "rejected")


def _message(fresh: _Fresh) -> tuple[object, ...]:
    row = fresh.row
    return (
        fresh.receipt,
        fresh.source,
        row.message_id,
        row.type,
        row.user_id,
        row.anonymous_id,
        row.timestamp_us,
        row.received_us,
        row.body,
        row.traceparent,
    )

"""Settles events in the queue file: all settles of one group together, with few statements for all of them."""

from collections.abc import Sequence
from itertools import chain

from adapter.errors import QueueError
from adapter.model import MAX_FAILURES, CallFailure, Dead, Retry
from adapter.queue import event_warnings
from adapter.queue.codec import parked_lane
from adapter.queue.ledger import DIED, term_of
from adapter.queue.settlement import Settlement, facts_of, failure_of
from adapter.queue.sqlite.state import SQL, US, WriterState
from adapter.queue.sqlite.statements import chunks
from adapter.queue.transaction import Staged


class SettleBatch:
    """Stages settles and writes them together at `flush`."""

    def __init__(self, state: WriterState) -> None:
        self._state = state
        self._staged: list[Settlement] = []

    def stage(self, end: Settlement) -> Staged[bool]:
        """Add a settle that `flush` writes. `Retry` and `Dead` are rare and are written at once."""
        if isinstance(end.outcome, Retry) and end.outcome.parked:
            end.result = self._park(end, end.outcome)
        elif isinstance(end.outcome, Retry):
            end.result = self._postpone(end, end.outcome)
        elif isinstance(end.outcome, Dead):
            end.result = self._bury(end, end.outcome)
        else:
            self._staged.append(end)
            return end
        if end.result:
            self._warn(end)
            if end.outcome.failure is not None:
                self._note(end.seq, end.outcome.failure)
        return end

    def rollback(self) -> None:
        """Discard what was staged."""
        self._staged.clear()

    def flush(self) -> None:
        """Write what was staged; each result is known afterwards.

        Raises QueueError if one of several events is no longer the head of its lane: then each must be staged alone.
        """
        staged, self._staged = self._staged, []
        for ends in chunks(staged):
            are_heads = self._finish(ends)
            if not are_heads and len(ends) > 1:
                raise QueueError("an event lost its place in its lane")
            for end in ends:
                end.result = are_heads

    def _finish(self, ends: Sequence[Settlement]) -> bool:
        """Whether all are heads of their lanes, and so are finished now. If False, some of several may be finished."""
        run, sql, now_us = self._state.run, self._state.sql, self._state.now_us()
        at_us = self._state.trusted_us()
        finished = chain.from_iterable((end.seq, *facts_of(end), end.mapping, at_us, end.lane) for end in ends)
        if run(sql("add_finished", len(ends)), list(finished)).rowcount < len(ends):
            return False
        self._advance([end.lane for end in ends], now_us)
        noted = [end.seq for end in ends if end.has_sent]
        if noted:
            run(sql("forget_sents", len(noted)), noted)
        if self._state.seen.has_kept:
            run(sql("forget_kept_digests", len(ends)), [end.seq for end in ends])
        for end in ends:
            self._warn(end)
            source = self._state.source(end.source)
            self._state.count(source, term_of(end.outcome) or "")
            self._state.hold(source, events=-1, size_bytes=-end.size_bytes)
        return True

    def _warn(self, end: Settlement) -> None:
        if end.warnings is None:
            return
        self._state.run(SQL["set_warnings"], (end.seq, event_warnings.pack(end.warnings)))
        if not end.warnings:
            self._state.run(SQL["forget_no_warning"], (end.seq,))

    def _note(self, seq: int, failure: CallFailure) -> None:
        values = (self._state.trusted_us(), failure.call, failure.status, failure.cause, round(failure.seconds * 1000))
        self._state.run(SQL["add_failure"], (seq, *values))
        self._state.run(SQL["forget_old_failures"], (seq, MAX_FAILURES))

    def _advance(self, lanes: Sequence[int], now_us: int) -> None:
        """Make the next event of each lane its head, due now, so behind other due lanes: a user with many events does
        not push ahead.
        """
        run, sql, count = self._state.run, self._state.sql, len(lanes)
        if run(sql("close_empty_lanes", count), lanes).rowcount < count:
            run(sql("advance_lanes", count), (now_us, *lanes))
            run(sql("remove_heads_from_waiting", count), lanes)

    def _postpone(self, end: Settlement, retry: Retry) -> bool:
        delay_us = round((retry.delay_s or 0.0) * US)
        due_us = None if retry.delay_s is None else self._state.now_us() + delay_us
        counted_us = delay_us if retry.counted else 0
        falls_back = retry.counted or retry.steps_back
        values = (due_us, int(retry.counted), counted_us, int(falls_back), *failure_of(retry), end.lane, end.seq)
        return self._state.run(SQL["postpone"], values).rowcount == 1

    def _park(self, end: Settlement, retry: Retry) -> bool:
        found = self._state.run(SQL["turn_of"], (end.lane, end.seq)).fetchone()
        if found is None or found[0] < 0:
            return found is not None
        self._advance([end.lane], self._state.now_us())
        aside, source = parked_lane(end.lane), self._state.source(end.source)
        reason, detail = failure_of(retry)
        opened = (aside, source, end.seq, end.received_us, reason or "", detail or "")
        if self._state.run(SQL["open_parked_lane"], opened).rowcount == 0:
            self._state.run(SQL["add_waiting"], (aside, end.seq))
        return True

    def _bury(self, end: Settlement, dead: Dead) -> bool:
        found = self._state.run(SQL["attempt_of"], (end.lane, end.seq)).fetchone()
        if found is None:
            return False
        values = (end.seq, dead.reason.value, dead.detail, found[0], end.mapping, self._state.trusted_us())
        self._state.run(SQL["add_dead"], values)
        self._state.count(self._state.source(end.source), DIED)
        self._advance([end.lane], self._state.now_us())
        return True

"""Settles events in the queue: all settles of one group together, with few statements for all of them."""

from collections.abc import Callable, Collection, Iterable, Sequence

from adapter.model import MAX_FAILURES, CallFailure, Dead, Retry
from adapter.queue import event_warnings
from adapter.queue.codec import parked_lane
from adapter.queue.heads import Priority
from adapter.queue.ledger import DIED, term_of
from adapter.queue.postgres.message_row import shown
from adapter.queue.postgres.state import SQL, US, PostgresWriterState
from adapter.queue.settlement import Settlement, facts_of, failure_of
from adapter.queue.transaction import Staged


class PostgresSettleBatch:
    """Stages settles and writes them together at `flush`: lanes are locked first and then read.

    `ours` returns those of some sources that this process may settle, until the transaction ends.
    """

    def __init__(self, state: PostgresWriterState) -> None:
        self.ours: Callable[[Iterable[str]], Collection[str]] = frozenset
        self._state = state
        self._staged: list[Settlement] = []

    def stage(self, end: Settlement) -> Staged[bool]:
        """Add a settle that `flush` writes."""
        self._staged.append(end)
        return end

    def rollback(self) -> None:
        """Discard what was staged."""
        self._staged.clear()

    def flush(self) -> None:
        """Write what was staged; each result is known afterwards."""
        if not self._staged:
            return
        staged, self._staged = self._staged, []
        ours = self.ours(end.source for end in staged)
        for end in staged:
            end.result = False
        staged = [end for end in staged if end.source in ours]
        found = self._state.run(SQL["lock_lanes"], {"lanes": [end.lane for end in staged]}).fetchall()
        lanes = {lane: (head, attempt, priority) for lane, head, attempt, priority in found}
        heads: list[tuple[Settlement, int, int]] = []
        for end in staged:
            head, attempt, priority = lanes.get(end.lane, (None, 0, 0))
            # After a commit with an unknown result, an event that is no longer the head was settled by that commit.
            end.result = head == end.seq or end.is_unsure
            if head == end.seq:
                heads.append((end, attempt, priority))
        self._postpone([(end, attempt) for end, attempt, _ in heads])
        parked = [end for end, _, priority in heads if _is_parked(end) and priority != Priority.PARKED]
        dead = [(end, attempt) for end, attempt, _ in heads if isinstance(end.outcome, Dead)]
        finished = [(end, attempt) for end, attempt, _ in heads if not isinstance(end.outcome, Dead | Retry)]
        self._bury(dead)
        self._finish(finished)
        self._advance([*parked, *(end for end, _ in (*dead, *finished))])
        self._park(parked)
        for end, _, _ in heads:
            self._warn(end)
            if isinstance(end.outcome, Retry | Dead) and end.outcome.failure is not None:
                self._note(end.seq, end.outcome.failure)

    def _finish(self, ends: Sequence[tuple[Settlement, int]]) -> None:
        if not ends:
            return
        state = self._state
        facts = [facts_of(end) for end, _ in ends]
        values = {
            "seqs": [end.seq for end, _ in ends],
            "outcomes": [outcome for outcome, _, _, _ in facts],
            "reasons": [reason for _, reason, _, _ in facts],
            "rules": [shown(rule) for _, _, rule, _ in facts],
            "details": [shown(detail) for _, _, _, detail in facts],
            "attempts": [attempt for _, attempt in ends],
            "mappings": [end.mapping for end, _ in ends],
            "noted": [end.seq for end, _ in ends if end.has_sent],
            "now_us": state.now_us(),
        }
        state.run(SQL["finish"], values)
        for end, _ in ends:
            state.count(state.source(end.source), term_of(end.outcome) or "")
            state.hold(end.source, events=-1, size_bytes=-end.size_bytes)

    def _advance(self, ends: Sequence[Settlement]) -> None:
        """Make the next event of each lane its head, due now, so behind other due lanes: a user with many events does
        not push ahead.
        """
        if ends:
            values = {"lanes": [end.lane for end in ends], "now_us": self._state.now_us()}
            self._state.run(SQL["advance"], values)

    def _postpone(self, heads: Sequence[tuple[Settlement, int]]) -> None:
        # A settle that was committed by an earlier try must not count twice.
        retries = [
            (end.lane, end.outcome)
            for end, attempt in heads
            if isinstance(end.outcome, Retry)
            and not end.outcome.parked
            and not (end.is_unsure and end.outcome.counted and attempt > end.attempt)
        ]
        if not retries:
            return
        now_us = self._state.now_us()
        delays_us = [round((retry.delay_s or 0.0) * US) for _, retry in retries]
        failures = [failure_of(retry) for _, retry in retries]
        values = {
            "lanes": [lane for lane, _ in retries],
            "dues_us": [
                None if retry.delay_s is None else now_us + delay_us
                for delay_us, (_, retry) in zip(delays_us, retries, strict=True)
            ],
            "counted": [int(retry.counted) for _, retry in retries],
            "counted_us": [us if retry.counted else 0 for us, (_, retry) in zip(delays_us, retries, strict=True)],
            "fall_back": [retry.counted or retry.steps_back for _, retry in retries],
            "reasons": [reason for reason, _ in failures],
            "details": [None if detail is None else shown(detail) for _, detail in failures],
        }
        self._state.run(SQL["postpone"], values)

    def _park(self, ends: Sequence[Settlement]) -> None:
        if not ends:
            return
        failures = [failure_of(end.outcome) if isinstance(end.outcome, Retry) else (None, None) for end in ends]
        values = {
            "lanes": [parked_lane(end.lane) for end in ends],
            "sources": [self._state.source(end.source) for end in ends],
            "seqs": [end.seq for end in ends],
            "received_us": [end.received_us for end in ends],
            "reasons": [reason or "" for reason, _ in failures],
            "details": [shown(detail or "") for _, detail in failures],
        }
        self._state.run(SQL["park"], values)

    def _bury(self, ends: Sequence[tuple[Settlement, int]]) -> None:
        if not ends:
            return
        outcomes = [(end.outcome.reason.value, end.outcome.detail) for end, _ in ends if isinstance(end.outcome, Dead)]
        values = {
            "seqs": [end.seq for end, _ in ends],
            "reasons": [reason for reason, _ in outcomes],
            "details": [shown(detail) for _, detail in outcomes],
            "attempts": [attempt for _, attempt in ends],
            "mappings": [end.mapping for end, _ in ends],
            "now_us": self._state.now_us(),
        }
        self._state.run(SQL["add_dead"], values)
        for end, _ in ends:
            self._state.count(self._state.source(end.source), DIED)

    def _note(self, seq: int, failure: CallFailure) -> None:
        values = {
            "seq": seq,
            "at_us": self._state.now_us(),
            "call": shown(failure.call),
            "status": failure.status,
            "cause": shown(failure.cause),
            "ms": round(failure.seconds * 1000),
        }
        self._state.run(SQL["add_failure"], values)
        self._state.run(SQL["forget_old_failures"], {"seq": seq, "most": MAX_FAILURES})

    def _warn(self, end: Settlement) -> None:
        if end.warnings is None:
            return
        self._state.run(SQL["set_warnings"], {"seq": end.seq, "warnings": event_warnings.pack(end.warnings)})
        if not end.warnings:
            self._state.run(SQL["forget_no_warning"], {"seq": end.seq})


def _is_parked(end: Settlement) -> bool:
    return isinstance(end.outcome, Retry) and end.outcome.parked

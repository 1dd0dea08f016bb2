"""Finds and changes the heads of lanes and their due times, on the thread that settles.

Lanes are as in SQLite (`sqlite/lanes.py` has the states of an event and the invariants). The difference: several
processes put while one delivers. So a transaction that changes lanes first locks them, in a statement of its own and in
the order of their numbers. A put opens a lane or adds to it in one statement, which locks the lane too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from adapter.queue import event_warnings
from adapter.queue.activations import BY_FILE, MAX_ACTIVATIONS, Activation, text_digest
from adapter.queue.contract import Limit, Pick
from adapter.queue.heads import Head, Priority, pick_heads
from adapter.queue.postgres.marks import Marks
from adapter.queue.postgres.message_row import from_row, packed
from adapter.queue.postgres.samples import forget_samples, keep_growth, keep_rates
from adapter.queue.postgres.settle import PostgresSettleBatch
from adapter.queue.postgres.state import SQL, US, PostgresWriterState
from adapter.queue.record_rows import activation_of
from adapter.queue.samples import ProjectRate
from adapter.queue.settlement import Settlement
from adapter.queue.transaction import Staged


class PostgresLaneRows:
    """See `leased_queue.LeasedRows`; also stores what the archive keeps beside events."""

    def __init__(self, state: PostgresWriterState) -> None:
        self._run = state.run
        self._state = state
        self._settle_batch = PostgresSettleBatch(state)
        self._marks = Marks()

    def fence(self, ours: Callable[[Iterable[str]], Collection[str]]) -> None:
        """From now on settle only the sources that `ours` returns."""
        self._settle_batch.ours = ours

    def begin(self) -> None:
        """Called when a transaction was opened."""
        self._state.begin()

    def flush(self) -> None:
        """Write all staged work, and the counters with it."""
        self._settle_batch.flush()
        self._state.flush_counts()

    def rollback(self) -> None:
        """Called when the transaction was rolled back."""
        self._settle_batch.rollback()
        self._state.rollback()

    def settle(self, end: Settlement) -> Staged[bool]:
        """End an event with the others of this group; False if it is no longer the head of its lane."""
        return self._settle_batch.stage(end)

    def mark_delivered(self, seq: int, key: str) -> None:
        """Remember that a call was delivered."""
        self._run(SQL["add_sent"], {"seq": seq, "key": packed(key)})

    def is_last(self, lane: int) -> bool:
        """Whether no event waits behind the head of `lane`."""
        return self._run(SQL["is_waited_for"], {"lane": lane}).fetchone() is None

    def make_due(self, heads: Mapping[int, int]) -> int:
        """End the wait of these heads; returns how many were waiting."""
        self._run(SQL["lock_lanes"], {"lanes": list(heads)})
        values = {"lanes": list(heads), "heads": list(heads.values()), "now_us": self._state.now_us()}
        return self._run(SQL["make_due"], values).rowcount

    # -- heads -----------------------------------------------------------------------------------------------------

    def find(
        self, sources: Sequence[str], *, limit: int, busy: Collection[int], pick: Pick
    ) -> tuple[list[Head], float | None]:
        """The heads to work on now; if there are none, also the seconds to wait for the next."""
        now_us = self._state.now_us()
        asked: dict[str, object] = {"sources": self._state.sources(sources), "busy": list(busy), "now_us": now_us}
        self._marks.begin(busy, now_us=now_us)
        heads = pick_heads(partial(self._due_heads, asked, pick), limit=limit, pick=pick)
        self._marks.given(heads)
        if heads:
            return heads, None
        due_us = (self._run(SQL["next_due"], asked).fetchone() or (None,))[0]
        return heads, None if due_us is None else (due_us - now_us) / US

    def _due_heads(self, asked: Mapping[str, object], pick: Pick, priority: Priority, limit: int) -> Sequence[Head]:
        if limit <= 0:
            return ()
        key = (str(asked["sources"]), priority)
        values = {**asked, "priority": priority.value, "limit": limit, "start_us": self._marks.start_us(key)}
        statement = "heads"
        if pick.lanes is not None:
            statement, values = "heads_among", {**values, "among": list(pick.lanes)}
        sql = SQL[statement].replace("{newest}", "DESC" if pick.newest else "")
        heads = [_head(found) for found in self._run(sql, values).fetchall()]
        if pick.lanes is None and not pick.newest:
            self._marks.found(key, heads[0].due_us if heads else None, now_us=int(str(asked["now_us"])))
        return heads

    # -- what is kept beside events --------------------------------------------------------------------------------

    def keep_mapping(self, *, name: str, version: str, text: str, by: str) -> Activation:
        """Store a text, and that `name` was activated with it."""
        digest = text_digest(text)
        find, asked = SQL["last_activation" if version else "kept_inactive"], {"name": name, "digest": digest}
        found = self._run(find, asked).fetchone()
        if found is None or activation_of(found).digest != digest:
            self._run(SQL["keep_text"], {"digest": digest, "text": text})
            values = {**asked, "version": version, "by": by, "now_us": self._state.now_us()}
            self._run(SQL["add_activation"], values)
            if self._run(SQL["forget_old_activations"], {"name": name, "most": MAX_ACTIVATIONS}).rowcount:
                self._run(SQL["forget_unused_texts"], {})
        elif version and by != BY_FILE:
            self._run(SQL["credit_activation"], {"by": by, "id": activation_of(found).id})
        [kept] = self._run(find, asked).fetchall()
        return activation_of(kept)

    def text_of(self, statement: str, *, key: str) -> str | None:
        """The mapping that `statement` finds by `key`."""
        found = self._run(SQL[statement], {"key": key}).fetchone()
        return None if found is None else str(found[0])

    def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """Store the sample of a minute, and delete samples that are too old now. The counters are those of all
        replicas, so one replica stores the growth; the rates are of the projects that this replica delivers.
        """
        keep_rates(self._run, minute, rates)
        if self._state.has_upkeep():
            keep_growth(self._run, minute, pending=pending)
            forget_samples(self._run, self._state.now_us() // (60 * US))

    def keep_limit(self, project: str, limit: Limit) -> None:
        """Store the limit that was learned of a project."""
        self._run(SQL["keep_limit"], {"project": project, "per_s": limit.per_s, "met_at_s": limit.met_at_s})

    def limit(self, project: str) -> Limit | None:
        """The limit of a project that was stored last."""
        found = self._run(SQL["limit"], {"project": project}).fetchone()
        return None if found is None else Limit(per_s=found[0], met_at_s=found[1])


def _head(found: Sequence[Any]) -> Head:
    lane, due_us, seq, attempt, retried_us, delivered_keys, *columns, warned = found
    return Head(
        lane,
        due_us,
        seq,
        attempt,
        retried_us,
        frozenset(key.decode() for key in delivered_keys),
        from_row(columns),
        is_warned=warned is not None and warned != event_warnings.NONE,
    )

"""The rows of the queue file and all changes of them, inside a transaction that the caller opens and commits.

Runs on the one thread that owns the connection.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from adapter.model import Rejection
from adapter.queue.activations import BY_FILE, MAX_ACTIVATIONS, Activation, text_digest
from adapter.queue.codec import Row
from adapter.queue.contract import Limit, Stored
from adapter.queue.record_rows import activation_of
from adapter.queue.records import Retention
from adapter.queue.samples import ProjectRate
from adapter.queue.settlement import Settlement
from adapter.queue.shares import Usage
from adapter.queue.sqlite.lanes import LaneRows
from adapter.queue.sqlite.put import PutBatch
from adapter.queue.sqlite.samples import forget_samples, keep_sample
from adapter.queue.sqlite.seen import SEEN_SIZES, SeenSizes
from adapter.queue.sqlite.settle import SettleBatch
from adapter.queue.sqlite.state import DAY_US, SQL, US, WriterState
from adapter.queue.sqlite.trusted_time import TrustedTime
from adapter.queue.transaction import Staged


class SqliteRows(LaneRows):
    """See the module. `now` gives seconds since 1970 and never jumps."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        now: Callable[[], float],
        trusted: TrustedTime,
        retention: Retention,
        seen_sizes: SeenSizes = SEEN_SIZES,
    ) -> None:
        state = WriterState(connection, now=now, trusted=trusted, retention=retention, seen_sizes=seen_sizes)
        super().__init__(connection, state)
        self._put_batch = PutBatch(self._state)
        self._settle_batch = SettleBatch(self._state)

    @property
    def trusted(self) -> TrustedTime:
        """The time that retention goes by."""
        return self._state.trusted

    def keep_time(self) -> None:
        """Store the time in the file."""
        self._state.keep_time()

    def begin(self) -> None:
        """Called when a transaction was opened."""
        self._state.begin()

    def flush(self) -> None:
        """Write all staged work, and the counters with it."""
        read_held = self._state.has_changed_rows
        self._put_batch.flush()
        self._settle_batch.flush()
        self._state.flush_counts(read_held=read_held)

    def rollback(self) -> None:
        """Called when the transaction was rolled back: forget everything of it."""
        self._put_batch.rollback()
        self._settle_batch.rollback()
        self._state.rollback()

    def put(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Staged[Stored]:
        """Store messages with the others of this group."""
        return self._put_batch.stage(rows, rejections)

    def settle(self, end: Settlement) -> Staged[bool]:
        """End an event with the others of this group; False if it is no longer the head of its lane."""
        return self._settle_batch.stage(end)

    def probe(self) -> None:
        """Write one row."""
        self._run(SQL["probe"], (self._state.now_us(),))

    def mark_delivered(self, seq: int, key: str) -> None:
        """Remember that a call was delivered."""
        self._run(SQL["add_sent"], (seq, key))

    # -- keeping house ---------------------------------------------------------------------------------------------

    def bring_back_stamps(self) -> None:
        """Set the end of events that ended more than a day in the future, by a wrong clock, to now; keep time from now
        on.
        """
        now_us = self._state.trusted_us()
        for name in ("bring_back_finished", "bring_back_dead"):
            self._run(SQL[name], (now_us, DAY_US))
        self._state.keep_time()

    def prune(self, limit: int) -> bool:
        """Delete up to `limit` of each kind of row kept longer than its retention; True if there may be more."""
        self._state.keep_time()
        now_us, retention = self._state.trusted_us(), self._state.retention
        history_before_us = now_us - round(retention.history_s * US)
        history = self._run(SQL["old_history"], (history_before_us, limit)).fetchall()
        for (seq,) in history:
            self._forget_event(seq, "remove_finished")
        dead_before_us = now_us - round(retention.dead_s * US)
        dead = self._run(SQL["old_dead"], (dead_before_us, limit)).fetchall()
        for seq, source in dead:
            self._discard(seq, source)
        rejections = self._run(SQL["remove_old_rejections"], (dead_before_us, limit)).rowcount
        deletions_before_us = now_us - round(retention.deletions_s * US)
        deletions = self._run(SQL["remove_old_deletions"], (deletions_before_us, limit)).rowcount
        has_more_ids = self._state.seen.expire(now_us, limit=limit)
        return has_more_ids or limit in (len(history), len(dead), rejections, deletions)

    def take_in_ids(self) -> bool:
        """Add some of the ids seen to the filter that lacks them; True if there may be more. Only reads."""
        return self._state.seen.take_in()

    def merge_ids(self) -> bool:
        """Merge some of the ids seen that are in many places; True if there may be more."""
        return self._state.seen.merge()

    def save_ids(self) -> bool:
        """Save a part of the filter, if it is time to; True if there is more of it."""
        return self._state.seen.save()

    def _discard(self, seq: int, source: int) -> None:
        self._run(SQL["hold_event"], (seq, -1))
        self._forget_event(seq, "remove_dead", "forget_sent", "forget_kept_digest")
        self._state.count(source, "discarded")

    def _forget_event(self, seq: int, *also: str) -> None:
        for name in ("remove_message", "forget_warning", "forget_failures", *also):
            self._run(SQL[name], (seq,))

    def thin_out(self, limit: int) -> bool:
        """Delete the `limit` oldest finished events, however recent, or rejections if there are none; True if there
        were any.
        """
        oldest = self._run(SQL["oldest_history"], (limit,)).fetchall()
        for (seq,) in oldest:
            self._forget_event(seq, "remove_finished")
        return bool(oldest) or self._run(SQL["remove_oldest_rejections"], (limit,)).rowcount > 0

    def forget_rejections(self, source: int, *, last: int, limit: int) -> bool:
        """Delete up to `limit` rejections of a source up to number `last`; True if there were so many."""
        return self._run(SQL["remove_rejections_to"], (source, last, limit)).rowcount == limit

    @property
    def held(self) -> Mapping[str, Usage]:
        """What each source holds, by name. May be called from any thread."""
        return self._state.held

    def discard_undeliverable(self, source: str, *, after: int, limit: int) -> int | None:
        """Of the next `limit` dead letters by seq, discard those of `source` that name no user. Returns the seq to
        continue after, or None at the end.
        """
        [number] = self._state.sources([source]) or [0]
        looked_at = self._run(SQL["dead_without_ids"], (number, after, limit)).fetchall()
        for seq, is_undeliverable in looked_at:
            if is_undeliverable:
                self._discard(seq, number)
        return looked_at[-1][0] if len(looked_at) == limit else None

    def history_s(self) -> float | None:
        """Seconds since the oldest finished event that is kept ended; None if there is none."""
        ended_us = self._run(SQL["history_since"]).fetchone()[0]
        return None if ended_us is None else max(0.0, (self._state.trusted_us() - ended_us) / US)

    def used_bytes(self) -> int:
        """The size of the used pages; the file may be larger."""
        pages, free, size = (self._run(SQL[name]).fetchone()[0] for name in ("page_count", "free_count", "page_size"))
        return int((pages - free) * size)

    def free_pages(self) -> None:
        """Return some unused pages to the file system."""
        self._run(SQL["free_pages"]).fetchall()

    def keep_mapping(self, *, name: str, version: str, text: str, by: str) -> Activation:
        """Store a text, and that `name` was activated with it."""
        digest = text_digest(text)
        statement, asked = ("last_activation", (name,)) if version else ("kept_inactive", (name, digest))
        found = self._run(SQL[statement], asked).fetchone()
        if found is None or activation_of(found).digest != digest:
            self._run(SQL["keep_text"], (digest, text))
            self._run(SQL["add_activation"], (name, version, digest, self._state.trusted_us(), by))
            if self._run(SQL["forget_old_activations"], (name, MAX_ACTIVATIONS)).rowcount:
                self._run(SQL["forget_unused_texts"])
        elif version and by != BY_FILE:
            self._run(SQL["credit_activation"], (by, activation_of(found).id))
        return activation_of(self._run(SQL[statement], asked).fetchone())

    def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """Store the sample of a minute, and delete samples that are too old now."""
        keep_sample(self._run, minute, pending=pending, rates=rates)
        forget_samples(self._run, self._state.trusted_us() // (60 * US))

    def keep_limit(self, project: str, limit: Limit) -> None:
        """Store the limit that was learned of a project."""
        self._run(SQL["keep_limit"], (project, limit.per_s, limit.met_at_s))

    def limit(self, project: str) -> Limit | None:
        """The limit of a project that was stored last."""
        found = self._run(SQL["limit"], (project,)).fetchone()
        return None if found is None else Limit(per_s=found[0], met_at_s=found[1])

    def text_of(self, statement: str, *, key: str) -> str | None:
        """The mapping that `statement` finds by `key`."""
        found = self._run(SQL[statement], (key,)).fetchone()
        return None if found is None else str(found[0])

    def pending(self) -> int:
        """The number of pending events, without reading each; `count_balance` counts them from rows."""
        return int(self._run(SQL["pending_by_counters"]).fetchone()[0])

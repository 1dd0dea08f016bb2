"""Deletes a user's data in the queue file, inside a transaction that the caller opens and commits: the service, for a
deletion request, or an operator beside it.

Rows and counters change together, so that the ledger balances after each of these. Events in flight are deleted too:
the late settle of such an event changes nothing.
"""

from adapter.model import Event
from adapter.queue.codec import lane_of, parked_lane, restore
from adapter.queue.ledger import DELETED, term_of
from adapter.queue.sqlite.message_row import from_row
from adapter.queue.sqlite.state import SQL, for_one
from adapter.queue.sqlite.statements import Execute


def empty_log(run: Execute) -> bool:
    """Copy everything committed from the write-ahead log to the file, without waiting: False if a reader is in the way.
    To be called between two transactions only.
    """
    was_ms = run("PRAGMA busy_timeout").fetchone()[0]
    run("PRAGMA busy_timeout = 0").fetchall()
    try:
        busy, _, _ = run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        run(f"PRAGMA busy_timeout = {was_ms}").fetchall()
    return not busy


def delete_body(run: Execute, seq: int, *, due_us: int, ended_us: int) -> bool:
    """Delete body and user of an event; a pending or dead event is dropped. False if the event is gone.

    `due_us` is when the next event of its lane is due, `ended_us` when this one ended, by the queue's clock. An event
    that had ended before keeps its outcome.
    """
    found = run(SQL["stored"], (seq,)).fetchone()
    if found is None:
        return False
    source, *columns = found
    if run(SQL["is_finished"], (seq,)).fetchone() is None:
        if run(SQL["remove_dead"], (seq,)).rowcount == 0:
            _leave_lane(run, seq, restore(from_row(columns))[0], due_us)
        ended = ("dropped", DELETED.reason.value, DELETED.rule, DELETED.text)
        run(SQL["add_ended"], (seq, *ended, ended_us))
        run(SQL["hold_event"], (seq, -1))
        run(SQL["count"], (source, term_of(DELETED), 1))
    for name in ("forget_sent", "forget_kept_digest", "forget_warning", "forget_failures"):
        run(SQL[name], (seq,))
    run(SQL["empty_message"], (seq,))
    return True


def _leave_lane(run: Execute, seq: int, event: Event, now_us: int) -> None:
    # Which of the two lanes it is in depends on the settings at its receipt.
    for lane in lanes_of(event):
        head = run(SQL["head_of"], (lane,)).fetchone()
        if head is not None and head[0] == seq:
            _advance(run, lane, now_us)
        elif run(SQL["remove_waiting"], (lane, seq)).rowcount == 0:
            continue
        return


def lanes_of(event: Event) -> tuple[int, ...]:
    """The lanes that `event` may be in: its user's, its own for a source without order, or the parked one of either."""
    lanes = lane_of(event), lane_of(event, ordered=False)
    return *lanes, *map(parked_lane, lanes)


def _advance(run: Execute, lane: int, now_us: int) -> None:
    if run(for_one("close_empty_lanes"), (lane,)).rowcount == 0:
        run(for_one("advance_lanes"), (now_us, lane))
        run(for_one("remove_heads_from_waiting"), (lane,))

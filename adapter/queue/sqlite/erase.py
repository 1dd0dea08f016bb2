"""Takes a user's data out of the queue file, inside a transaction that somebody else opens and commits: the service's,
for a deletion request, or an operator's beside it.

Rows and counters change together, so that the ledger balances after each of these as before it. What a worker has in
its hands is taken too: its late settle of an event that is gone is a no-op.
"""

from adapter.model import Event
from adapter.queue.codec import lane_of, parked_lane, restore
from adapter.queue.ledger import DELETED, term_of
from adapter.queue.sqlite.message_row import from_row
from adapter.queue.sqlite.state import SQL
from adapter.queue.sqlite.statements import Execute, for_rows


def empty_log(run: Execute) -> bool:
    """Bring all that was committed from the write-ahead log into the file, without waiting: False if a reader is in
    the way. Between two transactions only.
    """
    was_ms = run("PRAGMA busy_timeout").fetchone()[0]
    run("PRAGMA busy_timeout = 0").fetchall()
    try:
        busy, _, _ = run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        run(f"PRAGMA busy_timeout = {was_ms}").fetchall()
    return not busy


def delete_body(run: Execute, seq: int, *, due_us: int, ended_us: int) -> bool:
    """Take body and user away from an event; one that is pending or dead is dropped with that. False if it is gone.

    `due_us` is when the next of its lane is due, `ended_us` when it ended, by the queue's clock.

    What had ended before stays in the history as it ended.
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
    # Which of the two it is depends on what the settings said when it was received.
    for lane in lanes_of(event):
        head = run(SQL["head_of"], (lane,)).fetchone()
        if head is not None and head[0] == seq:
            _advance(run, lane, now_us)
        elif run(SQL["remove_waiting"], (lane, seq)).rowcount == 0:
            continue
        return


def lanes_of(event: Event) -> tuple[int, ...]:
    """Where `event` may wait: the lane of its user, or one of its own for sources without order; or parked aside."""
    lanes = lane_of(event), lane_of(event, ordered=False)
    return *lanes, *map(parked_lane, lanes)


def _advance(run: Execute, lane: int, now_us: int) -> None:
    if run(_for_one("close_empty_lanes"), (lane,)).rowcount == 0:
        run(_for_one("advance_lanes"), (now_us, lane))
        run(_for_one("remove_heads_from_waiting"), (lane,))


def _for_one(name: str) -> str:
    """The service's statement for many rows, for one."""
    return for_rows(SQL[name], 1)

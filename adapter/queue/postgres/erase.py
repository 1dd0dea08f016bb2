"""Takes a user's data out of the queue, inside a transaction that somebody else opens and commits: the service's, for a
deletion request, or an operator's beside it.

Rows and counters change together, so that the ledger balances after each of these as before it. What a worker has in
its hands is taken too: its late settle of an event that is gone is a no-op.
"""

from collections.abc import Collection

from adapter.model import Event
from adapter.queue.codec import lane_of, parked_lane, restore
from adapter.queue.ledger import DELETED, term_of
from adapter.queue.postgres.message_row import from_row
from adapter.queue.postgres.put import ended_values
from adapter.queue.postgres.state import SQL
from adapter.queue.postgres.statements import Run


def delete_bodies(run: Run, seqs: Collection[int], *, due_us: int, ended_us: int) -> list[int]:
    """Take body and user away from events; one that is pending or dead is dropped with that. Those that there were.

    `due_us` is when the next of its lane is due, `ended_us` when it ended, by the queue's clock.

    What had ended before stays in the history as it ended. What another process deletes or discards meanwhile is left
    to it.
    """
    found = run(SQL["stored"], {"seqs": list(seqs)}).fetchall()
    events = {seq: (source, restore(from_row(columns))[0]) for seq, source, *columns in found}
    lanes = {lane for _, event in events.values() for lane in lanes_of(event)}
    run(SQL["lock_lanes"], {"lanes": sorted(lanes)})
    gone = []
    for seq, (source, event) in events.items():
        is_open = run(SQL["is_finished"], {"seq": seq}).fetchone() is None
        if is_open and (run(SQL["remove_dead"], {"seqs": [seq]}).rowcount or _leave_lane(run, seq, event, due_us)):
            run(SQL["add_ended"], ended_values(seq, DELETED, now_us=ended_us))
            run(SQL["hold_event"], {"seq": seq, "n": -1})
            run(SQL["count_one"], {"source": source, "term": term_of(DELETED), "n": 1})
        run(SQL["forget_event_facts"], {"seq": seq})
        if run(SQL["empty_message"], {"seq": seq}).rowcount:
            gone.append(seq)
    return gone


def _leave_lane(run: Run, seq: int, event: Event, now_us: int) -> bool:
    """Whether the event was pending."""
    # Which of the two it is depends on what the settings said when it was received.
    for lane in lanes_of(event):
        head = run(SQL["lock_lanes"], {"lanes": [lane]}).fetchone()
        if head is not None and head[1] == seq:
            run(SQL["advance"], {"lanes": [lane], "now_us": now_us})
        elif run(SQL["remove_waiting"], {"lane": lane, "seq": seq}).rowcount == 0:
            continue
        return True
    return False


def lanes_of(event: Event) -> tuple[int, ...]:
    """Where `event` may wait: the lane of its user, or one of its own for sources without order; or parked aside."""
    lanes = lane_of(event), lane_of(event, ordered=False)
    return *lanes, *map(parked_lane, lanes)

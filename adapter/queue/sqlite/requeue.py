"""Makes ended events pending again, inside a transaction of the caller: the service, or an operator beside it."""

from collections.abc import Collection

from adapter.queue.codec import lane_of, restore
from adapter.queue.sqlite.message_row import from_row
from adapter.queue.sqlite.state import SQL
from adapter.queue.sqlite.statements import Execute


def requeue_dead(run: Execute, seqs: Collection[int], *, now_us: int, unordered: Collection[str]) -> int:
    """Make the dead ones of `seqs` pending, behind live traffic; returns how many were dead."""
    # A microsecond apart, so that they become due in the order they were received.
    return sum(_requeue_one(run, seq, now_us + n, unordered) for n, seq in enumerate(sorted(seqs)))


def _requeue_one(run: Execute, seq: int, due_us: int, unordered: Collection[str]) -> bool:
    if run(SQL["remove_dead"], (seq,)).rowcount == 0:
        return False
    join_lane(run, seq, due_us=due_us, unordered=unordered)
    return True


def join_lane(run: Execute, seq: int, *, due_us: int, unordered: Collection[str]) -> None:
    """Make the stored event pending: at its place in its lane, or in a new lane behind live traffic."""
    number, *columns = run(SQL["stored"], (seq,)).fetchone()
    event, _ = restore(from_row(columns))
    lane = lane_of(event, ordered=event.source not in unordered)
    if run(SQL["open_lane_behind"], (lane, number, seq, due_us)).rowcount == 0:
        run(SQL["add_waiting"], (lane, seq))

"""Makes ended events pending again, inside a transaction of the caller: the service, or an operator beside it."""

from collections.abc import Collection, Mapping, Sequence

from adapter.queue.codec import lane_of, restore
from adapter.queue.postgres.message_row import from_row
from adapter.queue.postgres.state import SQL
from adapter.queue.postgres.statements import Run


def requeue_dead(run: Run, seqs: Collection[int], *, now_us: int, unordered: Collection[str]) -> int:
    """Make the dead ones of `seqs` pending, behind live traffic; returns how many were dead."""
    # A microsecond apart, so that they become due in the order they were received.
    dues_us = {seq: now_us + n for n, seq in enumerate(sorted(seqs))}
    dead = [seq for (seq,) in run(SQL["remove_dead"], {"seqs": list(dues_us)}).fetchall()]
    join_lanes(run, {seq: dues_us[seq] for seq in sorted(dead)}, unordered=unordered)
    return len(dead)


def join_lanes(run: Run, dues_us: Mapping[int, int], *, unordered: Collection[str]) -> None:
    """Make stored events pending: at their place in their lane, or in new lanes behind live traffic."""
    if not dues_us:
        return
    found: Sequence[tuple[int, int, object]] = run(SQL["stored"], {"seqs": list(dues_us)}).fetchall()
    lanes = []
    for _, _, *columns in found:
        event, _ = restore(from_row(columns))
        lanes.append(lane_of(event, ordered=event.source not in unordered))
    values = {
        "lanes": lanes,
        "sources": [source for _, source, *_ in found],
        "seqs": [seq for seq, *_ in found],
        "dues_us": [dues_us[seq] for seq, *_ in found],
    }
    run(SQL["join_lanes"], values)

"""What an operator changes in a queue, inside a transaction that somebody else opens and commits.

Rows and counters change together, so that the ledger balances after each of these as before it. Works beside the
service: whatever it has in its hands is looked at again here, and its late settle of an event that is gone is a no-op.
"""

from collections.abc import Collection, Mapping

from adapter.model import Event
from adapter.queue.codec import Row, digest_of_copy, encode, named_by, restore
from adapter.queue.ledger import ASKED
from adapter.queue.postgres.message_row import from_row, packed, values_of
from adapter.queue.postgres.put import ended_values
from adapter.queue.postgres.requeue import join_lanes
from adapter.queue.postgres.state import DAY_US, SQL
from adapter.queue.postgres.statements import Run, statements
from adapter.queue.records import RequeuedRejection

ADMIN = statements("admin.sql")


def requeue_unmatched(run: Run, dues_us: Mapping[int, int], *, unordered: Collection[str]) -> int:
    """Make events that no rule took pending again, but for those whose body was deleted; how many were."""
    seqs = [seq for (seq,) in run(ADMIN["reopen_unmatched"], {"seqs": list(dues_us)}).fetchall()]
    for seq, source, *columns in run(SQL["stored"], {"seqs": seqs}).fetchall():
        event, _ = restore(from_row(columns))
        # Its dedup window may be over; while it is pending a copy of it is a duplicate all the same.
        run(SQL["keep_digest"], {"digest": encode(event).digest, "seq": seq})
        run(SQL["count_one"], {"source": source, "term": "unmatched", "n": -1})
        run(SQL["hold_event"], {"seq": seq, "n": 1})
    join_lanes(run, {seq: dues_us[seq] for seq in sorted(seqs)}, unordered=unordered)
    return len(seqs)


def requeue_rejection(
    run: Run, number: int, event: Event, *, now_us: int, unordered: Collection[str]
) -> RequeuedRejection:
    """Put `event`, which was rejection `number`, behind live traffic, unless a copy of it was received meanwhile."""
    copied = run(ADMIN["copy_facts"], {"id": number}).fetchone() is not None
    removed = run(SQL["remove_rejection"], {"ids": [number]}).fetchone()
    if removed is None:
        return "gone"
    source = removed[1]
    run(SQL["count_one"], {"source": source, "term": "rejected", "n": -1})
    row = encode(event)
    if not copied and run(ADMIN["is_seen"], {"digest": row.digest}).fetchone() is not None:
        run(SQL["count_one"], {"source": source, "term": "duplicate", "n": 1})
        return "duplicate"
    seq = int((run(SQL["next_seq"], {}).fetchone() or (0,))[0])
    digest = digest_of_copy(row) if copied else row.digest
    if not run(SQL["note_digest"], {"digest": digest, "seq": seq, "day": now_us // DAY_US}).rowcount:
        # A put stored the event since it was looked for.
        run(SQL["count_one"], {"source": source, "term": "duplicate", "n": 1})
        return "duplicate"
    run(SQL["add_message"], {"seq": seq, "source": source, **values_of(row)})
    if named_by(row) is None:
        run(SQL["keep_digest"], {"digest": digest, "seq": seq})
        join_lanes(run, {seq: now_us}, unordered=unordered)
        run(SQL["hold_event"], {"seq": seq, "n": 1})
        return "pending"
    _ask(run, seq, source, row, now_us)
    return "deletion"


def _ask(run: Run, seq: int, source: int, row: Row, now_us: int) -> None:
    """A deletion request is not delivered: it ends here as `put` ends one, and the service carries it out."""
    asked = {"user": packed(named_by(row)), "message_id": packed(row.message_id), "received_us": row.received_us}
    run(SQL["add_deletion"], {"seq": seq, "source": source, **asked})
    run(SQL["add_ended"], ended_values(seq, ASKED, now_us=now_us))
    run(SQL["count_one"], {"source": source, "term": "dropped", "n": 1})

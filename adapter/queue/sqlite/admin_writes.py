"""Changes that an operator makes in a queue file, inside a transaction that the caller opens and commits.

Rows and counters change together, so that the ledger balances after each of these. Works beside the service: the
service's late settle of an event that has ended here changes nothing.
"""

from collections.abc import Collection

from adapter.model import Event
from adapter.queue.codec import digest_of_copy, encode, named_by, plain_digest, restore
from adapter.queue.ledger import ASKED
from adapter.queue.records import RequeuedRejection
from adapter.queue.sqlite.message_row import from_row, to_row
from adapter.queue.sqlite.requeue import join_lane
from adapter.queue.sqlite.seen_beside import SeenBeside
from adapter.queue.sqlite.state import SQL, for_one
from adapter.queue.sqlite.statements import Execute, statements

ADMIN = statements("admin.sql")


def discard(run: Execute, seq: int) -> bool:
    """Delete a dead letter. False if the event is not dead."""
    source = run(ADMIN["source_of"], (seq,)).fetchone()
    if source is None or run(SQL["remove_dead"], (seq,)).rowcount == 0:
        return False
    run(SQL["hold_event"], (seq, -1))
    for name in ("remove_message", "forget_sent", "forget_kept_digest", "forget_warning", "forget_failures"):
        run(SQL[name], (seq,))
    run(SQL["count"], (source[0], "discarded", 1))
    return True


def requeue_unmatched(run: Execute, seen: SeenBeside, seq: int, *, due_us: int, unordered: Collection[str]) -> bool:
    """Make an unmatched event pending again. False if it is not unmatched, or its body was deleted."""
    if run(ADMIN["reopen_unmatched"], (seq,)).rowcount == 0:
        return False
    source, *columns = run(SQL["stored"], (seq,)).fetchone()
    event, _ = restore(from_row(columns))
    # Its dedup window may be over; while it is pending, a copy of it is a duplicate all the same.
    seen.keep(encode(event).digest, seq)
    run(SQL["count"], (source, "unmatched", -1))
    run(SQL["hold_event"], (seq, 1))
    join_lane(run, seq, due_us=due_us, unordered=unordered)
    return True


def requeue_rejection(
    run: Execute,
    seen: SeenBeside,
    number: int,
    event: Event,
    *,
    due_us: int,
    seen_us: int,
    unordered: Collection[str],
) -> RequeuedRejection:
    """Put `event`, which was rejection `number`, behind live traffic, unless a copy of it was received meanwhile.

    Its id is remembered from `seen_us` on: the trusted time of now, which is also when a deletion request ends.
    """
    copied = run(ADMIN["copy_facts"], (number,)).fetchone() is not None
    removed = run(SQL["remove_rejection"], (number,)).fetchone()
    if removed is None:
        return "gone"
    source = removed[0]
    run(SQL["count"], (source, "rejected", -1))
    row = encode(event)
    # Also by the digest that files before version 4 have.
    if not copied and seen.is_seen([row.digest, plain_digest(source=row.source, message_id=row.message_id)]):
        run(SQL["count"], (source, "duplicate", 1))
        return "duplicate"
    seq = run(for_one("add_messages"), to_row(row, seq=None, source=source)).lastrowid or 0
    digest = digest_of_copy(row) if copied else row.digest
    seen.add(digest, seq, at_us=seen_us)
    user = named_by(row)
    if user is None:
        seen.keep(digest, seq)
        join_lane(run, seq, due_us=due_us, unordered=unordered)
        run(SQL["hold_event"], (seq, 1))
        return "pending"
    # A deletion request is not delivered: it ends here as `put` ends one, and the service carries it out.
    run(SQL["add_deletion"], (seq, source, user, row.message_id, row.received_us))
    run(SQL["add_ended"], (seq, "dropped", ASKED.reason.value, ASKED.rule, ASKED.text, seen_us))
    run(SQL["count"], (source, "dropped", 1))
    return "deletion"

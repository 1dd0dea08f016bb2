"""What an operator changes in a queue file, inside a transaction that somebody else opens and commits.

Rows and counters change together, so that the ledger balances after each of these as before it. Works beside the
service: whatever it has in its hands is looked at again here, and its late settle of an event that is gone is a no-op.
"""

from collections.abc import Collection

from adapter.model import Event
from adapter.queue.codec import ID_BYTES, Row, digest_of_copy, encode, named_by, plain_digest, restore
from adapter.queue.ledger import ASKED
from adapter.queue.records import RequeuedRejection
from adapter.queue.sqlite.message_row import from_row, to_row
from adapter.queue.sqlite.requeue import join_lane
from adapter.queue.sqlite.state import SQL
from adapter.queue.sqlite.statements import Execute, for_rows, statements

ADMIN = statements("admin.sql")
_REST = 16 - ID_BYTES


def seen_tables(run: Execute) -> list[str]:
    """The tables of ids seen, newest day first, by what `seen_in` and `add_digests` call them."""
    return [*(str(day) for (day,) in reversed(run(SQL["dedup_days"]).fetchall())), "kept"]


def seqs_of_id(run: Execute, *, source: str, message_id: str) -> set[int]:
    """The seqs of events with that id, whatever they are called, as far as their ids are remembered."""
    first = plain_digest(source=source, message_id=message_id)[:ID_BYTES]
    bounds = first + bytes(_REST), first + b"\xff" * _REST
    tables = seen_tables(run)
    rows = (row for table in tables for row in run(SQL["seen_with_id"].replace("{table}", table), bounds))
    # A seq below 0 is the number of a rejection.
    return {seq for (seq,) in rows if seq > 0}


def _is_seen(run: Execute, row: Row) -> bool:
    """Whether a copy of `row` was received before, also by the digest of before version 4."""
    digests = row.digest, plain_digest(source=row.source, message_id=row.message_id)
    lookups = (for_rows(SQL["seen_in"], 2).replace("{table}", table) for table in seen_tables(run))
    return any(run(sql, digests).fetchone() is not None for sql in lookups)


def discard(run: Execute, seq: int) -> bool:
    """Forget a dead letter. False if it is none."""
    source = run(ADMIN["source_of"], (seq,)).fetchone()
    if source is None or run(SQL["remove_dead"], (seq,)).rowcount == 0:
        return False
    run(SQL["hold_event"], (seq, -1))
    for name in ("remove_message", "forget_sent", "forget_kept_digest", "forget_warning"):
        run(SQL[name], (seq,))
    run(SQL["count"], (source[0], "discarded", 1))
    return True


def requeue_unmatched(run: Execute, seq: int, *, due_us: int, unordered: Collection[str]) -> bool:
    """Make an event that no rule took pending again. False if it is none, or its body was deleted."""
    if run(ADMIN["reopen_unmatched"], (seq,)).rowcount == 0:
        return False
    source, *columns = run(SQL["stored"], (seq,)).fetchone()
    event, _ = restore(from_row(columns))
    if seq not in seqs_of_id(run, source=event.source, message_id=event.message_id):
        # Its day of the dedup window is gone; while it is pending a copy of it is a duplicate all the same.
        run(ADMIN["keep_digest"], (encode(event).digest, seq))
    run(SQL["count"], (source, "unmatched", -1))
    run(SQL["hold_event"], (seq, 1))
    join_lane(run, seq, due_us=due_us, unordered=unordered)
    return True


def requeue_rejection(
    run: Execute, number: int, event: Event, *, due_us: int, unordered: Collection[str]
) -> RequeuedRejection:
    """Put `event`, which was rejection `number`, behind live traffic, unless a copy of it was received meanwhile."""
    copied = run(ADMIN["copy_facts"], (number,)).fetchone() is not None
    removed = run(SQL["remove_rejection"], (number,)).fetchone()
    if removed is None:
        return "gone"
    source = removed[0]
    run(SQL["count"], (source, "rejected", -1))
    row = encode(event)
    if not copied and _is_seen(run, row):
        run(SQL["count"], (source, "duplicate", 1))
        return "duplicate"
    seq = run(_for_one("add_messages"), to_row(row, seq=None, source=source)).lastrowid or 0
    # Ingest made a table for the day before it stored the rejection, so there is one.
    digest = digest_of_copy(row) if copied else row.digest
    moves = (run(SQL["move_digest"].replace("{table}", table), (seq, digest)) for table in seen_tables(run))
    if not any(move.rowcount for move in moves):
        run(_for_one("add_digests").replace("{day}", seen_tables(run)[0]), (digest, seq))
    user = named_by(row)
    if user is None:
        join_lane(run, seq, due_us=due_us, unordered=unordered)
        run(SQL["hold_event"], (seq, 1))
        return "pending"
    # A deletion request is not delivered: it ends here as `put` ends one, and the service carries it out.
    run(SQL["add_deletion"], (seq, source, user, row.message_id, row.received_us))
    run(SQL["add_ended"], (seq, "dropped", ASKED.reason.value, ASKED.rule, ASKED.text, due_us))
    run(SQL["count"], (source, "dropped", 1))
    return "deletion"


def _for_one(name: str) -> str:
    """The service's statement for many rows, for one."""
    return for_rows(SQL[name], 1)

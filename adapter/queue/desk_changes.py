"""What an operator changes in a queue file, inside a transaction that somebody else opens and commits.

Rows and counters change together, so that the ledger balances after each of these as before it. Works beside the
service: whatever it has in its hands is looked at again here, and its late settle of an event that is gone is a no-op.
"""

from collections.abc import Collection
from typing import Literal, TypeAlias

from adapter.model import Event
from adapter.queue.codec import digest_of, encode, named_by, restore
from adapter.queue.ledger import ASKED
from adapter.queue.sqlite_dead import Run, join_lane
from adapter.queue.sqlite_known import SQL
from adapter.queue.sqlite_rows import stored_row
from adapter.queue.statements import for_rows, statements

DESK = statements("desk.sql")

Readmitted: TypeAlias = Literal["pending", "deletion", "duplicate", "gone"]
"""What became of a rejection that can be read now."""


def seen_tables(run: Run) -> list[str]:
    """The tables of ids seen, newest day first, by what `seen_in` and `add_digests` call them."""
    return [*(str(day) for (day,) in reversed(run(SQL["dedup_days"]).fetchall())), "kept"]


def receipt_seen(run: Run, digest: bytes) -> int | None:
    """The receipt under which `digest` is a duplicate now."""
    for table in seen_tables(run):
        found = run(_for_one("seen_in").replace("{table}", table), (digest,)).fetchone()
        if found is not None:
            return int(found[1])
    return None


def discard(run: Run, receipt: int) -> bool:
    """Forget a dead letter. False if it is none."""
    source = run(DESK["source_of"], (receipt,)).fetchone()
    if source is None or run(SQL["remove_dead"], (receipt,)).rowcount == 0:
        return False
    run(SQL["hold_event"], (receipt, -1))
    for name in ("remove_message", "forget_sent", "forget_kept_digest", "forget_warning"):
        run(SQL[name], (receipt,))
    run(SQL["count"], (source[0], "discarded", 1))
    return True


def reopen_unmatched(run: Run, receipt: int, *, due_us: int, unordered: Collection[str]) -> bool:
    """Make an event that no rule took pending again. False if it is none, or its body was deleted."""
    if run(DESK["reopen_unmatched"], (receipt,)).rowcount == 0:
        return False
    source, *columns = run(SQL["stored"], (receipt,)).fetchone()
    event, _ = restore(stored_row(columns))
    digest = digest_of(source=event.source, message_id=event.message_id)
    if receipt_seen(run, digest) is None:
        # Its day of the dedup window is gone; while it is pending a copy of it is a duplicate all the same.
        run(DESK["keep_digest"], (digest, receipt))
    run(SQL["count"], (source, "unmatched", -1))
    run(SQL["hold_event"], (receipt, 1))
    join_lane(run, receipt, due_us=due_us, unordered=unordered)
    return True


def readmit(run: Run, number: int, event: Event, *, due_us: int, unordered: Collection[str]) -> Readmitted:
    """Put `event`, which was rejection `number`, behind live traffic, unless a copy of it was received meanwhile."""
    removed = run(SQL["remove_rejection"], (number,)).fetchone()
    if removed is None:
        return "gone"
    source = removed[0]
    run(SQL["count"], (source, "rejected", -1))
    row = encode(event)
    if receipt_seen(run, row.digest) is not None:
        run(SQL["count"], (source, "duplicate", 1))
        return "duplicate"
    stored = (row.message_id, row.type, row.user_id, row.anonymous_id, row.timestamp_us, row.received_us, row.body)
    receipt = run(_for_one("add_messages"), (None, source, *stored, row.traceparent)).lastrowid or 0
    # Ingest made a table for the day before it stored the rejection, so there is one.
    run(_for_one("add_digests").replace("{day}", seen_tables(run)[0]), (row.digest, receipt))
    user = named_by(row)
    if user is None:
        join_lane(run, receipt, due_us=due_us, unordered=unordered)
        run(SQL["hold_event"], (receipt, 1))
        return "pending"
    # A deletion request is not delivered: it ends here as `put` ends one, and the service carries it out.
    run(SQL["add_deletion"], (receipt, source, user, row.message_id, row.received_us))
    run(SQL["add_ended"], (receipt, "dropped", ASKED.reason.value, ASKED.rule, ASKED.text, due_us))
    run(SQL["count"], (source, "dropped", 1))
    return "deletion"


def _for_one(name: str) -> str:
    """The service's statement for many rows, for one."""
    return for_rows(SQL[name], 1)

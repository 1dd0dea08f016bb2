"""Queue files that earlier versions made are taken over with all that is in them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapter.model import Delivered
from adapter.queue.codec import encode
from adapter.queue.sqlite import SqliteQueue
from adapter.queue.sqlite_file import SCHEMA_VERSION
from adapter.queue.statements import script
from tests.fakes import TRACEPARENT, FakeClock, make_event
from tests.integration.queues import take


def tables_of(version: int) -> str:
    """The tables as that version made them."""
    first = script("sqlite_schema.sql")
    if version == 1:
        return first.replace("BLOB NOT NULL,\n    traceparent  TEXT", "BLOB NOT NULL")
    return first + (script("sqlite_deletion.sql") if version > 2 else "")


def make_older_file(path: Path, version: int, now: Callable[[], float]) -> None:
    """A file of `version` with three events: one delivered, one dead, one pending that has failed twice."""
    now_us = round(now() * 1e6)
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(tables_of(version))
        file.execute("CREATE TABLE dedup_20000 (digest BLOB PRIMARY KEY, receipt INTEGER NOT NULL) WITHOUT ROWID")
        file.execute("INSERT INTO source VALUES (1, 'shop')")
        for receipt, name in enumerate(("delivered", "dead", "pending"), 1):
            row = encode(make_event(name, user="ada"))
            values = (receipt, row.message_id, row.type, row.user_id, row.timestamp_us, row.received_us, row.body)
            file.execute(
                "INSERT INTO message (receipt, source, message_id, type, user_id, timestamp_us, received_us, body) "
                "VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
                values,
            )
            file.execute("INSERT INTO dedup_20000 VALUES (?, ?)", (row.digest, receipt))
        file.execute("INSERT INTO finished VALUES (1, 'delivered', '', '', '', 0, '', ?)", (now_us,))
        file.execute("INSERT INTO dead VALUES (2, 'refused', 'no', 0, '', ?)", (now_us,))
        lane = encode(make_event("pending", user="ada")).lane
        file.execute("INSERT INTO lane VALUES (?, 1, 3, 0, ?, 2, 0)", (lane, now_us))
        file.executemany("INSERT INTO ledger VALUES (1, ?, ?)", [("received", 3), ("delivered", 1)])
        file.execute("PRAGMA application_id = 1114795895")
        file.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
async def test_an_older_file_is_taken_over(path: Path, clock: FakeClock, version: int) -> None:
    """What waited is delivered, with its tries; what was there is a duplicate; all that came later works in it."""
    make_older_file(path, version, clock)
    queue = await SqliteQueue.open(path, now=clock, shared=True)
    assert (await queue.put([make_event("pending", user="ada")])).duplicates == 1
    [lease] = await take(queue)
    assert (lease.event, lease.attempt) == (make_event("pending", user="ada"), 2)
    await queue.settle(lease, Delivered())
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.dead, balance.pending, balance.unaccounted) == (2, 1, 0, 0)
    held = queue._rows.held["shop"]
    assert (held.events, held.size_bytes) == (1, len(encode(make_event("dead", user="ada")).body) + 300)

    await queue.put([make_event("traced", user="bob", traceparent=TRACEPARENT)])
    [lease] = await take(queue)
    assert lease.event.traceparent == TRACEPARENT
    await queue.put([make_event("delete-1", user="ada", type="delete")])
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [3]
    await queue.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)

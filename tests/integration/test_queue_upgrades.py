"""A queue file of every earlier version, made by the SQL of then, works on with what it held."""

import contextlib
import hashlib
import itertools
import json
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from adapter.model import Delivered, EventWarning, Reason, Retry, WarningKind
from adapter.queue.contract import Stored
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.connection import opened
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.schema import migrate, newest_version
from tests.fakes import RECEIVED_AT, TRACEPARENT, FakeClock, make_event
from tests.integration.queues import take

OLD = Path(__file__).parent / "old_queues"
NOW_US = round(RECEIVED_AT.timestamp() * 1e6)
DAY = NOW_US // 86_400_000_000
MADE_BY = 3
"""Rows are those of a service of this version at the latest; a file of a later one was upgraded from it."""


def make_old(path: Path, version: int) -> None:
    """The file of a service of `version`: m-1 tried and m-2 behind it, m-3 dead, m-4 delivered, and a rejection."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        for number in range(1, min(version, MADE_BY) + 1):
            file.executescript((OLD / f"{number}.sql").read_text(encoding="utf-8"))
        file.execute(f"CREATE TABLE dedup_{DAY} (digest BLOB PRIMARY KEY, receipt INTEGER NOT NULL) WITHOUT ROWID")
        file.execute("INSERT INTO source VALUES (1, 'shop')")
        users = {"m-1": "ann", "m-2": "ann", "m-3": "bob", "m-4": "cat"}
        for receipt, (message_id, user) in enumerate(users.items(), start=1):
            body = json.dumps(make_event(message_id, user=user).body).encode()
            file.execute(
                "INSERT INTO message (receipt, source, message_id, type, user_id, timestamp_us, received_us, body)"
                " VALUES (?, 1, ?, 'track', ?, ?, ?, ?)",
                (receipt, message_id, user, NOW_US, NOW_US, body),
            )
            digest = hashlib.blake2b(f"shop\0{message_id}".encode(), digest_size=16).digest()
            table = "kept" if message_id == "m-3" else str(DAY)
            file.execute(f"INSERT INTO dedup_{table} VALUES (?, ?)", (digest, receipt))  # noqa: S608
        lane = int.from_bytes(hashlib.blake2b(b"shop\0u\0ann", digest_size=8).digest(), "big", signed=True)
        file.execute(
            "INSERT INTO lane (lane, source, head, turn, due_us, attempt, retried_us)"
            " VALUES (?, 1, 1, 0, ?, 2, 3000000)",
            (lane, NOW_US),
        )
        file.execute("INSERT INTO waiting VALUES (?, 2)", (lane,))
        file.execute("INSERT INTO sent VALUES (1, 'track/A/0')")
        file.execute("INSERT INTO dead VALUES (3, 'refused', 'no', 0, 'aaa', ?)", (NOW_US,))
        file.execute("INSERT INTO finished VALUES (4, 'delivered', '', '', '', 0, 'aaa', ?)", (NOW_US,))
        file.execute("INSERT INTO rejection VALUES (1, 1, 'schema', 'bad-1', '[]', '{}', ?)", (NOW_US,))
        file.executemany("INSERT INTO ledger VALUES (1, ?, ?)", [("received", 5), ("delivered", 1), ("rejected", 1)])
        file.commit()
        for number in range(MADE_BY + 1, version + 1):
            file.executescript((OLD / f"{number}.sql").read_text(encoding="utf-8").replace("{day}", str(DAY)))
        file.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("version", range(1, newest_version()))
async def test_an_earlier_file_works_on(path: Path, clock: FakeClock, version: int) -> None:
    """Events, order, tries, sent calls, dead letters, history and the ledger are as they were; new facts are kept."""
    make_old(path, version)
    queue = await SqliteQueue.open(path, now=clock)
    assert (await queue.balance()).unaccounted == 0
    assert queue._rows.held["shop"].events == 3
    # Ids that were seen before are, also after the day of their table; what is new is reported apart by its name.
    seen = [make_event("m-1", user="ann"), make_event("m-3", user="bob"), make_event("m-4", user="cat")]
    assert await queue.put(seen) == Stored(0, 3, 0, 0)
    assert (await queue.put([make_event("m-4", user="cat", event="Another")])).differing == 1
    with SqliteQueueAdmin.open(path) as admin:
        assert [record.seq for record in admin.of_message("m-4")] == [4]
    [lease] = await take(queue)
    assert (lease.event.message_id, lease.attempt, lease.retried_s, lease.delivered_keys) == (
        "m-1",
        2,
        3.0,
        frozenset({"track/A/0"}),
    )
    warning = EventWarning(WarningKind.STEP, "properties.total", "no number", "a rule")
    await queue.settle(lease, Retry(Reason.TIMEOUT, 0, counted=True, detail="late"), warnings=[warning])
    with SqliteQueueAdmin.open(path) as admin:
        record, behind, dead, delivered = (admin.event(seq) for seq in (1, 2, 3, 4))
        assert record is not None and behind is not None and dead is not None and delivered is not None  # noqa: PT018
        assert record.warnings == (warning,)
        standing = admin.position(record)
        assert standing is not None
        assert (standing.attempt, standing.failure) == (3, "timeout: late")
        assert (behind.outcome, dead.outcome, delivered.outcome) == ("pending", "dead", "delivered")
        assert admin.requeue([3]) == 1
    leases = await take(queue)
    assert [one.event.message_id for one in leases] == ["m-1", "m-3"]
    for one in leases:
        assert await queue.settle(one, Delivered())
    assert [one.event.message_id for one in await take(queue)] == ["m-2"]
    assert (await queue.balance()).unaccounted == 0
    await queue.close()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (newest_version(),)


async def test_a_file_of_version_1_learns_traces_and_deletion_requests(path: Path, clock: FakeClock) -> None:
    """It knew neither."""
    make_old(path, 1)
    queue = await SqliteQueue.open(path, now=clock)
    await queue.put([make_event("m-5", user="dan", traceparent=TRACEPARENT)])
    found = {lease.event.message_id: lease.event.traceparent for lease in await take(queue)}
    assert found == {"m-1": None, "m-5": TRACEPARENT}
    await queue.put([make_event("delete-1", user="ann", type="delete")])
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [2]
    await queue.close()


@pytest.mark.parametrize("version", range(1, newest_version()))
async def test_an_upgraded_file_has_the_tables_of_a_new_one(path: Path, clock: FakeClock, version: int) -> None:
    """Column by column and index by index."""
    make_old(path, version)
    fresh = path.with_name("fresh.db")
    for file in (path, fresh):
        await (await SqliteQueue.open(file, now=clock)).close()
    assert _shape(path) == _shape(fresh)


def _shape(path: Path) -> dict[str, object]:
    with contextlib.closing(sqlite3.connect(path)) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE name NOT GLOB 'dedup_[0-9]*'")]
        return {
            name: file.execute("SELECT name, type, dflt_value FROM pragma_table_xinfo(?)", (name,)).fetchall()
            for name in names
        }


def test_migrations_are_numbered_without_gaps() -> None:
    """The number of a migration is the version that it makes, so a file tells which ones it lacks."""
    names = sorted(file.name for file in (files("adapter.queue.sqlite") / "migrations").iterdir())
    assert [int(name.split("_")[0]) for name in names] == list(range(1, newest_version() + 1))
    assert len(list(OLD.iterdir())) == newest_version() - 1, "each earlier version has the SQL of its time"


async def test_an_upgrade_that_is_cut_short_is_done_by_the_next_start(path: Path, clock: FakeClock) -> None:
    """Wherever it ended: until all of it is done, the file is of the version before."""
    make_old(path, newest_version() - 1)
    place, done = FilePlace(path), False
    for steps in itertools.count(1, 25):
        with contextlib.closing(opened(place)) as connection:
            # Interrupts what takes more steps.
            connection.set_progress_handler(lambda: 1, steps)
            with contextlib.suppress(sqlite3.OperationalError):
                migrate(connection, place)
                done = True
        with contextlib.closing(sqlite3.connect(path)) as file:
            version = file.execute("PRAGMA user_version").fetchone()[0]
            assert version == newest_version() - (not done)
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if done:
            break
    queue = await SqliteQueue.open(path, now=clock)
    seen = [make_event("m-1", user="ann"), make_event("m-3", user="bob"), make_event("m-4", user="cat")]
    assert await queue.put(seen) == Stored(0, 3, 0, 0)
    await queue.close()

"""What only a real file can show: restarts, owners, damage, a full disk, and the group commit."""

import asyncio
import contextlib
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapter.errors import ConfigError, QueueError, QueueFull
from adapter.model import Dead, Delivered, Dropped, Outcome, Reason, Retry, Unmatched
from adapter.queue.contract import Disk
from adapter.queue.group_commit import GroupCommit
from adapter.queue.records import QueueOptions, Retention
from adapter.queue.shares import Usage
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.connection import Transactions, connect
from adapter.queue.sqlite.disk_space import BALLAST_BYTES, Space
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.schema import newest_version
from adapter.queue.sqlite.state import SQL
from tests.fakes import FakeClock, make_event, make_rejection, until
from tests.integration.queues import take


async def test_a_restart_voids_leases_and_keeps_everything_else(path: Path, clock: FakeClock) -> None:
    """After a restart a leased event is there again with its attempts and sent calls, and the ledger goes on."""
    first = await SqliteQueue.open(path, now=clock)
    await first.put([make_event("m-1"), make_event("m-2"), make_event("m-3", user="u-2")], [make_rejection()])
    leases = await take(first)
    first.mark_delivered(leases[0], "track/A/0")
    await first.settle(leases[0], Retry(Reason.TIMEOUT, delay_s=2, counted=True))
    await first.settle(leases[1], Delivered())
    clock.advance(2)
    await take(first)
    await first.keep_mapping(name="shop.yaml", version="aaa", text="version: 1")
    await first.close()

    second = await SqliteQueue.open(path, now=clock)
    [lease] = await take(second)
    assert (lease.event, lease.attempt, lease.retried_s, lease.delivered_keys) == (
        make_event("m-1"),
        1,
        2.0,
        frozenset({"track/A/0"}),
    )
    assert (await second.put([make_event("m-3", user="u-2")])).duplicates == 1
    assert await second.last_mapping("shop.yaml") == "version: 1"
    balance = await second.balance()
    assert (balance.pending, balance.counts["received"], balance.unaccounted) == (2, 5, 0)
    await second.close()


async def test_a_damaged_text_stops_nobody(path: Path, clock: FakeClock) -> None:
    """A byte that is no UTF-8 any more reads as U+FFFD: neither that event nor the ones beside it are held up."""
    queue = await SqliteQueue.open(path, now=clock)
    await queue.put([make_event("m-1", user="ada"), make_event("m-2", user="bob")])
    disk = sqlite3.connect(path, isolation_level=None)
    disk.execute("UPDATE message SET user_id = CAST(x'616480' AS TEXT) WHERE message_id = 'm-1'")
    disk.close()
    leases = await take(queue)
    assert {lease.event.user_id for lease in leases} == {"ad\ufffd", "bob"}
    assert all([await queue.settle(lease, Delivered()) for lease in leases])
    assert (await queue.balance()).pending == 0
    await queue.close()


async def test_a_clock_set_back_does_not_strand_retries(path: Path, clock: FakeClock) -> None:
    """Due times from before the machine's clock was set back three days are due at the next start."""
    first = await SqliteQueue.open(path, now=clock)
    await first.put([make_event("m-1")])
    [lease] = await take(first)
    await first.settle(lease, Retry(Reason.TIMEOUT, delay_s=300, counted=True))
    await first.close()
    clock.advance(-3 * 86400)
    second = await SqliteQueue.open(path, now=clock)
    assert len(await take(second)) == 1
    await second.close()


async def test_a_queue_has_one_owner(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """A second process is refused with the file's name, and the first one goes on."""
    with pytest.raises(ConfigError, match=r"queue\.db: another browsee-adapter is serving this queue"):
        await SqliteQueue.open(path, now=clock)
    assert (await queue.put([make_event("m-1")])).stored == 1


async def test_a_damaged_file_is_named(path: Path, clock: FakeClock) -> None:
    """Never start quietly with less: a file that is no database is refused, and left as it is."""
    path.write_bytes(b"this is not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(QueueError, match=r"queue\.db: cannot be used as a queue"):
        await SqliteQueue.open(path, now=clock)
    assert path.read_bytes() == before


async def test_a_foreign_database_is_refused(path: Path, clock: FakeClock) -> None:
    """Somebody else's SQLite file does not get our tables."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(QueueError, match="not a queue of browsee-adapter"):
        await SqliteQueue.open(path, now=clock)


async def test_a_newer_file_is_refused(path: Path, clock: FakeClock) -> None:
    """An older program does not touch a newer program's rows."""
    await (await SqliteQueue.open(path, now=clock)).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {newest_version() + 1}")
    newer.close()
    with pytest.raises(QueueError, match="made by a newer version"):
        await SqliteQueue.open(path, now=clock)


async def test_a_start_that_fails_leaves_nothing_open(path: Path, clock: FakeClock) -> None:
    """Whichever step fails: no connection, no lock and no ballast stay behind, and the next start may try again."""
    await (await SqliteQueue.open(path, now=clock)).close()
    for statement in ("ALTER TABLE ledger RENAME TO spare", "ALTER TABLE lane RENAME TO spare_lane"):
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute(statement)
        before = len(list(Path("/proc/self/fd").iterdir()))
        with contextlib.suppress(QueueError):
            await (await SqliteQueue.open(path, now=clock)).close()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(QueueError, match="cannot be used as a queue"):
        await SqliteQueue.open(path, now=clock)
    assert not path.with_name(path.name + ".ballast").exists()
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE spare_lane RENAME TO lane")
    await (await SqliteQueue.open(path, now=clock)).close()


@pytest.mark.parametrize("version", [0, *range(1, newest_version()), newest_version() + 1])
async def test_only_the_owner_upgrades_a_file(path: Path, clock: FakeClock, version: int) -> None:
    """A look at a file of another version is refused with what to do, and the file stays as the service left it."""
    if version == 0:
        path.write_bytes(b"")
    else:
        await (await SqliteQueue.open(path, now=clock)).close()
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    said = "the service creates the tables" if version == 0 else "Use the commands of the version|Use that version"
    with pytest.raises(QueueError, match=said), SqliteQueueAdmin.open(path):
        pass
    assert path.read_bytes() == before


def test_a_large_statement_writes_to_no_other_file(path: Path) -> None:
    """All that is written lies beside the queue: a container needs no folder for temporary files, nor time for them."""
    connection = connect(FilePlace(path))
    rows = [(f"v-{number:04}", "x" * 500) for number in range(1000)]
    connection.execute("CREATE TABLE written (version TEXT PRIMARY KEY, text TEXT NOT NULL)")
    connection.executemany("INSERT INTO written VALUES (?, ?)", rows)
    connection.execute("BEGIN")
    connection.execute("UPDATE written SET version = version || 'a', text = text || 'y'")
    opened = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            opened.add(str(descriptor.readlink()))
    connection.execute("COMMIT")
    connection.close()
    assert str(path) in opened
    assert [file for file in opened if "etilqs" in file] == []


async def test_a_full_disk_refuses_and_recovers(queue: SqliteQueue) -> None:
    """When SQLite cannot grow the file, put and probe say so and nothing is counted; with room again both work."""
    await queue.put([make_event("m-1")])
    pages = queue._connection.execute("PRAGMA page_count").fetchone()[0]
    queue._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(QueueError, match="full"):
        await queue.put([make_event(f"big-{n}", properties={"text": "x" * 50_000}) for n in range(10)])
    balance = await queue.balance()
    assert (balance.counts["received"], balance.pending, balance.unaccounted) == (1, 1, 0)
    queue._connection.execute("PRAGMA max_page_count = 1000000")
    await queue.probe()
    assert (await queue.put([make_event("m-2")])).stored == 1


async def test_a_full_disk_lets_delivery_go_on(path: Path, clock: FakeClock) -> None:
    """When the disk is full nothing new is taken, while the ballast's place lets what is stored be settled; once there
    is room again, events are taken again.
    """
    queue = await SqliteQueue.open(path, now=clock)
    ballast = path.with_name("queue.db.ballast")
    assert ballast.stat().st_size == BALLAST_BYTES
    await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(3)])
    leases = await take(queue)
    queue._room.give_way()
    ballast.mkdir()  # its place is taken: the disk has no room for it
    for refused in (queue.put([make_event("m-9")]), queue.probe()):
        with pytest.raises(QueueFull, match="the disk is full"):
            await refused
    assert all([await queue.settle(lease, Delivered()) for lease in leases])
    ballast.rmdir()
    await queue.probe()
    assert (await queue.put([make_event("m-9")])).stored == 1
    await queue.close()
    assert not ballast.exists()


async def fill(queue: SqliteQueue, name: str, count: int) -> None:
    """Put `count` events of one user, 5 KB each."""
    await queue.put([make_event(f"{name}-{n}", user=name, properties={"text": "x" * 5_000}) for n in range(count)])


def disk_of(queue: SqliteQueue) -> Disk:
    disk = queue.disk()
    assert disk is not None
    return disk


async def test_history_makes_room_before_events_are_refused(path: Path, clock: FakeClock) -> None:
    """Near `max_disk` finished events go, the oldest first, and it shows how far back they reach; then rejections; only
    what is pending or dead makes the queue full.
    """
    queue = await SqliteQueue.open(path, QueueOptions(max_bytes=1_000_000), now=clock)
    # Room is made here at two known moments, not beside the settles, where there may be no history yet.
    queue._keeping.cancel()
    assert disk_of(queue).history_s is None
    await queue.put([], [replace(make_rejection(), body=b"x" * 1_000) for _ in range(10)])
    await fill(queue, "done", 250)
    while leases := await take(queue):
        await queue.settle(leases[0], Delivered())
        clock.advance(1)
    await queue._upkeep.make_room()
    await queue.probe()
    kept, oldest = queue._connection.execute("SELECT count(*), min(seq) FROM finished").fetchone()
    assert 0 < kept < 250
    assert oldest == 251 - kept
    assert disk_of(queue).history_s == kept
    assert queue._connection.execute("SELECT count(*) FROM rejection").fetchone()[0] == 10
    await fill(queue, "waits", 250)
    await queue._upkeep.make_room()
    with pytest.raises(QueueFull, match=r"retention\.max_disk"):
        await queue.put([make_event("late")])
    for table in ("finished", "rejection"):
        assert queue._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0  # noqa: S608
    while leases := await take(queue):
        await queue.settle(leases[0], Delivered())
    await queue._upkeep.make_room()
    assert (await queue.put([make_event("late")])).stored == 1
    assert (await queue.balance()).unaccounted == 0
    await queue.close()


async def test_rejections_have_a_hundredth_of_the_disk(path: Path, clock: FakeClock) -> None:
    """Beyond that the oldest go, for a sender that sends nothing good must not drive out what is; all stay counted."""
    queue = await SqliteQueue.open(path, QueueOptions(max_bytes=1_000_000), now=clock)
    await queue.put([], [replace(make_rejection(), body=b"x" * 1_000) for _ in range(25)])
    await queue._upkeep.bound_rejections()
    kept = queue._connection.execute("SELECT count(*), min(id) FROM rejection").fetchone()
    assert kept == (10, 16)
    await queue._upkeep.bound_rejections()
    assert queue._connection.execute("SELECT count(*) FROM rejection").fetchone() == (10,)
    balance = await queue.balance()
    assert (balance.counts["rejected"], balance.unaccounted) == (25, 0)
    await queue.close()


async def test_what_is_finished_fills_no_disk(path: Path, clock: FakeClock) -> None:
    """A queue that grows by its history alone is in no danger; one that grows by what waits is."""

    def space(folder: Path) -> Space:
        # A disk of its own, so that writes of other processes do not count.
        used = sum(file.stat().st_blocks * 512 for file in folder.iterdir() if file.name != "queue.db.ballast")
        return Space(10**12 - used, 10**12)

    options = QueueOptions(max_bytes=10_000_000)
    queue = await SqliteQueue.open_at(FilePlace(path, space=space), options, now=clock)
    for deliver in (True, False):
        for n in range(60):
            clock.advance(5)
            await queue.put([make_event(f"{deliver}-{n}", properties={"text": "x" * 20_000})])
            for lease in await take(queue) if deliver else []:
                await queue.settle(lease, Delivered())
            await queue._upkeep.make_room()
        # 60 events of 20 KB in 300 s: some 4 KB a second, with 8.8 MB left.
        expected = None if deliver else pytest.approx(8.8e6 / 4_060, rel=0.1)
        assert disk_of(queue).time_to_full_s == expected
    await queue.close()


async def test_a_restart_knows_how_many_events_are_pending(path: Path, clock: FakeClock) -> None:
    """By counters, which agree with the rows whatever became of the events."""
    queue = await SqliteQueue.open(path, now=clock)
    await queue.put([make_event(f"m-{n}", user=f"u-{n % 7}") for n in range(20)], [make_rejection()])
    dead = Dead(Reason.GARBAGE, "")
    retried = Retry(Reason.TIMEOUT, delay_s=60, counted=True)
    dropped = Dropped(Reason.BY_RULE, "r", "")
    outcomes: list[Outcome] = [Delivered(), dead, dead, Unmatched(), dropped, retried, retried]
    for lease, outcome in zip(await take(queue), outcomes, strict=True):
        await queue.settle(lease, outcome)
    with SqliteQueueAdmin.open(path) as admin:
        first, second = admin.dead()
        assert admin.requeue([first.seq]) == admin.discard([second.seq]) == 1
    await queue.close()
    again = await SqliteQueue.open(path, now=clock)
    assert again._inbox.pending == 16
    assert (await again.balance()).pending == 16
    await again.close()


async def test_what_sources_hold_is_known_after_every_group(path: Path, clock: FakeClock) -> None:
    """It is added up in memory, and read again where something else than puts and settles changed it."""
    queue = await SqliteQueue.open(path, now=clock)

    def rows() -> dict[str, Usage]:
        return {name: Usage(*held) for name, *held in queue._connection.execute(SQL["held"])}

    async def check() -> None:
        assert queue._rows.held == await queue._commits.read(rows)

    for source in ("shop", "app"):
        await queue.put([make_event(f"{source}-{n}", user=f"u-{n}", source=source) for n in range(5)])
        await check()
    dead = Dead(Reason.GARBAGE, "")
    first, *leases = await take(queue)
    await asyncio.gather(*(queue.settle(lease, dead) for lease in leases), queue.put([make_event("beside")]))
    await check()
    await queue.settle(first, Delivered())
    await check()
    assert await queue.requeue([leases[0].seq]) == 1
    await check()
    await queue._commits.write(lambda: queue._rows.discard_undeliverable("shop", after=0, limit=10))
    clock.advance(40 * 86_400)
    queue._rows.trusted.look()
    while await queue._commits.write(lambda: queue._rows.prune(2)):
        await check()
    with SqliteQueueAdmin.open(path) as admin:
        admin.discard([letter.seq for letter in admin.dead()])
    await queue.put([make_event("late")])
    await check()
    await queue.close()


async def test_a_large_put_stops_at_the_piece_that_fails(queue: SqliteQueue) -> None:
    """Else what is sent again would come behind what was stored: events before their user's deletion request, say."""
    queue._connection.execute(
        "CREATE TEMP TRIGGER fails BEFORE INSERT ON message WHEN NEW.message_id = 'm-300'"
        " BEGIN SELECT raise(ABORT, 'disk I/O error'); END"
    )
    events = [make_event(f"m-{n}") for n in range(1_000)]
    with pytest.raises(QueueError, match="disk I/O error"):
        await queue.put(events)
    assert queue._connection.execute("SELECT count(*) FROM message").fetchone()[0] == 250
    queue._connection.execute("DROP TRIGGER fails")
    stored = await queue.put(events)
    assert (stored.stored, stored.duplicates) == (750, 250)
    stored_in_order = queue._connection.execute("SELECT message_id FROM message ORDER BY seq").fetchall()
    assert stored_in_order == [(event.message_id,) for event in events]


async def test_a_large_put_goes_on_without_its_caller(queue: SqliteQueue) -> None:
    async def has(pending: int) -> bool:
        return queue._inbox.pending >= pending

    putting = asyncio.create_task(queue.put([make_event(f"m-{n}") for n in range(1_000)]))
    await until(partial(has, 1))
    putting.cancel()
    await until(partial(has, 1_000))
    assert (await queue.balance()).unaccounted == 0


@pytest.mark.parametrize("turns", range(5))
async def test_it_closes_whatever_has_just_happened(path: Path, clock: FakeClock, turns: int) -> None:
    """What is awaited with a limit of time must not swallow that it is cancelled when it ends at the same moment."""
    queue = await SqliteQueue.open(path, now=clock)
    await asyncio.sleep(0)
    queue._upkeep._wake.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await queue.close()


async def test_one_bad_job_fails_alone(path: Path) -> None:
    """Jobs that share a group with a failing one are committed all the same, once."""

    class NoRows:
        def begin(self) -> None:
            return

        def flush(self) -> None:
            return

        def rollback(self) -> None:
            return

    connection = connect(FilePlace(path))
    connection.execute("CREATE TABLE done (n)")
    commits = GroupCommit(Transactions(connection), NoRows())
    seen: list[int] = []

    def job(n: int) -> int:
        connection.execute("INSERT INTO done VALUES (?)", (n,))
        if n == 3:
            raise sqlite3.OperationalError("disk I/O error")
        return n

    answers = await asyncio.gather(
        *(commits.write(partial(job, n), after=seen.append) for n in range(6)), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == ["0", "1", "2", "OperationalError: disk I/O error", "4", "5"]
    assert sorted(seen) == [0, 1, 2, 4, 5]
    assert [n for (n,) in await commits.read(lambda: connection.execute("SELECT n FROM done").fetchall())] == [
        0,
        1,
        2,
        4,
        5,
    ]
    await commits.close()
    connection.close()


async def test_a_lock_that_another_holds_fails_all_at_once(queue: SqliteQueue, path: Path) -> None:
    """A process that leaves a transaction open costs a group one wait for the lock, not one for each of its jobs."""
    queue._connection.execute("PRAGMA busy_timeout = 200")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(2):
        answers = await asyncio.gather(
            *(queue.put([make_event(f"m-{n}", user=f"u-{n}")]) for n in range(30)), return_exceptions=True
        )
    assert {str(answer) for answer in answers} == {"OperationalError: database is locked"}
    other.execute("ROLLBACK")
    other.close()
    assert (await queue.put([make_event("m-1")])).stored == 1


async def test_nothing_of_a_group_that_failed_is_remembered(path: Path, clock: FakeClock) -> None:
    """A source first seen in a transaction that was rolled back gets a new number, and its events are found."""
    queue = await SqliteQueue.open(path, now=clock)

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    put = asyncio.create_task(queue.put([make_event("m-1")]))
    await asyncio.sleep(0)
    failing = queue._commits.write(fail)
    assert (await put).stored == 1
    with pytest.raises(QueueError):
        await failing
    assert [lease.event.message_id for lease in await take(queue)] == ["m-1"]
    await queue.close()


async def test_history_is_forgotten_after_its_time(path: Path, clock: FakeClock) -> None:
    """Finished events, dead letters and rejections go when their retention is over; the ledger still balances."""
    queue = await SqliteQueue.open(
        path, QueueOptions(retention=Retention(history_s=100, dead_s=1000, dedup_s=50)), now=clock
    )
    await queue.put(
        [make_event("m-1"), make_event("m-2", user="u-2"), make_event("m-3", user="u-3")], [make_rejection()]
    )
    leases = await take(queue)
    await queue.settle(leases[0], Delivered())
    await queue.settle(leases[1], Dead(Reason.REFUSED, "no"))

    async def left() -> dict[str, int]:
        while await queue._commits.write(lambda: queue._rows.prune(1)):
            pass
        tables = ("message", "finished", "dead", "rejection")
        run = queue._connection.execute
        return {name: run(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608

    clock.advance(101)
    assert await left() == {"message": 2, "finished": 0, "dead": 1, "rejection": 1}
    clock.advance(1000)
    assert await left() == {"message": 1, "finished": 0, "dead": 0, "rejection": 0}
    balance = await queue.balance()
    assert (balance.counts["discarded"], balance.pending, balance.unaccounted) == (1, 1, 0)
    await queue.close()


async def _restarted(queue: SqliteQueue, path: Path, clock: FakeClock, wall: FakeClock) -> SqliteQueue:
    """The service goes and comes again, and its steady clock begins with what the wall clock says."""
    await queue.close()
    clock.seconds = wall.seconds
    return await SqliteQueue.open_at(FilePlace(path), QueueOptions(), now=clock, wall=wall)


@pytest.mark.parametrize("days", [31, 3650, -31, -20_000])
async def test_a_start_with_a_wrong_clock_discards_nothing(path: Path, days: int) -> None:
    """Dead letters, history, rejections and ids seen stay, and go in their time once the clock is right again."""
    clock, wall = FakeClock(), FakeClock()
    queue = await SqliteQueue.open_at(FilePlace(path), QueueOptions(), now=clock, wall=wall)
    await queue.put([make_event("dead", user="a"), make_event("done", user="b")], [make_rejection()])
    for lease in await take(queue):
        dead = lease.event.message_id == "dead"
        await queue.settle(lease, Dead(Reason.REFUSED, "no") if dead else Delivered())
    wall.advance(days * 86_400)
    queue = await _restarted(queue, path, clock, wall)
    await queue.put([make_event("meanwhile", user="c")], [make_rejection()])
    [lease] = await take(queue)
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await _pruned(queue)
    wall.advance(-days * 86_400 + 10)
    queue = await _restarted(queue, path, clock, wall)
    await _pruned(queue)
    with SqliteQueueAdmin.open(path) as admin:
        records = [admin.event(seq) for seq in (1, 2, 3)]
        assert [record.outcome for record in records if record is not None] == ["dead", "delivered", "dead"]
        assert len(admin.rejections()) == 2
    again = [make_event("dead", user="a"), make_event("done", user="b"), make_event("meanwhile", user="c")]
    assert (await queue.put(again)).duplicates == 3
    # A month later, proved by an hour of even clocks, all of it has gone.
    for seconds in (*[5] * 721, 32 * 86_400, *[5] * 722):
        clock.advance(seconds)
        wall.advance(seconds)
        queue._rows.trusted.look()
    await _pruned(queue)
    with SqliteQueueAdmin.open(path) as admin:
        assert [admin.event(seq) for seq in (1, 2, 3)] == [None, None, None]
        assert admin.rejections() == []
    assert (await queue.put(again)).stored == 3
    assert (await queue.balance()).unaccounted == 0
    await queue.close()


async def _pruned(queue: SqliteQueue) -> None:
    while await queue._commits.write(lambda: queue._rows.prune(500)):
        pass


async def test_history_goes_in_its_time_behind_an_older_backlog(path: Path, clock: FakeClock) -> None:
    """What one user's backlog finishes now keeps nothing that finished long ago, and the gauge says how far back."""
    queue = await SqliteQueue.open(path, QueueOptions(retention=Retention(history_s=3600, dead_s=3600)), now=clock)
    await queue.put([make_event(f"slow-{n}", user="slow") for n in range(700)])
    await queue.put([make_event(f"quick-{n}", user=f"u-{n}") for n in range(10)])
    for lease in await take(queue, limit=50):
        if lease.event.user_id != "slow":
            await queue.settle(lease, Delivered())
        else:
            await queue.settle(lease, Retry(Reason.TIMEOUT, 0, counted=False))
    clock.advance(3000)
    for _ in range(600):
        [lease] = await take(queue, limit=1)
        await queue.settle(lease, Delivered())
    assert await queue._commits.read(queue._rows.history_s) == pytest.approx(3000)
    clock.advance(700)
    await _pruned(queue)
    assert await queue._commits.read(queue._rows.history_s) == pytest.approx(700)
    with SqliteQueueAdmin.open(path) as admin:
        assert admin.event(701) is None
        assert admin.event(600) is not None
    await queue.close()


async def test_what_is_requeued_beside_the_service_is_due_at_once(path: Path) -> None:
    """By the queue's own clock, which is behind the machine's after a suspend; and so is what a purge brings up."""
    clock, wall = FakeClock(), FakeClock()
    queue = await SqliteQueue.open_at(FilePlace(path), QueueOptions(), now=clock, wall=wall)
    await queue.put([make_event("m-1", user="a"), make_event("m-2", user="b"), make_event("m-3", user="b")])
    leases = {lease.event.message_id: lease for lease in await take(queue)}
    await queue.settle(leases["m-1"], Dead(Reason.REFUSED, "no"))
    await queue.settle(leases["m-2"], Retry(Reason.TIMEOUT, 60, counted=True))
    wall.advance(3 * 3600)
    with SqliteQueueAdmin.open(path) as admin:
        assert admin.requeue([1]) == 1
        assert admin.erase([2]) == 1
    assert sorted(lease.event.message_id for lease in await take(queue)) == ["m-1", "m-3"]
    await queue.close()


async def test_an_event_that_lost_its_place_is_not_settled(path: Path, clock: FakeClock) -> None:
    """It was settled by the command that ended it; others of its group are settled all the same."""
    queue = await SqliteQueue.open(path, now=clock)
    await queue.put([make_event("m-1", user="ada"), make_event("m-2", user="bob"), make_event("m-3", user="ada")])
    leases = {lease.event.message_id: lease for lease in await take(queue)}
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as beside:
        beside.execute("UPDATE lane SET head = 3 WHERE head = 1")
        beside.execute("DELETE FROM waiting WHERE seq = 3")
    settled = await asyncio.gather(*(queue.settle(leases[name], Delivered()) for name in ("m-1", "m-2")))
    assert settled == [False, True]
    assert (await queue.balance()).counts["delivered"] == 1
    assert [lease.event.message_id for lease in await take(queue)] == ["m-3"]
    await queue.close()

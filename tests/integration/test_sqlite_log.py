"""Damage to synced bytes of the log is refused, what a kill or a power cut leaves is not. With SQLite's own logs."""

import random
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.errors import QueueError
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.wal import HEADER_BYTES, Log, checksum
from tests.fakes import FakeClock, make_event
from tests.integration.queues import take

PAGE = 4096
FRAME = 24 + PAGE
SECTOR = 512


class Machine:
    """A queue file whose bytes can be had as a crash leaves them, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "own" / "queue.db"
        self.path.parent.mkdir()
        self._folder = folder
        self._crashes = 0
        self.connection = connect(FilePlace(self.path))
        self.connection.execute("CREATE TABLE written (version TEXT PRIMARY KEY, text TEXT NOT NULL)")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.stored = 0

    def commit(self, *, kilobytes: int = 3) -> None:
        """One commit, synced."""
        text = "x" * (1024 * kilobytes)
        self.connection.execute("INSERT INTO written VALUES (?, ?)", (f"v{self.stored}", text))
        self.stored += 1

    @property
    def log(self) -> bytes:
        """The log as it is now."""
        return wal_of(self.path).read_bytes()

    def crashed(self, log: bytes | None = None) -> Path:
        """The queue file of a machine that went down now, with this log or what is in it."""
        self._crashes += 1
        file = self._folder / f"crash-{self._crashes}" / "queue.db"
        file.parent.mkdir()
        shutil.copy(self.path, file)
        wal_of(file).write_bytes(self.log if log is None else log)
        return file


def wal_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def stored_in(file: Path) -> int:
    """Opens the file as a start does; how many commits of `Machine` it has, each exactly once and in order."""
    refuse_damaged_log(file)
    connection = connect(FilePlace(file))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        versions = [version for (version,) in connection.execute("SELECT version FROM written ORDER BY rowid")]
    finally:
        connection.close()
    assert versions == [f"v{number}" for number in range(len(versions))]
    return len(versions)


def flipped(log: bytes, place: int) -> bytes:
    changed = bytearray(log)
    changed[place] ^= 0x10
    return bytes(changed)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# Where in a frame of commit 5 of 20 a bit flips.
PLACES: dict[str, int] = {
    "the page number": 3,
    "the size after a commit": 7,
    "a salt": 9,
    "the checksum": 17,
    "the page": 24 + 1000,
    "its last byte": FRAME - 1,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_bit_of_a_synced_frame(machine: Machine, place: int) -> None:
    """The file, the frame and both ways on are named, and nothing is changed."""
    for _ in range(20):
        machine.commit()
    start = HEADER_BYTES + (len(machine.log) - HEADER_BYTES) // FRAME // 2 * FRAME
    file = machine.crashed(flipped(machine.log, start + place))
    before = (file.read_bytes(), wal_of(file).read_bytes())
    number = (start - HEADER_BYTES) // FRAME + 1
    with pytest.raises(QueueError, match=rf"queue\.db-wal: frame {number} is damaged.*commits or more.*truncate -s"):
        refuse_damaged_log(file)
    assert (file.read_bytes(), wal_of(file).read_bytes()) == before


@pytest.mark.parametrize("place", [0, 9, 13, 17, 25], ids=["magic", "page size", "sequence", "salt", "checksum"])
def test_a_bit_of_the_header(machine: Machine, place: int) -> None:
    """SQLite takes a log without a header for none at all."""
    for _ in range(20):
        machine.commit()
    file = machine.crashed(flipped(machine.log, place))
    with pytest.raises(QueueError, match=r"queue\.db-wal: its header is damaged.*19 commits or more.*mv "):
        refuse_damaged_log(file)


def test_a_frame_of_zeros(machine: Machine) -> None:
    """Where a file system gives zeros for what it lost, a frame is of no page at all."""
    for _ in range(20):
        machine.commit()
    start = HEADER_BYTES + 9 * FRAME
    file = machine.crashed(machine.log[:start] + bytes(2 * FRAME) + machine.log[start + 2 * FRAME :])
    with pytest.raises(QueueError, match=r"queue\.db-wal: frame 10 is damaged"):
        refuse_damaged_log(file)


def test_the_way_on_loses_no_more_than_it_says(machine: Machine) -> None:
    """Cut where the message says, the log has all commits before the damage, and the service starts."""
    for _ in range(20):
        machine.commit()
    file = machine.crashed(flipped(machine.log, len(machine.log) // 2))
    with pytest.raises(QueueError) as refused:
        refuse_damaged_log(file)
    _, _, size, wal = str(refused.value).rpartition("then: ")[2].split()
    with Path(wal).open("r+b") as log:
        log.truncate(int(size))
    assert 5 < stored_in(file) < 15


def test_a_log_that_a_checkpoint_has_passed(machine: Machine) -> None:
    """Frames before the damage are older than the database then: to read them would bring back what is past."""
    for _ in range(20):
        machine.commit()
    machine.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    file = machine.crashed(flipped(machine.log, len(machine.log) // 2))
    with pytest.raises(QueueError, match=r"then: mv "):
        refuse_damaged_log(file)
    wal_of(file).unlink()
    assert stored_in(file) == 20


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b""), Path.unlink], ids=["empty", "missing"])
def test_a_log_without_its_database(machine: Machine, spoil: Callable[[Path], object]) -> None:
    """SQLite would start a new log and delete the old one."""
    for _ in range(3):
        machine.commit()
    file = machine.crashed()
    spoil(file)
    with pytest.raises(QueueError, match=r"queue\.db: the file is (empty|missing), but its log queue\.db-wal holds"):
        refuse_damaged_log(file)
    assert wal_of(file).is_file()


def test_every_frame_with_a_commit_behind_it_is_guarded(machine: Machine) -> None:
    """Wherever the damage is: refused, or at most the last two commits may go, which nothing shows to be synced."""
    for _ in range(8):
        machine.commit()
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    for _ in range(30):
        log = flipped(machine.log, chance.randrange(HEADER_BYTES, len(machine.log)))
        file = machine.crashed(log)
        try:
            assert stored_in(file) >= 6
        except QueueError:
            continue


def test_a_kill_leaves_a_log_that_is_whole(machine: Machine) -> None:
    """A log that nothing happened to opens, at any length, also where frames of an earlier run lie behind the end."""
    for number in range(60):
        machine.commit()
        if number == 30:
            machine.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        if number % 7 == 0 or number == 31:
            assert stored_in(machine.crashed()) == machine.stored


def test_a_transaction_that_was_rolled_back(machine: Machine) -> None:
    """What was written of it ahead of its end stays behind the log's end, with the salts of the log."""
    for _ in range(5):
        machine.commit()
    machine.connection.execute("PRAGMA cache_size = 5")
    machine.connection.execute("BEGIN")
    for number in range(50):
        machine.connection.execute("INSERT INTO written VALUES (?, ?)", (f"gone-{number}", "x" * 3000))
    machine.connection.execute("ROLLBACK")
    spilled = len(machine.log)
    for _ in range(3):
        machine.commit()
    assert len(machine.log) == spilled
    assert stored_in(machine.crashed()) == 8


def torn(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """`after` as a power cut leaves it if only `before` was synced: of each sector the old or the new, in no order."""
    end = max(len(before), chance.randrange(len(after) + 1))
    old = before.ljust(end, b"\0")
    share = chance.choice((0.1, 0.5, 0.9))
    return b"".join(
        (after if chance.random() < share else old)[start : start + SECTOR] for start in range(0, end, SECTOR)
    )[:end]


@pytest.mark.parametrize("seed", range(4))
def test_power_cuts_one_after_the_other(tmp_path: Path, seed: int) -> None:
    """The last commit may be there or not, what was synced is, and no remains of any cut are taken for damage."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    machine = Machine(tmp_path)
    for _ in range(6):
        for _ in range(chance.randrange(1, 8)):
            machine.commit(kilobytes=chance.choice((1, 3, 40)))
        synced, before = machine.stored, machine.log
        machine.commit(kilobytes=chance.choice((1, 3, 40, 80)))
        log = torn(before, machine.log, chance)
        assert stored_in(machine.crashed(log)) in (synced, synced + 1)
        machine.connection.close()
        # The machine comes up again with that log and goes on in it.
        wal_of(machine.path).write_bytes(log)
        machine.connection = connect(FilePlace(machine.path))
        machine.stored = machine.connection.execute("SELECT count(*) FROM written").fetchone()[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_power_cut_after_the_log_began_anew(machine: Machine, seed: int) -> None:
    """A new header with salts of its own was synced; what follows are frames of the run before, and torn new ones."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(30):
        machine.commit()
    machine.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    old = machine.log
    machine.commit(kilobytes=40)
    new = machine.log
    assert new[:HEADER_BYTES] != old[:HEADER_BYTES]
    before = new[:HEADER_BYTES] + old[HEADER_BYTES:]
    assert stored_in(machine.crashed(old)) == 30
    assert stored_in(machine.crashed(before)) == 30
    assert stored_in(machine.crashed(torn(before, new, chance))) in (30, 31)


def test_half_an_old_header_ends_no_commit() -> None:
    """A frame header that lies in two sectors may have its first half, with the mark of a commit, of an older frame."""
    frames = 70
    straddling = next(n for n in range(2, frames) if (HEADER_BYTES + (n - 1) * FRAME) % SECTOR == SECTOR - 8)
    log = bytearray(written(frames, commits={1}))
    place = HEADER_BYTES + (straddling - 1) * FRAME
    log[place + 4 : place + 8] = (7).to_bytes(4, "big")
    found = Log.opened(reader(bytes(log)), size=len(log), page_bytes=PAGE)
    assert found is not None
    assert found.synced == 1


def test_the_frame_behind_shows_that_a_damaged_one_was_synced() -> None:
    """The end of a commit whose page is damaged is still its end: the frame behind goes on from its checksum."""
    log = flipped(written(9, commits={4, 9}), HEADER_BYTES + 3 * FRAME + 24 + 100)
    found = Log.opened(reader(log), size=len(log), page_bytes=PAGE)
    assert found is not None
    assert (found.synced, found.first_damaged(after=0), found.commits(after=0)) == (4, 4, 1)


@pytest.mark.parametrize("order", "<>")
def test_both_orders_of_words(order: str) -> None:
    """A log may come from a machine of the other byte order."""
    log = written(5, commits={2, 5}, order=order)
    found = Log.opened(reader(log), size=len(log), page_bytes=512)
    assert found is not None
    assert (found.synced, found.page_bytes, found.has_header) == (2, PAGE, True)
    headless = Log.opened(reader(flipped(log, 20)), size=len(log), page_bytes=PAGE)
    assert headless is not None
    assert (headless.synced, headless.has_header) == (2, False)


def reader(log: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: log[offset : offset + size]


def written(frames: int, *, commits: set[int], order: str = "<") -> bytes:
    """A log by the published format."""
    magic = 0x377F0682 if order == "<" else 0x377F0683
    start = struct.pack(">IIII8s", magic, 3007000, PAGE, 0, b"saltsalt")
    sum_ = checksum(start, order=order)
    log = start + struct.pack(">II", *sum_)
    for number in range(1, frames + 1):
        header, page = struct.pack(">II", number, number * (number in commits)), bytes([number]) * PAGE
        sum_ = checksum(header + page, order=order, seed=sum_)
        log += header + b"saltsalt" + struct.pack(">II", *sum_) + page
    return log


async def test_a_service_does_not_start_with_less(tmp_path: Path, clock: FakeClock) -> None:
    """The queue refuses at its opening, and lets go of its lock, so that the way on can be taken."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path, now=clock)
    for number in range(10):
        await queue.put([make_event(f"m-{number}")])
    killed = tmp_path / "killed.db"
    shutil.copy(path, killed)
    log = wal_of(path).read_bytes()
    wal_of(killed).write_bytes(flipped(log, len(log) // 2))
    await queue.close()
    for _ in range(2):
        with pytest.raises(QueueError, match=r"killed\.db-wal: frame \d+ is damaged"):
            await SqliteQueue.open(killed, now=clock)
    wal_of(killed).write_bytes(log)
    again = await SqliteQueue.open(killed, now=clock)
    assert len(await take(again)) == 1
    assert (await again.balance()).pending == 10
    await again.close()


def test_a_reader_beside_a_service_that_writes(machine: Machine) -> None:
    """A command beside the service sees a log in use, and no damage, also while the log restarts."""
    other = sqlite3.connect(machine.path, isolation_level=None)
    for number in range(40):
        machine.commit()
        if number % 10 == 0:
            machine.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        refuse_damaged_log(machine.path)
    assert other.execute("SELECT count(*) FROM written").fetchone() == (40,)
    other.close()

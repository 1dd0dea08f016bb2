"""How much of the queue file one take reads, counted in instructions of SQLite."""

from pathlib import Path

import pytest

from adapter.queue.contract import ANY, Pick
from adapter.queue.records import Retention
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.rows import SqliteRows
from adapter.queue.sqlite.state import trusted_time
from tests.fakes import FakeClock

MINE, OTHER = range(1, 101), 101
NAMES = [f"shop-{number}" for number in MINE]


class Reader:
    """A queue file with 100 sources of one worker, each with 10 lanes, and a source of another one."""

    def __init__(self, path: Path) -> None:
        clock = FakeClock()
        self._connection = connect(FilePlace(path))
        self._run = self._connection.execute
        self.now_us = round(clock() * 1e6)
        for number, name in enumerate((*NAMES, "other"), start=1):
            self._run("INSERT INTO source (id, name) VALUES (?, ?)", (number, name))
        for number in MINE:
            self.add(number, 10, due_us=self.now_us - 1000 + number)
        trusted = trusted_time(self._connection, wall=clock, steady=clock)
        retention = Retention(history_s=1, dead_s=1, dedup_s=1, deletions_s=1)
        self.rows = SqliteRows(self._connection, now=clock, trusted=trusted, retention=retention)

    def add(self, source: int, count: int, *, due_us: int, priority: int = 0) -> None:
        """Lanes that are due one microsecond after another."""
        self._run("BEGIN")
        last = self._run("SELECT coalesce(max(seq), 0) FROM message").fetchone()[0]
        numbers = [last + 1 + number for number in range(count)]
        self._connection.executemany(
            "INSERT INTO message (seq, source, message_id, type, timestamp_us, received_us, body)"
            " VALUES (?, ?, 'm', 'track', 0, 0, '{}')",
            [(number, source) for number in numbers],
        )
        self._connection.executemany(
            "INSERT INTO lane (lane, source, head, due_us, priority) VALUES (?, ?, ?, ?, ?)",
            [(number, source, number, due_us + nth, priority) for nth, number in enumerate(numbers)],
        )
        self._run("COMMIT")

    def steps(self, *, found: int, pick: Pick = ANY) -> int:
        """The instructions of a take of 16, which finds so many."""
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        self._connection.set_progress_handler(count, 1)
        heads, _ = self.rows.find(NAMES, limit=16, busy=(), pick=pick)
        self._connection.set_progress_handler(None, 1)
        assert len(heads) == found
        return counted

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path / "queue.db")


@pytest.mark.parametrize("pick", [ANY, Pick(newest=True), Pick(failed=0), Pick(lanes=frozenset({3, 5, 700}))])
def test_a_take_reads_nothing_of_what_it_is_not_asked_for(reader: Reader, pick: Pick) -> None:
    """Lanes of another worker and lanes beyond the limit cost a take nothing, however many are due."""
    found = 16 if pick.lanes is None else 3
    few = reader.steps(found=found, pick=pick)
    reader.add(OTHER, 5_000, due_us=0)
    for number in (1, 50, 100):
        reader.add(number, 2_000, due_us=reader.now_us - 900)
    # Not the same number: the search of an index takes a few more.
    assert reader.steps(found=found, pick=pick) < few + 500
    reader.close()


def test_looking_for_the_next_lane_reads_one_row_of_each_source(reader: Reader) -> None:
    """With nothing due: lanes that are due later cost nothing but the first of each source."""
    nothing = Pick(lanes=frozenset())
    few = reader.steps(found=0, pick=nothing)
    reader.add(7, 5_000, due_us=reader.now_us + 1_000_000)
    assert reader.steps(found=0, pick=nothing) < few + 500
    assert reader.rows.until_due_s(NAMES) == 1.0
    reader.close()

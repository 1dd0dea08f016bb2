"""Both ends of a move in a SQLite file: see `queue.moving`.

A target has another name until it is complete; a file that was moved has the negative of its version.
"""

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from adapter.errors import ConfigError, QueueError
from adapter.queue.moving import BY_NAME, NUMBERED, NUMBERS, SEEN, SEEN_PREFIXES, TABLES, Row, Table, without_nul
from adapter.queue.sqlite.connection import connect, opened
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.schema import mark_moved, moved_to, newest_version

_DAY_US = 86_400_000_000
_SPANS = 8
_COUNTERS = {
    "ledger": "SELECT source, term, n FROM ledger WHERE n <> 0 ORDER BY source, term",
    "held": "SELECT source, events, bytes FROM held WHERE events <> 0 OR bytes <> 0 ORDER BY source",
}
_LOADED = {
    "ledger": "INSERT INTO ledger (source, term, n) VALUES (?, ?, ?)",
    "held": "INSERT INTO held (source, events, bytes) VALUES (?, ?, ?)",
}
_RUNS = f"""SELECT run, ended_us / {_DAY_US} FROM seen_run
UNION ALL SELECT {2**63 - 1}, coalesce((SELECT value FROM state WHERE name = 'seen_recent_to_us'), 0) / {_DAY_US}
WHERE EXISTS (SELECT 1 FROM seen_recent)"""
"""Runs and their days; the recent ids count as a run after all others."""
_SEEN = f"""SELECT digest, seq FROM (
SELECT digest, seq, run, 0 AS id FROM seen WHERE run IN ({{runs}}) AND digest >= ?1 AND digest < ?2
UNION ALL SELECT digest, seq, {2**63 - 1}, id FROM seen_recent
WHERE {2**63 - 1} IN ({{runs}}) AND digest >= ?1 AND digest < ?2) ORDER BY digest, run, id"""
_PLAIN = "SELECT 1 FROM state JOIN seen_run ON run <= value WHERE name = 'plain_digests_to'"


class SqliteRowsMoved:
    """Reads and writes rows of a queue's tables on the owner's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.run = connection.execute
        self._many = connection.executemany
        self._runs: dict[int, int] = {}

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """See `queue.moving`."""
        if part in BY_NAME:
            yield from self._of_table(BY_NAME[part])
        elif part == SEEN:
            yield from self._seen()
        elif part == NUMBERS:
            last = dict(self.run("SELECT name, seq FROM sqlite_sequence").fetchall())
            last["source"] = self.run("SELECT coalesce(max(id), 0) FROM source").fetchone()[0]
            yield [(name, last.get(name, 0)) for name in NUMBERED]
        else:
            yield sorted(self.run(_COUNTERS[part]).fetchall())

    def _of_table(self, table: Table) -> Iterator[Sequence[Row]]:
        columns = ", ".join(map(partial(_selected, table), table.columns))
        if not table.key:
            yield sorted(map(without_nul, self.run(f"SELECT {columns} FROM {table.name}")))
            return
        key, marks = ", ".join(table.key), ", ".join("CAST(? AS TEXT)" if k in table.sent else "?" for k in table.key)
        places = [table.columns.index(name) for name in table.key]
        ordered = f"ORDER BY {key} LIMIT {table.page}"
        page = self.run(f"SELECT {columns} FROM {table.name} {ordered}").fetchall()
        following = f"SELECT {columns} FROM {table.name} WHERE ({key}) > ({marks}) {ordered}"
        while page:
            yield [without_nul(row) for row in page]
            page = self.run(following, [page[-1][place] for place in places]).fetchall()

    def _seen(self) -> Iterator[Sequence[Row]]:
        days: dict[int, list[int]] = {}
        for run, day in self.run(_RUNS).fetchall():
            days.setdefault(day, []).append(run)
        for day, runs in sorted(days.items()):
            found = _SEEN.format(runs=", ".join(str(run) for run in runs))
            for prefix in range(SEEN_PREFIXES):
                bounds = bytes([prefix]), bytes([prefix + 1]) if prefix < SEEN_PREFIXES - 1 else b"\xff" * 32
                # Of equal ones the newest counts.
                seqs = dict(self.run(found, bounds).fetchall())
                yield [(digest, day, seq) for digest, seq in seqs.items()]

    def load(self, part: str, rows: Sequence[Row]) -> None:
        """See `queue.moving`."""
        if part in BY_NAME:
            table = BY_NAME[part]
            names = ", ".join(f'"{name}"' for name in table.columns)
            marks = ", ".join("CAST(? AS TEXT)" if name in table.sent else "?" for name in table.columns)
            self._many(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
        elif part == SEEN:
            self._load_seen(rows)
        elif part == NUMBERS:
            self.run("DELETE FROM sqlite_sequence WHERE name <> 'seen_run'")
            self._many(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [row for row in rows if row[0] != "source"]
            )
        else:
            self._many(_LOADED[part], rows)

    def _load_seen(self, rows: Sequence[Row]) -> None:
        """Store a day's ids as a run that ends with the day."""
        added = "INSERT INTO seen_run (span, ids, ended_us) VALUES (?, 0, ?)"
        values = []
        for digest, day, seq in rows:
            number = int(str(day))
            if number not in self._runs:
                made = self.run(added, (number % _SPANS, (number + 1) * _DAY_US - 1))
                self._runs[number] = made.lastrowid or 0
            values.append((self._runs[number], digest, seq))
        self._many("INSERT INTO seen (run, digest, seq) VALUES (?, ?, ?)", values)
        counts = [(n, run) for run, n in Counter(run for run, _, _ in values).items()]
        self._many("UPDATE seen_run SET ids = ids + ? WHERE run = ?", counts)


class SqliteSource(SqliteRowsMoved):
    """The file of a queue that is moved away; created by `source_at`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def moved_to(self) -> str | None:
        """See `queue.moving`."""
        return moved_to(self._connection)

    def count(self) -> int:
        """See `queue.moving`."""
        names = [*(table.name for table in TABLES), "seen", "seen_recent"]
        return sum(int(self.run(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in names)

    def mark_moved(self, place: str) -> None:
        """See `queue.moving`."""
        self.run("BEGIN IMMEDIATE")
        mark_moved(self._connection, place, at_us=time.time_ns() // 1000)
        self.run("COMMIT")


class SqliteTarget(SqliteRowsMoved):
    """The file that a queue is moved to; created by `target_at`."""

    def __init__(self, connection: sqlite3.Connection, *, file: Path, aside: Path) -> None:
        super().__init__(connection)
        self._connection = connection
        self._file = file
        self._aside = aside

    def is_empty(self) -> bool:
        """See `queue.moving`."""
        return not self._file.exists()

    def commit(self) -> None:
        """See `queue.moving`."""
        self.run("COMMIT")
        self.run("PRAGMA journal_mode = WAL")
        self._connection.close()
        _sync(self._aside)
        self._aside.replace(self._file)
        _sync(self._file.parent)


@contextmanager
def source_at(path: Path) -> Iterator[SqliteSource]:
    """The queue in the file `path`, which no other process serves meanwhile; upgraded if it is of an older version.

    Raises ConfigError if it does not exist or is served, QueueError if it cannot be read.
    """
    place = FilePlace(path)
    place.require_queue()
    leave = place.own()
    try:
        with _errors(place), closing(_opened(place)) as connection:
            if connection.execute(_PLAIN).fetchone() is not None:
                raise ConfigError(
                    f"{place}: remembers ids of before schema 4; serve it for as long as retention.dedup says first"
                )
            yield SqliteSource(connection)
    finally:
        leave()


def _opened(place: FilePlace) -> sqlite3.Connection:
    """The owner's connection, also to a file that this version marked as moved: the move may have been cut off."""
    connection = opened(place)
    if connection.execute("PRAGMA user_version").fetchone()[0] == -newest_version():
        return connection
    connection.close()
    return connect(place)


@contextmanager
def target_at(path: Path) -> Iterator[SqliteTarget]:
    """A queue that becomes the file `path`. Raises ConfigError if it cannot be created there."""
    place, aside = FilePlace(path), FilePlace(path.with_name(f"{path.name}.moving"))
    leave = place.own()
    try:
        _remove(aside.path)
        with _errors(place), closing(connect(aside)) as connection:
            # The file counts only once it has its name, so it needs neither a rollback journal nor syncs before.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteTarget(connection, file=path, aside=aside.path)
    finally:
        _remove(aside.path)
        leave()


@contextmanager
def _errors(place: FilePlace) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise QueueError(f"{place}: {exc}") from exc


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _selected(table: Table, name: str) -> str:
    if name in table.sent:
        return f'CAST("{name}" AS BLOB)'
    # Rows from before version 4 have none.
    return "coalesce(kept_us, received_us)" if name == "kept_us" else f'"{name}"'

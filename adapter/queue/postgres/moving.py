"""Both ends of a move in a schema of a PostgreSQL database: see `queue.moving`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from adapter.errors import ConfigError
from adapter.queue.moving import BY_NAME, COUNTERS, NUMBERED, NUMBERS, SEEN, SEEN_PREFIXES, TABLES, Row, Table
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.schema import migrate, moved_to
from adapter.queue.postgres.state import SQL

_SETTINGS = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '3s'"
_LOCK = "SELECT pg_advisory_lock(hashtext(current_schema()), 2)"
"""Waited for: of a command that just ended the server may not know yet."""
_NOT_HAD = "55P03"
_SEQUENCES = {
    "message": "seq",
    "rejection": "rejection_number",
    "source": "source_id_seq",
    "activation": "activation_id_seq",
}
_SUMS = {
    "ledger": "SELECT source, term, sum(n)::bigint FROM ledger GROUP BY 1, 2 HAVING sum(n) <> 0",
    "held": "SELECT source, sum(events)::bigint, sum(bytes)::bigint FROM held GROUP BY 1 "
    "HAVING sum(events) <> 0 OR sum(bytes) <> 0",
}
_LOADED = {"ledger": ("source", "term", "n"), "held": ("source", "events", "bytes"), SEEN: ("digest", "day", "seq")}
_ANYTHING = " UNION ALL ".join(f"SELECT EXISTS (SELECT 1 FROM {name})" for name in ("message", "rejection", "ledger"))
_TEXTS = frozenset({"term", "project"})
"""Columns of keys that are text."""
_AFTERWARDS = ("lane", "waiting", "message", "finished", "seen", "sent", "dead", "rejection")


class PostgresRowsMoved:
    """Reads and writes rows of a queue's tables on one connection."""

    def __init__(self, connection: psycopg.Connection[Any], place: PostgresPlace) -> None:
        self._connection = connection
        self._place = place
        self._days: set[int] = set()
        self._is_emptied = False

    def moved_to(self) -> str | None:
        """See `queue.moving`."""
        return moved_to(self._connection)

    def mark_moved(self, place: str) -> None:
        """See `queue.moving`."""
        with self._connection.transaction():
            self._run("DELETE FROM moved")
            self._run("INSERT INTO moved (place, at_us) VALUES (%s, %s)", [place, time.time_ns() // 1000])

    def is_empty(self) -> bool:
        """See `queue.moving`."""
        return not any(there for (there,) in self._run(_ANYTHING))

    def count(self) -> int:
        """See `queue.moving`."""
        names = [*(table.name for table in TABLES), SEEN]
        return sum(int(self._run(f"SELECT count(*) FROM {name}")[0][0]) for name in names)

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """See `queue.moving`."""
        if part in BY_NAME:
            yield from self._of_table(BY_NAME[part])
        elif part == SEEN:
            yield from self._seen()
        elif part == NUMBERS:
            last = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "
            yield [(name, *self._run(last + _SEQUENCES[name])[0]) for name in NUMBERED]
        else:
            yield sorted(self._run(_SUMS[part]))

    def _of_table(self, table: Table) -> Iterator[Sequence[Row]]:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        if not table.key:
            yield sorted(self._run(f"SELECT {columns} FROM {table.name}"))
            return
        # In the order of their bytes, as in SQLite, whatever the collation of the database says.
        key = ", ".join(f'{name} COLLATE "C"' if name in _TEXTS else name for name in table.key)
        marks = ", ".join("%s" for _ in table.key)
        places = [table.columns.index(name) for name in table.key]
        ordered = f"ORDER BY {key} LIMIT {table.page}"
        page = self._run(f"SELECT {columns} FROM {table.name} {ordered}")
        following = f"SELECT {columns} FROM {table.name} WHERE ({key}) > ({marks}) {ordered}"
        while page:
            yield page
            page = self._run(following, [page[-1][place] for place in places])

    def _seen(self) -> Iterator[Sequence[Row]]:
        for (day,) in sorted(self._run(SQL["days_seen"])):
            of_day = f"SELECT digest, day, seq FROM seen WHERE day = {day:d}"
            found = f"{of_day} AND digest >= %s AND digest < %s ORDER BY digest"
            for prefix in range(SEEN_PREFIXES):
                end = bytes([prefix + 1]) if prefix < SEEN_PREFIXES - 1 else b"\xff" * 32
                yield self._run(found, [bytes([prefix]), end])

    def load(self, part: str, rows: Sequence[Row]) -> None:
        """See `queue.moving`. The transaction begins with the first row."""
        if not self._is_emptied:
            self._empty()
        if part == NUMBERS:
            for name, last in rows:
                values = [last or 1, bool(last)]
                self._run(f"SELECT setval('{_SEQUENCES[str(name)]}', %s, %s)", values)
            return
        if part == SEEN:
            self._make_days({day for _, day, _ in rows if isinstance(day, int)})
        columns = BY_NAME[part].columns if part in BY_NAME else _LOADED[part]
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(part), names)
        with self._connection.cursor() as cursor, cursor.copy(copy) as out:
            for row in rows:
                out.write_row(row)

    def commit(self) -> None:
        """See `queue.moving`."""
        self._run("DELETE FROM moved")
        self._run("COMMIT")
        # Else the first takes would go by what the server thought of empty tables.
        for name in _AFTERWARDS:
            self._run(f"ANALYZE {name}")

    def _empty(self) -> None:
        """What a service leaves that was started here and received nothing."""
        self._run("BEGIN")
        names = ", ".join([*(table.name for table in TABLES), SEEN, *COUNTERS])
        self._run(f"TRUNCATE {names}")
        self._is_emptied = True

    def _make_days(self, days: set[int]) -> None:
        for day in days - self._days:
            self._run(f"CREATE TABLE IF NOT EXISTS seen_{day:d} PARTITION OF seen FOR VALUES IN ({day:d})")
        self._days |= days

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        # Statements are made of constants of this package and of numbers; values are bound.
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def end_at(place: PostgresPlace, *, make: bool) -> Iterator[PostgresRowsMoved]:
    """One end of a move; no process serves or reads it meanwhile. With `make` missing tables are created.

    Raises ConfigError if it is served or is not a queue, QueueError if the server cannot be reached or fails.
    """
    with place.opened() as connection:
        is_there = connection.execute("SELECT to_regclass('migration')").fetchone() != (None,)
        if not is_there and not make:
            raise ConfigError(f"{place}: there is no queue here")
        if not is_there or moved_to(connection) is None:
            migrate(connection, place)
        connection.execute(_SETTINGS)
        _have_alone(connection, place)
        yield PostgresRowsMoved(connection, place)


def _have_alone(connection: psycopg.Connection[Any], place: PostgresPlace) -> None:
    try:
        connection.execute(_LOCK)
    except psycopg.Error as exc:
        if exc.sqlstate != _NOT_HAD:
            raise
        raise ConfigError(f"{place}: replicas or commands use this queue; stop them first") from None

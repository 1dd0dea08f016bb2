"""The tables of the queue: numbered migrations, each applied once, in order.

`migrations/0001_….sql` and so on say what a version adds to the one before. Those that were applied are rows of
`migration`. All that are missing are applied in one transaction, under a lock: of replicas that start together one does
it, and the others find it done. A migration that has been released is never changed.
"""

import re
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from adapter.errors import ConfigError, QueueError
from adapter.queue.postgres import advice
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.state import SQL

LINEAGE = "lineage"
"""The state that says of which lineage the server is; see claims.py."""
_LOCK = 0x42726F77  # "Brow"
_NO_RIGHT = "42501"
_CREATED = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
MAY_CREATE = "GRANT CREATE ON DATABASE to this user, or CREATE SCHEMA … AUTHORIZATION for it"
"""What an operator does for a user who cannot create the tables."""


@cache
def migrations() -> tuple[tuple[str, str], ...]:
    """Name and text of every migration, the first one first."""
    found = sorted((files("adapter.queue.postgres") / "migrations").iterdir(), key=lambda file: file.name)
    return tuple((file.name, file.read_text(encoding="utf-8")) for file in found)


def schema_version(connection: psycopg.Connection[Any], place: PostgresPlace) -> int:
    """The number of the last migration that was applied, or 0. Raises QueueError if a newer version created the tables,
    or if the queue was moved, and ConfigError if this user may not use them.
    """
    # Read from the catalogue as it is now: `to_regclass` may answer from this connection's older cache.
    there = (
        "SELECT has_schema_privilege(schemaname, 'USAGE') FROM pg_tables "
        "WHERE schemaname = %s AND tablename = 'migration'"
    )
    may_use = connection.execute(there, [place.schema]).fetchone()
    if may_use is None:
        return 0
    if may_use != (True,):
        raise ConfigError(f"{place}: this user may not use the schema {place.schema}: {advice.NO_RIGHT}")
    if (place_now := moved_to(connection)) is not None:
        raise QueueError(f"{place}: was moved to {place_now}; serve that one")
    found = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    version = int(found[0]) if found else 0
    if version > len(migrations()):
        raise QueueError(
            f"{place}: made by a newer version of browsee-adapter (schema {version}); this one knows "
            f"{len(migrations())}. Use that version, or a newer one"
        )
    return version


def missing_tables(connection: psycopg.Connection[Any], place: PostgresPlace) -> list[str]:
    """The tables of the migrations that are not there, by name: somebody dropped them."""
    created = {name for _, text in migrations() for name in _CREATED.findall(text)}
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [place.schema]).fetchall()
    return sorted(created - {name for (name,) in found})


def may_create(connection: psycopg.Connection[Any], place: PostgresPlace) -> bool:
    """Whether this user has the right to create the tables."""
    found = connection.execute(
        "SELECT coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = %s), "
        "has_database_privilege(current_database(), 'CREATE'))",
        [place.schema],
    ).fetchone()
    return found == (True,)


def moved_to(connection: psycopg.Connection[Any]) -> str | None:
    """The place that the queue in these tables was moved to; None if it was not moved."""
    found = connection.execute("SELECT place FROM moved").fetchone()
    return None if found is None else str(found[0])


def migrate(connection: psycopg.Connection[Any], place: PostgresPlace) -> None:
    """Apply every missing migration. Raises ConfigError if this user lacks the right to, QueueError otherwise."""
    if schema_version(connection, place) == len(migrations()):
        return
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            version = schema_version(connection, place)
            _apply(connection, place, after=version)
        if version == 0:
            _note_lineage(connection)
    except psycopg.Error as exc:
        if exc.sqlstate == _NO_RIGHT:
            text = exc.diag.message_primary
            raise ConfigError(f"{place}: the tables cannot be created: {text} ({_NO_RIGHT}): {MAY_CREATE}") from None
        raise place.error(exc) from None


def _note_lineage(connection: psycopg.Connection[Any]) -> None:
    """See claims.py. In new tables no replica has a claim, so that the first one need not wait."""
    with suppress(psycopg.Error):  # some servers do not say
        found = connection.execute(SQL["lineage"].encode()).fetchone()
        value = None if found is None else found[0]
        connection.execute(SQL["set_state"].encode(), {"name": LINEAGE, "value": value})


def _apply(connection: psycopg.Connection[Any], place: PostgresPlace, *, after: int) -> None:
    if after == 0:
        # IF NOT EXISTS needs the right to create a schema even if the schema exists.
        there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [place.schema]).fetchone()
        if there is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(place.identifier()))
        connection.execute(
            "CREATE TABLE migration (number int PRIMARY KEY, name text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
    for number, (name, text) in enumerate(migrations()[after:], start=after + 1):
        connection.execute(text.encode())
        connection.execute("INSERT INTO migration (number, name) VALUES (%s, %s)", [number, name])

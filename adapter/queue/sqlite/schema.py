"""The tables of the queue file: numbered migrations, each applied once, in order.

`migrations/0001_….sql` and so on say what a version adds to the one before. The number of the last migration that was
applied is in the file (`PRAGMA user_version`). All that a file lacks are applied in one transaction, with that number:
a crash leaves the file as it was. Only the owner of a file migrates it.

To add a migration: the next number, the statements, a line in `tests/integration/old_queues`. A migration that has been
released is never changed.
"""

import sqlite3
from functools import cache
from importlib.resources import files

from adapter.errors import QueueError

_MOVED = "CREATE TABLE IF NOT EXISTS moved (place TEXT NOT NULL, at_us INTEGER NOT NULL)"
"""The place that a queue was moved to. Its file then has the negative of its version, so it cannot be served."""
_APPLICATION_ID = 0x42726F77  # "Brow": tells our files from any other SQLite file


@cache
def migrations() -> tuple[str, ...]:
    """The text of every migration, the first one first."""
    found = sorted((files("adapter.queue.sqlite") / "migrations").iterdir(), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in found)


def newest_version() -> int:
    """The version of a file to which every migration was applied."""
    return len(migrations())


def schema_version(connection: sqlite3.Connection, place: object) -> int:
    """The version of the tables in the file, 0 if there are none. Raises QueueError if it is not a queue of the
    adapter.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise QueueError(f"{place}: was moved to {moved_to(connection)}; serve that one")
    if version > newest_version():
        raise QueueError(
            f"{place}: made by a newer version of browsee-adapter (schema {version}); this one knows "
            f"{newest_version()}. Use that version, or a newer one"
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise QueueError(f"{place}: a SQLite file, but not a queue of browsee-adapter")
    return version


def moved_to(connection: sqlite3.Connection) -> str | None:
    """The place that the queue in this file was moved to; None if it was not moved."""
    if connection.execute("PRAGMA user_version").fetchone()[0] >= 0:
        return None
    return str(connection.execute("SELECT place FROM moved").fetchone()[0])


def mark_moved(connection: sqlite3.Connection, place: str, *, at_us: int) -> None:
    """Mark this file as moved to `place`, in the transaction of the caller: it can no longer be served."""
    connection.execute(_MOVED)
    connection.execute("DELETE FROM moved")
    connection.execute("INSERT INTO moved (place, at_us) VALUES (?, ?)", (place, at_us))
    connection.execute(f"PRAGMA user_version = {-newest_version()}")


def migrate(connection: sqlite3.Connection, place: object) -> None:
    """Apply every migration that the file lacks. Raises QueueError if the file is not ours, or of a newer version."""
    missing = migrations()[schema_version(connection, place) :]
    if missing:
        marks = f"PRAGMA application_id = {_APPLICATION_ID};\nPRAGMA user_version = {newest_version()};"
        script = "\n".join(_for_each_day(connection, migration) for migration in missing)
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n{marks}\nCOMMIT;")


def _for_each_day(connection: sqlite3.Connection, migration: str) -> str:
    """The migration with a line that says `{day}` once for each day of the dedup window: each has a table."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'dedup_[0-9]*'").fetchall()
    days = [str(name).removeprefix("dedup_") for (name,) in tables]
    lines = (
        [line.replace("{day}", day) for day in days] if "{day}" in line else [line] for line in migration.split("\n")
    )
    return "\n".join(line for repeated in lines for line in repeated)

"""The queue's file: opened as the promise of durability needs, and owned by one process at a time."""

import fcntl
import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO

from adapter.errors import ConfigError, QueueError
from adapter.queue.statements import script

SCHEMA_VERSION = 4
READABLE = partial(str, encoding="utf-8", errors="replace")
"""How text is read: a byte that went bad in one row must not keep all others from being read, nor be quoted by SQLite
in an error.
"""
_APPLICATION_ID = 0x42726F77  # "Brow": tells our files from any other SQLite file


class OwnerLock:
    """Held on `<file>.lock` by the one process that serves a queue; the system lets go of it when that one dies."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError if another process holds it."""
        self._file: IO[bytes] = path.with_name(path.name + ".lock").open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ConfigError(
                f"{path}: another browsee-adapter is serving this queue; stop it, or give this one a queue of its own"
            ) from None

    def release(self) -> None:
        """Let the next owner in."""
        self._file.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, for any one thread at a time, that syncs every commit (WAL, FULL).

    Raises QueueError, naming the file, if it is damaged, not ours, or made by a newer version.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.text_factory = READABLE
        # Before the first table: afterwards only a VACUUM of the whole file could turn it on.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Else what a large statement could have to undo is written to a file in /tmp first, and for nothing.
        connection.execute("PRAGMA temp_store = MEMORY")
        # What is taken away must not be left to read, neither in free pages nor where a page was rearranged before.
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        connection.execute(f"PRAGMA cache_size = -{64 * 1024}")
        _make_schema(connection, path)
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{path}: cannot be used as a queue: {exc}") from exc
    return connection


def _make_schema(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    upgrade = _upgrades().get(version)
    if upgrade is not None:
        connection.executescript(f"BEGIN IMMEDIATE;\n{upgrade}\nPRAGMA user_version = {version + 1};\nCOMMIT;")
        _make_schema(connection, path)
        return
    if version > SCHEMA_VERSION:
        raise QueueError(
            f"{path}: made by a newer version of browsee-adapter (schema {version}); this one knows {SCHEMA_VERSION}"
        )
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise QueueError(f"{path}: a SQLite file, but not a queue of browsee-adapter")
    connection.executescript(
        f"BEGIN IMMEDIATE;\n{script('sqlite_schema.sql')}\n{script('sqlite_deletion.sql')}\n"
        f"{script('sqlite_version_4.sql')}\n"
        f"PRAGMA application_id = {_APPLICATION_ID};\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
    )


def _upgrades() -> Mapping[int, str]:
    """What makes a file of a version one of the next. That to version 4 reads all rows once."""
    return {
        1: "ALTER TABLE message ADD COLUMN traceparent TEXT;",
        2: script("sqlite_deletion.sql"),
        3: script("sqlite_version_4.sql"),
    }

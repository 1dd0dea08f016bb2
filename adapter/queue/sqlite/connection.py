"""Connections to a queue's database: the owner's, and those beside the owner."""

import contextlib
import sqlite3
from functools import partial
from typing import Final

from adapter.errors import QueueError
from adapter.queue.sqlite.memory_limit import memory_limit_bytes
from adapter.queue.sqlite.place import Place
from adapter.queue.sqlite.schema import migrate, newest_version, schema_version

READABLE = partial(str, encoding="utf-8", errors="replace")
"""How text is read: one damaged byte in a row must not keep all other rows from being read, and SQLite must not quote
it in an error.
"""


_CACHE_KIB: Final = 64 * 1024
_CACHE_PART: Final = 16
"""The page cache takes this part of the memory that the process may use. SQLite fills the cache before it drops a page.
"""


class Transactions:
    """The owner's connection, as `transaction.Database` wants it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self) -> None:
        """Take the lock for writing at once: a transaction that read before it writes might have to start again."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """With an fsync."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Never raises. If the disk cannot even be read, the next group reports it."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def is_passing(self, exc: Exception) -> bool:  # noqa: ARG002 - a file has one writer
        """See `transaction.Database`."""
        return False

    def is_lost(self, exc: Exception) -> bool:  # noqa: ARG002 - a file cannot commit unseen
        """Never: a commit that failed in SQLite is rolled back."""
        return False


def connect(place: Place) -> sqlite3.Connection:
    """The owner's connection, in autocommit mode, for any one thread at a time, that syncs every commit (WAL, FULL).

    Creates the tables of a new database and upgrades those of an older version; only the owner may, because no other
    process serves the queue. Raises QueueError, naming the place, if the database is damaged, not a queue of the
    adapter, or of a newer version.
    """
    try:
        connection = opened(place)
        try:
            # Before the first table: afterwards only a VACUUM of the whole file could turn it on.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")  # in memory SQLite keeps to a rollback journal
            # Other connections keep SQLite's 2 MB: they read most pages only once.
            connection.execute(f"PRAGMA cache_size = -{_cache_kib(memory_limit_bytes())}")
            migrate(connection, place)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{place}: cannot be used as a queue: {exc}") from exc
    return connection


def attach(place: Place) -> sqlite3.Connection:
    """A connection beside the owner, which may run or not. Never creates a file, and never creates or upgrades a table.

    Raises ConfigError if there is no queue, QueueError if it is damaged, not a queue of the adapter, or of another
    version.
    """
    place.require_queue()
    try:
        connection = opened(place)
        try:
            version = schema_version(connection, place)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{place}: cannot be used as a queue: {exc}") from exc
    if version == newest_version():
        return connection
    connection.close()
    if version == 0:
        raise QueueError(place.without_tables())
    raise QueueError(
        f"{place}: written by an older version of browsee-adapter (schema {version}; this one reads "
        f"{newest_version()}). Use the commands of the version that serves it, or start the service of this "
        "version: it upgrades the file"
    )


def opened(place: Place) -> sqlite3.Connection:
    """A connection with the settings that every connection has. Raises sqlite3.DatabaseError."""
    connection = place.connect()
    try:
        connection.text_factory = READABLE
        connection.execute("PRAGMA synchronous = FULL")
        # Otherwise SQLite writes the undo data of a large statement to a file in /tmp, without need.
        connection.execute("PRAGMA temp_store = MEMORY")
        # Deleted data must not stay readable, neither in free pages nor in unused parts of other pages.
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
    except BaseException:
        connection.close()
        raise
    return connection


def _cache_kib(limit_bytes: int | None) -> int:
    return _CACHE_KIB if limit_bytes is None else min(_CACHE_KIB, limit_bytes // _CACHE_PART // 1024)

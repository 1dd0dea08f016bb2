"""The queue's file: opened as the promise of durability needs, and owned by one process at a time."""

import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from adapter.errors import ConfigError, QueueError
from adapter.queue.sqlite.schema import migrate, newest_version, schema_version
from adapter.queue.sqlite.statements import statements

READABLE = partial(str, encoding="utf-8", errors="replace")
"""How text is read: a byte that went bad in one row must not keep all others from being read, nor be quoted by SQLite
in an error.
"""
_BESIDE = ("", "-wal", "-shm", ".lock", ".ballast")
"""What follows the queue's name in the files that SQLite, the lock and the ballast use."""


def unusable(path: Path, cause: OSError) -> ConfigError:
    """The error for a queue at `path` whose folder or files the system refuses: which one, why, and for which user."""
    where = path if cause.filename is None else cause.filename
    what = cause.strerror or type(cause).__name__
    return ConfigError(
        f"{path}: cannot be used as a queue: {where}: {what}; "
        f"the user who runs the adapter (uid {os.geteuid()}) needs a folder that can be written to"
    )


def prepare_place(path: Path) -> None:
    """Make the folder of the queue file `path`, and make sure that each file the queue uses can be written.

    To be called before this process has the queue open: closing a file releases every lock that the process has on it.
    Raises ConfigError with the file and the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in _BESIDE:
            _require_writable_file(path.with_name(path.name + suffix))
    except OSError as cause:
        raise unusable(path, cause) from cause


def _require_writable_file(file: Path) -> None:
    if not os.path.lexists(file):
        return
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "is not a regular file", str(file))
    os.close(os.open(file, os.O_RDWR))


@contextmanager
def tried_place(path: Path) -> Iterator[None]:
    """As `prepare_place`, and again without the folders that were made for it. Raises ConfigError as that does."""
    made = [folder for folder in path.absolute().parents if not os.path.lexists(folder)]
    try:
        prepare_place(path)
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # the service may have started there meanwhile
                folder.rmdir()


def try_write(path: Path) -> int:
    """Write to the queue file at `path` and sync it, beside a service that may run; the version of its tables.

    Raises QueueError if the file is damaged, not ours, or of a newer version. An older one is left as it is.
    """
    try:
        with closing(_opened(path)) as connection:
            version = schema_version(connection, path)
            if version:
                connection.execute(statements("queue.sql")["probe"], (time.time_ns() // 1000,))
            return version
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{path}: cannot be used as a queue: {exc}") from exc


class OwnerLock:
    """Held on `<file>.lock` by the one process that serves a queue; the system lets go of it when that one dies."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError if another process holds it, or if it cannot be made."""
        try:
            self._file: IO[bytes] = path.with_name(path.name + ".lock").open("ab")
        except OSError as cause:
            raise unusable(path, cause) from cause
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            self._file.close()
            if not isinstance(cause, BlockingIOError):
                raise unusable(
                    path, OSError(cause.errno, f"cannot be locked: {cause.strerror}", self._file.name)
                ) from cause
            raise ConfigError(
                f"{path}: another browsee-adapter is serving this queue; stop it, or give this one a queue of its own"
            ) from None

    def release(self) -> None:
        """Let the next owner in."""
        self._file.close()


def connect(path: Path) -> sqlite3.Connection:
    """The owner's connection, in autocommit mode, for any one thread at a time, that syncs every commit (WAL, FULL).

    Makes the tables of a new file, and upgrades those of an older version: only the owner may, because nobody else
    serves the file. Raises QueueError, naming the file, if it is damaged, not ours, or made by a newer version.
    """
    try:
        connection = _opened(path)
        try:
            # Before the first table: afterwards only a VACUUM of the whole file could turn it on.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{path}: cannot be used as a queue: {exc}") from exc
    return connection


def attach(path: Path) -> sqlite3.Connection:
    """A connection beside the owner, which may run or not. Never makes a file, and never makes or upgrades a table.

    Raises QueueError if the file is damaged, not ours, or of another version than this one.
    """
    try:
        connection = _opened(path)
        try:
            version = schema_version(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{path}: cannot be used as a queue: {exc}") from exc
    if version == newest_version():
        return connection
    connection.close()
    if version == 0:
        raise QueueError(f"{path}: holds no queue yet; the service makes its tables when it starts")
    raise QueueError(
        f"{path}: written by an older version of browsee-adapter (schema {version}; this one reads "
        f"{newest_version()}). Use the commands of the version that serves it, or start the service of this "
        "version: it upgrades the file"
    )


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.text_factory = READABLE
        connection.execute("PRAGMA synchronous = FULL")
        # Else what a large statement could have to undo is written to a file in /tmp first, and for nothing.
        connection.execute("PRAGMA temp_store = MEMORY")
        # What is taken away must not be left to read, neither in free pages nor where a page was rearranged before.
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        connection.execute(f"PRAGMA cache_size = -{64 * 1024}")
    except BaseException:
        connection.close()
        raise
    return connection

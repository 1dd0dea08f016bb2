"""Where a queue's database is: in a file, or in the memory of this process. The rest of the folder uses a `Place`."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapter.errors import ConfigError
from adapter.queue.room import Room
from adapter.queue.sqlite.disk_space import DiskSpace, Space, space_of
from adapter.queue.sqlite.file import OwnerLock, prepare_place
from adapter.queue.sqlite.log import refuse_damaged_log

MEMORY_BYTES = 256 * 1024 * 1024
"""The limit of a queue in memory. SQLite allows 1 GiB (SQLITE_MEMDB_DEFAULT_MAXSIZE); small containers have less."""


class Place(Protocol):
    """The differences between a file and memory. `str(place)` names the place in errors."""

    def connect(self) -> sqlite3.Connection:
        """A connection in autocommit mode, for any one thread at a time. Creates the database if there is none."""
        ...

    def own(self) -> Callable[[], None]:
        """Become the owner, of which there is one; call the result to give the ownership up.

        Raises ConfigError if the place cannot be used or has an owner, QueueError if the database is damaged.
        """
        ...

    def room(self, *, max_bytes: int) -> Room:
        """The room of the queue here. Raises ConfigError if there can never be enough of it."""
        ...

    def require_queue(self) -> None:
        """Raises ConfigError if there is no queue."""
        ...

    def without_tables(self) -> str:
        """The text of the error for a database without tables."""
        ...


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A queue in the file `path`; `space` returns the space of the file system of a folder."""

    path: Path
    space: Callable[[Path], Space] = space_of

    def __str__(self) -> str:
        return str(self.path)

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256)

    def own(self) -> Callable[[], None]:
        prepare_place(self.path)
        lock = OwnerLock(self.path)
        try:
            refuse_damaged_log(self.path)
        except BaseException:
            lock.release()
            raise
        return lock.release

    def room(self, *, max_bytes: int) -> Room:
        return DiskSpace(self.path, max_bytes=max_bytes, space=self.space)

    def require_queue(self) -> None:
        try:
            is_there = self.path.is_file()
        except OSError as cause:
            raise ConfigError(f"{self}: cannot be read: {cause.strerror}") from cause
        if not is_there:
            raise ConfigError(
                f"{self}: there is no queue here; `serve` creates it. Run the command where `serve` runs, or name its "
                "settings with --config"
            )

    def without_tables(self) -> str:
        return f"{self}: contains no queue yet; the service creates the tables when it starts"


@dataclass(frozen=True, slots=True)
class MemoryPlace:
    """A queue in this process, by its `name`. The database is deleted with its last connection.

    SQLite's `memdb` keeps one database for all connections of a process, with the locks of a file:
    https://www.sqlite.org/src/file?name=src/memdb.c. Readers and the writer wait for each other, for milliseconds.
    """

    name: str

    def __str__(self) -> str:
        return "the queue in memory"

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:/{self.name}?vfs=memdb",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    def own(self) -> Callable[[], None]:
        return lambda: None  # no other process can reach it

    def room(self, *, max_bytes: int) -> Room:
        if max_bytes < MEMORY_BYTES:
            return Room(max_bytes=max_bytes, setting="retention.max_disk")
        return Room(
            max_bytes=MEMORY_BYTES, setting="the limit of a queue in memory; a queue in a file has a larger one"
        )

    def require_queue(self) -> None:
        return None

    def without_tables(self) -> str:
        return f"{self} can be looked into only through the service: give the service's address with --url"

"""A faulty adapter for controls: its queue never syncs. Never part of the service.

`python -m reliability.unsynced_queue --config F --host H --port P` serves as `serve` does, with `synchronous = OFF`.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from adapter.errors import ConfigError
from adapter.queue.address import SqliteFile
from adapter.queue.contract import Queue
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.wiring import Wiring
from adapter.settings.settings import Settings
from reliability.faulty_service import command

MODULE = "reliability.unsynced_queue"


class _UnsyncedQueue(SqliteQueue):
    """A queue whose commits reach the disk whenever the system writes them."""

    def __init__(self, *args: Any, connection: sqlite3.Connection, **rest: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        super().__init__(*args, connection=connection, **rest)


async def _open_queue(settings: Settings, *, now: Callable[[], float]) -> Queue:
    if not isinstance(settings.queue, SqliteFile):
        raise ConfigError("a queue in memory has nothing to sync")
    return await _UnsyncedQueue.open(settings.queue.path, now=now)


if __name__ == "__main__":
    command(Wiring(open_queue=_open_queue))()

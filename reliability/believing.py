"""A faulty adapter for controls: it trusts the machine's clock at once. Never part of the service.

`python -m reliability.believing --config F --host H --port P` serves as `serve` does.
"""

import sqlite3
import time
from collections.abc import Callable

from adapter.queue.address import SqliteFile
from adapter.queue.contract import Queue
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.trusted_time import TrustedTime
from adapter.service.wiring import Wiring
from adapter.settings.settings import Settings
from reliability.faulty_service import command
from reliability.places import open_by

MODULE = "reliability.believing"


def _believed(connection: sqlite3.Connection, *, wall: Callable[[], float], steady: Callable[[], float]) -> TrustedTime:
    del connection  # where the service finds what it trusted last
    return TrustedTime(None, wall=wall, steady=steady)


class _BelievingQueue(SqliteQueue):
    """A queue whose retention uses the machine's clock, whatever it shows."""

    _trusted_time = staticmethod(_believed)


async def _open_queue(settings: Settings, *, now: Callable[[], float]) -> Queue:
    if isinstance(settings.queue, SqliteFile):
        return await _BelievingQueue.open(settings.queue.path, now=now)
    return await open_by(settings.queue, time.time)


if __name__ == "__main__":
    command(Wiring(open_queue=_open_queue))()

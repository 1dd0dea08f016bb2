"""Checks whether a queue could be served from a file here, beside a service that may be running."""

import os
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import DatabaseError

from adapter.errors import AdapterError, QueueError
from adapter.queue.records import QueueCheck
from adapter.queue.sqlite.connection import opened
from adapter.queue.sqlite.file import tried_place, unusable
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.schema import newest_version, schema_version
from adapter.queue.sqlite.statements import statements

_SLOW_SYNC_S = 0.1
_LITTLE_ROOM_BYTES = 500_000_000


def check_file(file: Path) -> QueueCheck:
    """Write to the queue file and sync it, or to a file where it would be; leaves nothing behind."""
    try:
        with tried_place(file):
            room = shutil.disk_usage(file.parent).free
            is_there = file.is_file()
            took_s, version = _written_to_queue(file) if is_there else _written_beside(file)
    except AdapterError as error:
        return QueueCheck(False, str(error), "look at the disk and at the rights of the user who runs the adapter")
    except OSError as cause:
        return QueueCheck(False, str(unusable(file, cause)))
    if room < _LITTLE_ROOM_BYTES:
        return QueueCheck(False, f"{file}: {room // 10**6} MB are free", "make room, or put the queue elsewhere")
    there = "" if is_there else ", and made at the first start"
    todo = "a slow disk: every request waits for this" if took_s > _SLOW_SYNC_S else ""
    if 0 < version < newest_version():
        there = f", of an older version (schema {version})"
        todo = "the service upgrades the file at its start; an older version cannot read the file afterwards"
    return QueueCheck(True, f"{file}: written and synced in {took_s * 1000:.1f} ms{there}", todo)


def _written_to_queue(file: Path) -> tuple[float, int]:
    """Seconds that a write with its sync took, beside a service that may be running; and the version of the file.

    Raises QueueError if the file is damaged, not a queue of the adapter, or of a newer version. An older file is not
    upgraded.
    """
    refuse_damaged_log(file)
    place = FilePlace(file)
    start_s = time.perf_counter()
    try:
        with closing(opened(place)) as connection:
            version = schema_version(connection, place)
            if version:
                connection.execute(statements("queue.sql")["probe"], (time.time_ns() // 1000,))
    except DatabaseError as exc:
        raise QueueError(f"{file}: cannot be used as a queue: {exc}") from exc
    return time.perf_counter() - start_s, version


def _written_beside(file: Path) -> tuple[float, int]:
    """The same for a queue that does not exist yet, in the folder that will hold it."""
    start_s = time.perf_counter()
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.") as tried:
        tried.write(b"browsee-adapter doctor")
        tried.flush()
        os.fsync(tried.fileno())
    return time.perf_counter() - start_s, 0

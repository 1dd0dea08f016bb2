"""Refuses a queue file whose write-ahead log is damaged, before SQLite treats the data before the damage as complete.

SQLite reads a log up to the first frame with a wrong checksum: the log of a power cut ends there. Bytes that were
damaged after their sync look the same to SQLite. The index of the log says how much SQLite reads; the log itself shows
what must be there (see `wal`).
"""

import os
import shlex
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from adapter.errors import QueueError
from adapter.queue.sqlite.wal import HEADER_BYTES, Log, Read

_INDEX_VERSION = 3007000
_DATABASE_HEADER_BYTES = 100
# Another process may restart the log during the check: then the next check finds nothing wrong.
_LOOKS = 3
_LOOK_AGAIN_S = 0.02


def refuse_damaged_log(path: Path) -> None:
    """Raises QueueError if the log of the queue file `path` holds synced commits that SQLite would leave out.

    Changes nothing, and reads little beyond the headers of frames. To be called before this process has the file open:
    closing a file releases every lock that the process has on it.
    """
    try:
        refusal = _damage(path)
        for _ in range(_LOOKS - 1):
            if refusal is None:
                return
            time.sleep(_LOOK_AGAIN_S)
            refusal = _damage(path)
    except sqlite3.DatabaseError as exc:
        raise QueueError(f"{path}: cannot be used as a queue: {exc}") from exc
    except OSError as exc:
        raise QueueError(f"{path}: cannot be read: {exc.filename or path}: {exc.strerror}") from exc
    if refusal is not None:
        raise QueueError(refusal)


def _damage(path: Path) -> str | None:
    """What is damaged and what to do about it, or None."""
    wal = _beside(path, "-wal")
    if not wal.is_file() or wal.stat().st_size <= HEADER_BYTES:
        return None
    with _reader(wal) as read, _reader(path) as read_database:
        header = read_database(0, _DATABASE_HEADER_BYTES)
        # 1 stands for 65,536: https://www.sqlite.org/fileformat2.html#page_size
        page_bytes = int.from_bytes(header[16:18], "big")
        log = Log.opened(read, size=wal.stat().st_size, page_bytes=65536 if page_bytes == 1 else page_bytes or 4096)
        if log is None or log.synced == 0:
            return None
        if len(header) < _DATABASE_HEADER_BYTES:
            return _without_database(path, wal, log)
        taken = _taken(path)
        if taken >= log.synced:
            return None
        page_of = partial(_page, read_database, log.page_bytes)
        return _refusal(path, wal, log, taken=taken, is_ahead=log.is_ahead(after=taken, page_of=page_of))


def _refusal(path: Path, wal: Path, log: Log, *, taken: int, is_ahead: bool) -> str:
    damaged = log.first_damaged(after=taken)
    where = "its header" if damaged is None or not log.has_header else f"frame {damaged}"
    cut = shlex.join(["truncate", "-s", str(log.end_of(taken)), str(wal)])
    way = _move(wal) if is_ahead or taken == 0 else cut
    return (
        f"{wal}: {where} is damaged, and intact frames behind it show that it was whole on disk before. SQLite would"
        f" leave out frames {taken + 1} to {log.synced} or more without a word: {log.commits(after=taken)} commits or"
        f" more, and the events answered 200 in them. Nothing was changed. Put {path.name} and {wal.name} back"
        f" from a copy of both. To go on without those commits, keep a copy of both files, then: {way}"
    )


def _without_database(path: Path, wal: Path, log: Log) -> str:
    found = "is empty" if path.is_file() else "is missing"
    return (
        f"{path}: the file {found}, but its log {wal.name} holds {log.commits(after=0)} commits or more; SQLite would"
        f" delete them. Nothing was changed. Put {path.name} back from a copy, with the {wal.name} that"
        f" belongs to it. To begin with an empty queue instead: {_move(wal)}"
    )


def _move(wal: Path) -> str:
    return shlex.join(["mv", str(wal), f"{wal}.damaged"])


def _taken(path: Path) -> int:
    """How many frames of its log SQLite reads: it recovers the index of the log, as any first opening does.

    The index is https://www.sqlite.org/walformat.html#the_wal_index_file_format. A read-only connection neither writes
    to the database nor removes the log.
    """
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with _reader(_beside(path, "-shm")) as read:
            index = read(0, 20)
    finally:
        connection.close()
    if len(index) < 20 or struct.unpack("=I", index[:4])[0] != _INDEX_VERSION:
        raise QueueError(f"{path}: cannot tell whether its log is whole; SQLite has no index of it in {path.name}-shm")
    return int(struct.unpack("=I", index[16:])[0])


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _page(read: Read, page_bytes: int, number: int) -> bytes:
    return read((number - 1) * page_bytes, page_bytes)


@contextmanager
def _reader(file: Path) -> Iterator[Read]:
    """Bytes of `file` by offset and size; none if there is no such file."""
    if not file.is_file():
        yield lambda *_: b""
        return
    descriptor = os.open(file, os.O_RDONLY)
    try:
        yield lambda offset, size: os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)

"""Reads a file that a person wrote, and tells whether it has changed; waits for the disk only."""

import errno
import os
import stat
from pathlib import Path
from typing import TypeAlias

MAX_BYTES = 10_000_000
"""Far more than any mapping or settings file has; a device without end is cut here."""


FileState: TypeAlias = tuple[int, int, int] | None
"""The time of change, size and inode of a file, which differ after a change; None if it cannot be read."""


def file_state(path: Path) -> FileState:
    """The state of the file `path` now. Never raises."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_regular(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of `path`.

    Raises OSError if it cannot be read, is larger than `max_bytes`, or is not a regular file: reading a FIFO or a
    device may never end.
    """
    # Without O_NONBLOCK, opening a FIFO waits for a writer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it must be a regular file, not {_kind_of(mode)}", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(handle)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes / 1e6:.0f} MB", str(path))
    return content


def _kind_of(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((kind for test, kind in kinds.items() if test(mode)), "a device")

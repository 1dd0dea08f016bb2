"""The queue's file: checked before it is opened, and owned by one process at a time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from adapter.errors import ConfigError

_BESIDE = ("", "-wal", "-shm", ".lock", ".ballast")
"""The suffixes of the files that SQLite, the lock and the ballast use beside the queue."""


def unusable(path: Path, cause: OSError) -> ConfigError:
    """The error for a queue at `path` whose folder or files cannot be used: which one, why, and for which user."""
    where = path if cause.filename is None else cause.filename
    what = cause.strerror or type(cause).__name__
    return ConfigError(
        f"{path}: cannot be used as a queue: {where}: {what}; "
        f"the user who runs the adapter (uid {os.geteuid()}) needs a folder that can be written to"
    )


def prepare_place(path: Path) -> None:
    """Create the folder of the queue file `path`, and check that each file the queue uses can be written.

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
    """As `prepare_place`, but removes the folders that it created. Raises ConfigError as that does."""
    made = [folder for folder in path.absolute().parents if not os.path.lexists(folder)]
    try:
        prepare_place(path)
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # the service may have started there meanwhile
                folder.rmdir()


class OwnerLock:
    """The lock on `<file>.lock`, held by the one process that serves a queue; the system releases it when the process
    ends.
    """

    def __init__(self, path: Path) -> None:
        """Raises ConfigError if another process holds the lock, or if it cannot be created."""
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
        """Release the lock."""
        self._file.close()

"""How much of the disk the queue file may have, and what is done when there is no more.

On a full disk nothing can be written, so nothing could be settled and no room would ever be made. Therefore a file
beside the queue, the ballast, holds some of the disk: when the disk is full it is given up, what is under way is
settled with what that frees, and nothing new is taken until the disk has room for the ballast again.
"""

import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from adapter.errors import QueueFull
from adapter.queue.base import Disk

BALLAST_BYTES = 32 * 1024 * 1024
_CALM = 0.95
# The growth told is a mean in which the newest look counts so much; below the second it is no growth.
_NEWEST = 0.2
_GROWING_PER_S = 1024.0


class Room:
    """See the module. `max_bytes` is what the pages in use may come to; history is thinned out from `thin_bytes` on.

    `give_way` may be called from any thread; the rest belongs to the event loop and may block for a moment.
    """

    def __init__(self, path: Path, *, max_bytes: int, ballast_bytes: int = BALLAST_BYTES) -> None:
        self.thin_bytes = round(0.9 * max_bytes)
        self.max_bytes = max_bytes
        self._ballast = path.with_name(path.name + ".ballast")
        self._ballast_bytes = ballast_bytes
        self._is_over = False
        self._used_bytes = 0
        self._held: tuple[int, float] | None = None
        self._history_s: float | None = None
        self._growth_per_s = 0.0
        self._has_ballast = False
        self.recover()

    @property
    def is_full(self) -> bool:
        """Nothing new may be taken now."""
        return self._is_over or not self._has_ballast

    def refusal(self) -> QueueFull:
        """What to tell whoever brings something new."""
        if self._is_over:
            return QueueFull(f"the queue uses {self.max_bytes} bytes of the disk, the most it may (retention.max_disk)")
        return QueueFull("the disk is full; delivery goes on and makes room")

    def give_way(self) -> None:
        """The disk is full: let what is under way have the ballast's place."""
        self._has_ballast = False
        self._remove_ballast()

    def recover(self) -> bool:
        """Take the ballast's place again, if the disk has it. True if something new may be taken."""
        if not self._has_ballast:
            self._has_ballast = self._fill_ballast()
        return not self.is_full

    @property
    def disk(self) -> Disk:
        """What is used, as it was told last."""
        left = max(0, self.max_bytes - (0 if self._held is None else self._held[0]))
        growing = self._growth_per_s > _GROWING_PER_S
        return Disk(self._used_bytes, self.max_bytes, left / self._growth_per_s if growing else None, self._history_s)

    def uses(self, used_bytes: int, *, held_bytes: int, history_s: float | None, now_s: float) -> None:
        """What the queue's pages come to now, what of them cannot make room for others, and how far back its history
        reaches. Once over the limit it stays over until there is some air.
        """
        if self._held is not None and now_s > self._held[1]:
            grown_per_s = (held_bytes - self._held[0]) / (now_s - self._held[1])
            self._growth_per_s += _NEWEST * (grown_per_s - self._growth_per_s)
        self._held = held_bytes, now_s
        self._used_bytes, self._history_s = used_bytes, history_s
        limit = self.max_bytes * (_CALM if self._is_over else 1.0)
        self._is_over = used_bytes >= limit

    def leave(self) -> None:
        """The service ends: give the ballast's place back."""
        self._remove_ballast()

    def _fill_ballast(self) -> bool:
        try:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._ballast_bytes)
        except OSError as exc:
            self._remove_ballast()
            # A file system that sets nothing aside must not stop the service; any other trouble is want of room.
            return exc.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
        return True

    def _remove_ballast(self) -> None:
        with suppress(OSError):
            self._ballast.unlink()


def is_full_disk(exc: BaseException) -> bool:
    """Whether SQLite failed for want of room."""
    return isinstance(exc, sqlite3.Error) and getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL

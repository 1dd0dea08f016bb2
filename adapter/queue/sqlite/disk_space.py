"""How much of the disk the queue file may have, and what is done when there is no more.

Two limits hold: `retention.max_disk`, and what the file system really has. On a full disk nothing can be written, so
nothing could be settled and no room would ever be made. Therefore a file beside the queue, the ballast, holds some of
the disk. When a write fails for want of room the ballast is given up, what is under way is settled with what that
frees, and nothing new is taken. The ballast comes back, and with it new events, only once the file system has room for
the ballast and `AIR_BYTES` beside it: with the ballast alone the row of a probe would fit, and no event would.
"""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapter.errors import ConfigError, QueueFull
from adapter.queue.contract import Disk
from adapter.queue.room import Room

BALLAST_BYTES = 32 * 1024 * 1024
AIR_BYTES = 16 * 1024 * 1024
"""What must be free beside the ballast before new events are taken again."""
# The growth shown is a mean in which the newest look counts so much; below the second it is no growth.
_NEWEST = 0.2
_GROWING_PER_S = 1024.0


@dataclass(frozen=True, slots=True)
class Space:
    """What a file system has for this user, and its whole size, in bytes."""

    free_bytes: int
    total_bytes: int


def space_of(folder: Path) -> Space:
    """The space of the file system that `folder` is on. Raises OSError."""
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class Growth:
    """How fast a figure grows: a mean of what it grew between two looks, the newest counting most."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None
        self._per_s = 0.0

    def add(self, figure: int, *, now_s: float) -> None:
        """The figure as it is now."""
        if self._last is not None and now_s > self._last[1]:
            grown_per_s = (figure - self._last[0]) / (now_s - self._last[1])
            self._per_s += _NEWEST * (grown_per_s - self._per_s)
        self._last = figure, now_s

    def time_to(self, limit: int) -> float | None:
        """Seconds until the figure reaches `limit` at this growth; None if it is not growing."""
        if self._last is None or self._per_s <= _GROWING_PER_S:
            return None
        return max(0, limit - self._last[0]) / self._per_s


class DiskSpace(Room):
    """The room of a queue in a file; see the module.

    `give_way` may be called from any thread; the rest belongs to the event loop and may block for a moment.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        ballast_bytes: int = BALLAST_BYTES,
        air_bytes: int = AIR_BYTES,
        space: Callable[[Path], Space] = space_of,
    ) -> None:
        """Raises ConfigError if the file system is too small to ever hold a queue."""
        super().__init__(max_bytes=max_bytes, setting="retention.max_disk")
        self._path = path
        self._space = space
        self._ballast = path.with_name(path.name + ".ballast")
        self._ballast_bytes = ballast_bytes
        self._air_bytes = air_bytes
        self._used_bytes = 0
        self._free_bytes: int | None = None
        self._history_s: float | None = None
        self._held, self._taken = Growth(), Growth()
        self._has_ballast = False
        self._refuse_too_small()
        self.recover()

    @property
    def is_full(self) -> bool:
        return super().is_full or not self._has_ballast

    @property
    def is_out_of_disk(self) -> bool:
        return not self._has_ballast

    def refusal(self) -> QueueFull:
        if self._is_over:
            return super().refusal()
        needed = (self._ballast_bytes + self._air_bytes) // 2**20
        return QueueFull(
            f"the disk is full: new events need {needed} MB free where {self._path.name} is; "
            "delivery goes on and makes room"
        )

    def give_way(self) -> None:
        """The disk is full: let what is under way have the ballast's place."""
        self._has_ballast = False
        self._remove_ballast()

    def recover(self) -> bool:
        """Take the ballast's place again, if the disk has that and some air. True if something new may be taken."""
        if not self._has_ballast:
            self._has_ballast = self._has_air() and self._fill_ballast()
        return not self.is_full

    @property
    def disk(self) -> Disk:
        times = {
            "retention.max_disk": self._held.time_to(self.max_bytes),
            "the disk": None if self._free_bytes is None else self._taken.time_to(-self._air_bytes),
        }
        limit, time_s = min(
            ((name, time_s) for name, time_s in times.items() if time_s is not None),
            key=lambda found: found[1],
            default=("", None),
        )
        return Disk(self._used_bytes, self.max_bytes, time_s, self._history_s, self._free_bytes, limit)

    def uses(self, used_bytes: int, *, held_bytes: int, history_s: float | None, now_s: float) -> None:
        super().uses(used_bytes, held_bytes=held_bytes, history_s=history_s, now_s=now_s)
        self._held.add(held_bytes, now_s=now_s)
        self._used_bytes, self._history_s = used_bytes, history_s
        with suppress(OSError):
            self._free_bytes = self._space(self._path.parent).free_bytes
            # What could be had if the queue's files held nothing but what cannot go: neither the log, which is used
            # again and again, nor history, which makes room, counts as growth; other files on the disk do.
            left = self._free_bytes + _size_on_disk(self._path) - held_bytes
            self._taken.add(-left, now_s=now_s)

    def leave(self) -> None:
        self._remove_ballast()

    def _refuse_too_small(self) -> None:
        needed = self._ballast_bytes + self._air_bytes
        with suppress(OSError):
            total = self._space(self._path.parent).total_bytes
            if total < needed:
                raise ConfigError(
                    f"{self._path}: its file system has {total // 2**20} MB in all; "
                    f"a queue needs more than {needed // 2**20} MB: put it on a larger one"
                )

    def _has_air(self) -> bool:
        try:
            free = self._space(self._path.parent).free_bytes
        except OSError:
            return False
        with suppress(OSError):  # left behind by a service that was killed, and about to be written anew
            free += self._ballast.stat().st_blocks * 512
        return free >= self._ballast_bytes + self._air_bytes

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


def _size_on_disk(path: Path) -> int:
    """Bytes that the queue's file and its log take of the disk."""
    size = 0
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            size += file.stat().st_blocks * 512
    return size


def is_full_disk(exc: BaseException) -> bool:
    """Whether SQLite failed for want of room."""
    return isinstance(exc, sqlite3.Error) and getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL

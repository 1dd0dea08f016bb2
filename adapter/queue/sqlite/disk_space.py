"""How much of the disk the queue file may use, and what happens when the disk is full. Theory of operation.

Two limits hold: `retention.max_disk`, and the free space of the file system. On a full disk nothing can be written, so
nothing could be settled, and no space would ever be freed. Therefore a file beside the queue, the ballast, reserves
some of the disk. When a write fails for lack of space, the ballast is deleted, events in flight are settled in the
space that this frees, and new messages are refused. The ballast is written again, and new messages are accepted, only
once the file system has room for the ballast and `AIR_BYTES` beside it: with less, the row of a probe would fit, and no
event would.
"""

import errno
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from adapter.errors import ConfigError, QueueFull
from adapter.queue.contract import Disk
from adapter.queue.room import Room

BALLAST_BYTES = 32 * 1024 * 1024
AIR_BYTES = 16 * 1024 * 1024
"""Free bytes beside the ballast that are needed before new messages are accepted again."""
# A forecast needs a share of what is left to have been filled while it was watched, or one large write of a second
# would be taken for growth that goes on: the rest then takes up to so many times as long as that share took.
_SHARE = 10
_HALF = 0.25
"""The part of that growth which each half of its time must have seen at least; otherwise it was one large write."""
_GROWING_PER_S = 1024.0
"""Growth below this is not growth, in bytes a second."""
_SHORT_LOOKS, _LONG_LOOKS, _LONG_EVERY_S = 120, 1440, 60.0
"""How many of the newest looks are kept, and of older ones one a minute: a day, and so forecasts of up to ten days."""


@dataclass(frozen=True, slots=True)
class Space:
    """The free space of a file system for this user, and its whole size, in bytes."""

    free_bytes: int
    total_bytes: int


def space_of(folder: Path) -> Space:
    """The space of the file system of `folder`. Raises OSError."""
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class Growth:
    """How fast a figure grows, by how long its newest growth took."""

    def __init__(self) -> None:
        self._short: deque[tuple[int, float]] = deque(maxlen=_SHORT_LOOKS)
        self._long: deque[tuple[int, float]] = deque(maxlen=_LONG_LOOKS)

    def add(self, figure: int, *, now_s: float) -> None:
        """Add the figure as it is now. A figure that is not later than the one before is ignored."""
        if self._short and now_s <= self._short[-1][1]:
            return
        self._short.append((figure, now_s))
        if not self._long or now_s - self._long[-1][1] >= _LONG_EVERY_S:
            self._long.append((figure, now_s))

    def time_to(self, limit: int) -> float | None:
        """Seconds until the figure reaches `limit`; None if it does not grow, or was not watched for long enough to say
        so.
        """
        if not self._short:
            return None
        figure, now_s = self._short[-1]
        left = max(0, limit - figure)
        # At least two looks ago, so that each half of the time has one.
        looks = islice(self._looks_back(), 2, None)
        since = next((look for look in looks if figure - look[0] >= max(1, left / _SHARE)), None)
        if since is None:
            return None
        grown, took_s = figure - since[0], now_s - since[1]
        middle = next(look for look in self._looks_back() if look[1] <= now_s - took_s / 2)
        is_steady = _HALF * grown <= figure - middle[0] <= (1 - _HALF) * grown
        return left * took_s / grown if is_steady and grown > _GROWING_PER_S * took_s else None

    def _looks_back(self) -> Iterator[tuple[int, float]]:
        """The figures seen, newest first."""
        yield from reversed(self._short)
        oldest_s = self._short[0][1]
        yield from (look for look in reversed(self._long) if look[1] < oldest_s)


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
            "delivery continues and frees space"
        )

    def give_way(self) -> None:
        """The disk is full: delete the ballast, so that events in flight can be settled."""
        self._has_ballast = False
        self._remove_ballast()

    def recover(self) -> bool:
        """Write the ballast again if the disk has room for it and `AIR_BYTES`. True if new messages are accepted."""
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
        with suppress(OSError):  # left by a service that was killed; written again below
            free += self._ballast.stat().st_blocks * 512
        return free >= self._ballast_bytes + self._air_bytes

    def _fill_ballast(self) -> bool:
        try:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._ballast_bytes)
        except OSError as exc:
            self._remove_ballast()
            # A file system without fallocate must not stop the service; any other error is lack of space.
            return exc.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
        return True

    def _remove_ballast(self) -> None:
        with suppress(OSError):
            self._ballast.unlink()


def _size_on_disk(path: Path) -> int:
    """Bytes that the queue's file and its log use on the disk."""
    size = 0
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            size += file.stat().st_blocks * 512
    return size


def is_full_disk(exc: BaseException) -> bool:
    """Whether SQLite failed for lack of space."""
    return isinstance(exc, sqlite3.Error) and getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL

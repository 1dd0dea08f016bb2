"""How much memory this process may use: the limit of its control group, as containers set it.

The files are those of https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files and
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

_UNLIMITED: Final = 2**60
"""Version 1 of control groups writes "no limit" as a number near 2^63."""


def memory_limit_bytes(*, groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The lowest limit of the process's group and of all groups above it; None without a limit, or if it cannot be
    read.
    """
    limits = [limit for file in _limit_files(groups, root) if (limit := _limit(file)) is not None]
    return min(limits, default=None)


def _limit_files(groups: Path, root: Path) -> Iterator[Path]:
    """Files that may hold limits. A container often sees its own group as the root, whatever its name is outside."""
    try:
        lines = groups.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        mount, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        group = PurePosixPath("/", path)
        for each in (group, *group.parents):
            yield mount / each.relative_to("/") / name


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() and int(text) < _UNLIMITED else None

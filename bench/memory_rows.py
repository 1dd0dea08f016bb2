"""A row about memory: the peak of the service in a container of the size that README offers."""

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import orjson

from bench.load import send
from bench.measure import Row, Sample
from bench.messages import ORDER, order
from bench.processes import adapter, bare, memory_mb
from bench.queues import new_folder

LIMIT_MB = 128
ARRAYS = 300
TIMES = 3
_NOTE = "x" * 900
"""Makes an order of 1.1 KB one of 2 KB."""
_GROUPS = Path("/sys/fs/cgroup/memory")
"""Control groups of version 1. Those of version 2 cannot be made inside a group that has processes of its own."""


async def memory(folder: Path) -> Row:
    """The peak memory of the service while arrays of events of 2 KB come in."""
    samples: list[Sample] = []
    bodies = _arrays()
    with limited_group() as group:
        for number in range(TIMES):
            async with AsyncExitStack() as stack:
                browsee = await stack.enter_async_context(bare("browsee"))
                with joined(group):
                    # It reads the limit at its start, so it must be in the group from the first moment.
                    served = adapter(new_folder(folder, number), browsee=browsee, rate="100000/s")
                    pid = (found := await stack.enter_async_context(served)).pid
                await send(found.webhook, bodies, connections=8)
                samples.append(Sample(memory_mb(pid, "VmHWM")))
    where = "no control group can be made here" if group is None else f"in a control group of {LIMIT_MB} MB"
    return Row(
        name="memory",
        what=f"most memory while {ARRAYS} arrays of 100 events of 2 KB come in and leave, {where}; {TIMES} rounds",
        unit="MB",
        peer="none, the figure itself counts",
        target="≤ 125 MB",
        ours=tuple(samples),
        theirs=(),
    )


MEMORY_ROWS = (memory,)


def _arrays() -> list[bytes]:
    longer = {**ORDER["properties"], "note": _NOTE}
    return [
        orjson.dumps([{**order(number), "properties": longer} for number in range(first, first + 100)])
        for first in range(0, ARRAYS * 100, 100)
    ]


@contextmanager
def limited_group() -> Iterator[Path | None]:
    """A control group with the limit; None if this process may not create one."""
    group = _GROUPS / f"bench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        (group / "memory.limit_in_bytes").write_text(str(LIMIT_MB * 1_000_000))
        yield group
    finally:
        group.rmdir()


@contextmanager
def joined(group: Path | None) -> Iterator[None]:
    """Processes that this one starts meanwhile are in the group too, and stay in it."""
    if group is None:
        yield
        return
    home = _GROUPS / _own_group()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))


def _own_group() -> str:
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    return next(path for _, kind, path in (line.split(":", 2) for line in lines) if kind == "memory").lstrip("/")

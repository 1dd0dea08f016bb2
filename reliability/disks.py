"""Failing disks for a queue. Each raises Skipped if the machine cannot provide it.

The system refuses a read-only remount while the queue is open for writing. So the disk that turns read-only does it as
real ones do: the file system finds an error in itself.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from reliability.findings import Skipped
from reliability.polling import until
from reliability.stage import Stage

DISK_BYTES = 80_000_000
_ATTACHED_S = 10.0
# All system calls by which SQLite and the ballast change a file.
_WRITES = "write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync"

DiskFault: TypeAlias = Callable[[Stage], AbstractAsyncContextManager[None]]
"""The fault of the disk while the block lasts; the adapter of the stage runs before, during and after it."""
FaultyDisk: TypeAlias = Callable[[Path], AbstractAsyncContextManager[DiskFault]]
"""A disk at an empty folder, and its fault."""


@asynccontextmanager
async def full(folder: Path) -> AsyncIterator[DiskFault]:
    """A small file system in memory that other files fill completely."""
    _needs_root("mount")
    await _mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "chaos", str(folder))
    filler = folder / "filler"

    @asynccontextmanager
    async def trouble(_: Stage) -> AsyncIterator[None]:
        _fill_up(filler)
        yield
        filler.unlink()

    try:
        yield trouble
    finally:
        await _ran("umount", "--lazy", str(folder))


@asynccontextmanager
async def failing(folder: Path) -> AsyncIterator[DiskFault]:
    """Every write to the queue's files, and every sync, fails with EIO: strace injects the error."""
    strace = shutil.which("strace")
    if strace is None:
        raise Skipped("needs strace (Debian: apt install strace)")

    @asynccontextmanager
    async def trouble(stage: Stage) -> AsyncIterator[None]:
        if stage.adapter is None:
            raise RuntimeError("no adapter runs")
        pid = stage.adapter.process.pid
        names = (stage.queue.name, f"{stage.queue.name}-wal", f"{stage.queue.name}.ballast")
        paths = [part for name in names for part in ("-P", str(folder / name))]
        options = ("-f", "-qq", "-o", os.devnull, "-e", f"inject={_WRITES}:error=EIO", "-p", str(pid))
        tracer = await asyncio.create_subprocess_exec(strace, *paths, *options, stderr=asyncio.subprocess.DEVNULL)

        async def has_attached() -> bool:
            return tracer.returncode is not None or _is_traced(pid)

        try:
            if not await until(has_attached, within_s=_ATTACHED_S) or tracer.returncode is not None:
                raise Skipped("strace may not attach to a process here")
            yield
        finally:
            if tracer.returncode is None:
                tracer.send_signal(signal.SIGTERM)
            await tracer.wait()

    yield trouble


@asynccontextmanager
async def read_only(folder: Path) -> AsyncIterator[DiskFault]:
    """An ext4 in a file, which finds an error in itself and turns read-only. It stays read-only until the service is
    stopped, the disk is repaired and mounted again, and the service is started.
    """
    _needs_root("mount", "mkfs.ext4", "fsck.ext4")
    image = folder.with_name(f"{folder.name}.ext4")
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    mount = partial(_mount, "-o", "loop,errors=remount-ro", str(image), str(folder))
    await _ran("mkfs.ext4", "-q", str(image))
    await mount()

    @asynccontextmanager
    async def trouble(stage: Stage) -> AsyncIterator[None]:
        _ext4_switch(folder).write_text("chaos", encoding="ascii")
        yield
        await stage.stop()
        await _ran("umount", str(folder))
        await _ran("fsck.ext4", "-fy", str(image))
        await mount()
        await stage.start()

    try:
        if not _ext4_switch(folder).exists():
            raise Skipped("this kernel has no way to report an error in a file system")
        yield trouble
    finally:
        await _ran("umount", "--lazy", str(folder))


def _needs_root(*commands: str) -> None:
    if os.geteuid() != 0:
        raise Skipped("needs root, to mount a small file system")
    lacking = [command for command in commands if shutil.which(command) is None]
    if lacking:
        raise Skipped(f"needs {', '.join(lacking)}")


async def _mount(*arguments: str) -> None:
    if await _ran("mount", *arguments) != 0:
        raise Skipped("this machine does not allow mounting a file system")


async def _ran(*command: str) -> int:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=null, stderr=null)
    return await process.wait()


def _is_traced(pid: int) -> bool:
    """Whether all threads of `pid` are stopped."""
    return all("TracerPid:\t0\n" not in task.read_text("ascii") for task in Path(f"/proc/{pid}/task").glob("*/status"))


def _ext4_switch(folder: Path) -> Path:
    """The file that tells the kernel that the file system mounted at `folder` has an error."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    device = next((device for device, place, *_ in mounts if place == str(folder)), "none")
    return Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"


def _fill_up(filler: Path) -> None:
    """Fill the disk completely."""
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            _write_all(file.fileno(), b"\0" * size)


def _write_all(descriptor: int, chunk: bytes) -> None:
    try:
        while os.write(descriptor, chunk):
            pass
    except OSError:
        return

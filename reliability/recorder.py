"""Runs a process under strace, which records its writes and syncs (Debian: `apt install strace`)."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from reliability.findings import Skipped
from reliability.polling import until
from reliability.power import CALLS, RecordedStep, steps

_TRIED_S = 5.0
_WRITTEN_OUT_S = 30.0


class Recorder:
    """Records into `file`. Raises Skipped if recording is not possible."""

    def __init__(self, file: Path) -> None:
        tool = shutil.which("strace")
        if tool is None:
            raise Skipped("needs strace (Debian: apt install strace)")
        self._file = file
        # -D: the process itself is the child, so that signals reach it. Its last line says that it was killed.
        self._tool = (tool, "-D", "-f", "-q", "--seccomp-bpf", "-e", "signal=kill", "-o", str(file))

    @property
    def under(self) -> Sequence[str]:
        """The command that runs another under strace."""
        return (*self._tool, "-y", "-ttt", "-xx", "-s", "1000000", "-e", f"trace={','.join(CALLS)}")

    async def try_out(self) -> None:
        """Raises Skipped if this machine does not allow tracing."""
        process = await asyncio.create_subprocess_exec(*self._tool, "true", stderr=asyncio.subprocess.DEVNULL)
        if await process.wait() != 0 or not await self._has_ended(process.pid, within_s=_TRIED_S):
            raise Skipped("this machine does not allow tracing a process, which strace needs")

    async def steps(self, pid: int) -> list[RecordedStep]:
        """The record of process `pid`, which was killed. Raises Skipped if strace does not write it completely."""
        if not await self._has_ended(pid, within_s=_WRITTEN_OUT_S):
            raise Skipped(f"strace did not tell within {_WRITTEN_OUT_S:.0f} s how the process ended")
        with self._file.open(encoding="ascii") as lines:
            return list(steps(lines))

    async def _has_ended(self, pid: int, *, within_s: float) -> bool:
        """Whether the last line about `pid`, its end, is written."""

        async def has_started() -> bool:
            last = self._file.read_bytes()[-1000:].decode("ascii") if self._file.is_file() else ""
            return any(line.startswith(f"{pid} ") and " +++ " in line for line in last.splitlines())

        return await until(has_started, within_s=within_s)

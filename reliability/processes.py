"""Commands of the adapter as processes, reached at the address that they print. Ends only processes that it started."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

START_S = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class DidNotStart(Exception):  # noqa: N818 - for some experiments this is the answer they hope for
    """The process ended before it served. `code` is its exit status, `said` the end of its log."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"ended with {code}: {said[-500:]}")
        self.code = code
        self.said = said


@dataclass(frozen=True, slots=True)
class Process:
    """A started command that serves at `url`."""

    process: asyncio.subprocess.Process
    url: str

    async def end(self, number: signal.Signals, *, within_s: float = 40.0) -> int:
        """Send the signal and return the exit status. Raises TimeoutError if it takes longer than `within_s`."""
        self.signal(number)
        return await self.ended(within_s=within_s)

    async def ended(self, *, within_s: float = 40.0) -> int:
        """Wait for the end and return the exit status. Raises TimeoutError if it takes longer than `within_s`."""
        return await asyncio.wait_for(self.process.wait(), within_s)

    def signal(self, number: signal.Signals) -> None:
        """Send the signal if the process still runs."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def peak_memory_bytes(self) -> int:
        """The largest memory it has used so far; 0 if the system does not say."""
        with suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            found = re.search(r"VmHWM:\s*(\d+) kB", status)
            return int(found[1]) * 1024 if found else 0
        return 0


async def start(
    arguments: Sequence[str],
    *,
    log: Path,
    module: str = "adapter",
    environ: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
) -> Process:
    """Run `python -m <module> <arguments>` and wait for the address it prints; what it logs is added to `log`.

    `under` is a command that runs it and becomes it, so that signals reach it. Raises DidNotStart if it ends first.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *under,
            sys.executable,
            "-m",
            module,
            *arguments,
            env={**clean, "PYTHONUNBUFFERED": "1", **(environ or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        return Process(process, await asyncio.wait_for(_address(process, log), START_S))
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise


def log_of(file: Path) -> str:
    """The output of a process so far."""
    return file.read_text(encoding="utf-8", errors="replace")


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    if process.stdout is None:
        raise RuntimeError("a process without a pipe cannot be asked for its address")
    while line := (await process.stdout.readline()).decode():
        found = _ADDRESS.search(line)
        if found is not None:
            return found.group()
    raise DidNotStart(await process.wait(), log_of(log))

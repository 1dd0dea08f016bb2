"""The adapter and the sandbox as a user runs them: processes, distinguished by the ports they print."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

START_S = 20.0
TOKEN = "token-of-the-operator"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
"""What shows figures and details of every service started here."""


@dataclass(frozen=True, slots=True)
class Process:
    """A started command that serves at `url`."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def stop(self, sent: signal.Signals = signal.SIGTERM, *, within_s: float = 40.0) -> int:
        """Send the signal and give the exit code; fails if it takes longer than `within_s`."""
        with suppress(ProcessLookupError):
            self.process.send_signal(sent)
        return await asyncio.wait_for(self.process.wait(), within_s)


async def start(arguments: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None) -> Process:
    """Run `python -m adapter …` and wait for the address it prints; its output goes to `log` too."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "adapter",
            *arguments,
            env={**clean, "PYTHONUNBUFFERED": "1", "ADAPTER_ADMIN_TOKEN": TOKEN, **(environ or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    return Process(process, await asyncio.wait_for(_address(process, log), START_S), log)


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found is not None:
            return found.group()
    raise AssertionError(f"ended with {await process.wait()}: {log.read_text()[-2000:]}")

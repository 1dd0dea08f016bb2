"""The adapter's commands as processes of the cluster: started, watched, and started again if they end by themselves."""

import asyncio
import contextlib
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 45.0
_AGAIN_S = 1.0
_URL = re.compile(r"http://127\.0\.0\.1:(\d+)")


class CommandError(Exception):
    """A command ended before it served; the text has its last lines."""


@dataclass(slots=True)
class Command:
    """`browsee-adapter` with `arguments`, which serves at a port; its output is added to `log`."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    _before: int = 0
    _reading: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def pid(self) -> int:
        """The id of the process started last."""
        return 0 if self.process is None else self.process.pid

    async def start(self) -> None:
        """Start it, and wait for the address that it prints. Raises CommandError."""
        # A session of its own: a Ctrl-C in the terminal ends the cluster, which ends its parts in the right order.
        with_parent = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with self.log.open("ab") as log:
            self._before = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *(*with_parent, sys.executable, "-m", "adapter", *self.arguments),
                env={**self.environ, "PYTHONUNBUFFERED": "1"},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(_START_WITHIN_S):
                self.port = await self._printed_port(self.process)
        except TimeoutError:
            raise CommandError(f"{self.name} does not start: see {self.log}") from None
        self._reading = {asyncio.create_task(self._read_on(self.process))}

    async def keep_running(self, say: Callable[[str], None]) -> None:
        """Start it again whenever it ends, until cancelled."""
        while True:
            ended = -1 if self.process is None else await self.process.wait()
            how = f"by {signal.Signals(-ended).name}" if ended < 0 else f"with status {ended}"
            say(f"{self.name} ended {how}; starting it again")
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(CommandError):
                await self.start()
                say(f"{self.name} is back: pid {self.pid}")

    async def stop(self) -> None:
        """Let it finish its work; on return it has ended."""
        if self.process is None:
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sent)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_WITHIN_S):
                    await self.process.wait()
                    return

    async def _printed_port(self, process: asyncio.subprocess.Process) -> int:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            found = _URL.search(line)
            if found is not None:
                return int(found[1])
        await process.wait()
        said = self.log.read_bytes()[self._before :].decode(errors="replace").strip().splitlines()[-5:]
        raise CommandError("\n".join([f"{self.name} ended with status {process.returncode}:", *said]))

    async def _read_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while await process.stdout.readline():
            pass

"""The service and its bare peers as processes, and the CPU that each of them used."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.processes import start

KEY = "bench-key"


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers at `url`, and at `tls_url` if it has a certificate."""

    url: str
    pid: int
    tls_url: str = ""

    @property
    def webhook(self) -> str:
        """The webhook of the service's first source."""
        return f"{self.url}/webhooks/{source_name(0)}/{KEY}-0"


@asynccontextmanager
async def bare(mode: str, *certificate: str) -> AsyncIterator[Served]:
    """A bare server as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.servers", mode, *certificate),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url, *tls_url = (await process.stdout.readline()).decode().split()
        yield Served(url, process.pid, *tls_url)
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def adapter(
    folder: Path, *, browsee: Served, rate: str, sources: int = 1, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Served]:
    """The real service, on a queue in `folder`, with so many sources. It may be killed before the block ends."""
    settings = ["--host", "127.0.0.1", "--port", "0", "--config", str(_settings(folder, browsee, rate, sources))]
    process = await start(["serve", *settings], log=folder / "adapter.log", environ=environ)
    try:
        yield Served(process.url, process.process.pid)
    finally:
        await process.stop()


def source_name(number: int) -> str:
    """The name of the source of this number, from 0 on."""
    return f"bench-{number}"


def cpu_us(pid: int) -> float | None:
    """Microseconds that all threads of a process used, its ended ones too, in steps of 10 ms; None without /proc.

    proc_pid_stat(5): fields 14 and 15 are the time in user mode and in the kernel, in ticks.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def cpu_us_each(pid: int, before: float | None, count: int) -> float | None:
    """Microseconds for each of `count` events since `before`, a result of `cpu_us`."""
    after = cpu_us(pid)
    return None if before is None or after is None else (after - before) / count


def tree_cpu_us(pid: int) -> float | None:
    """As `cpu_us`, for a process and all running processes that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    used = [cpu_us(pid), *(cpu_us(int(child)) for child in children)]
    return sum(each for each in used if each is not None)


def memory_mb(pid: int, field: str) -> float:
    """Memory of a process in millions of bytes: `VmRSS` now, or `VmHWM` as peak; see proc_pid_status(5)."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def _settings(folder: Path, browsee: Served, rate: str, sources: int) -> Path:
    file = folder / "adapter.yaml"
    named = "".join(
        f"  {source_name(number)}: {{keys: [{KEY}-{number}], browsee_api_key: bench-browsee-key}}\n"
        for number in range(sources)
    )
    url = browsee.tls_url or browsee.url
    text = f"queue: sqlite:///{folder}/queue.db\nbrowsee: {{url: {url}/api/v1, rate: {rate}}}\n"
    file.write_text(f"{text}sources:\n{named}", encoding="utf-8")
    return file

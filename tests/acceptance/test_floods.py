"""`serve` under peers that send what is not HTTP and go on: its memory, and whether good senders are answered.

The long form (`make test-long`) prints its figures, which docs/reliability.md shows.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.flood import SHAPES
from tests.acceptance.processes import Process, start

pytestmark = pytest.mark.alone

GROWTH_KB = 30_000
SENDERS_WAIT_S = 10
"""Segment's webhooks wait so long for an answer."""
SETTINGS = """\
admin_token: token-of-the-operator
admin_listen: 127.0.0.1:0
sources: {{shop: {{keys: [key-of-the-shop-1], browsee_api_key: browsee-key-of-shop, mapping: default}}}}
browsee: {{url: "http://127.0.0.1:9/api/v1"}}
queue: sqlite:///{folder}/queue.db
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A service with both of its addresses."""

    process: Process
    url: str
    admin_url: str

    @property
    def memory_kb(self) -> int:
        """What it holds in memory now."""
        status = (Path("/proc") / str(self.process.process.pid) / "status").read_text()
        return int(re.findall(r"VmRSS:\s*(\d+) kB", status)[0])

    @property
    def peak_kb(self) -> int:
        """The most it ever held in memory."""
        status = (Path("/proc") / str(self.process.process.pid) / "status").read_text()
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0])

    @property
    def ports(self) -> list[str]:
        """Those of senders and of operators."""
        return [url.rpartition(":")[2] for url in (self.url, self.admin_url)]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one flood did: growth beyond idle at its end and later, and good requests meanwhile."""

    end_kb: int
    later_kb: int
    answered: int
    slowest_s: float


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """A service that listens at two addresses."""
    (folder / "adapter.yaml").write_text(SETTINGS.format(folder=folder))
    arguments = ["serve", "--config", str(folder / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
    process = await start(arguments, log=folder / "adapter.log")
    assert process.process.stdout is not None
    try:
        admin_url = ""
        while not admin_url:
            line = (await process.process.stdout.readline()).decode()
            found = re.search(r"(http://127\.0\.0\.1:\d+)/readyz", line)
            admin_url = found[1] if found else ""
        yield Served(process, process.url, admin_url)
    finally:
        await process.stop()


async def good_requests(at: Served, until: asyncio.Event) -> tuple[int, float]:
    """Good senders and operators beside a flood: how many were answered, and how slowly at worst."""
    answered, slowest_s = 0, 0.0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        while not until.is_set() or not answered:
            began_s = time.monotonic()
            event = {"type": "track", "event": "Clicked", "userId": f"u-{answered}"}
            async with http.post(f"{at.url}/webhooks/shop/key-of-the-shop-1", json=event) as answer:
                assert answer.status == 200
            async with http.get(f"{at.admin_url}/healthz") as answer:
                assert answer.status == 200
            answered, slowest_s = answered + 1, max(slowest_s, time.monotonic() - began_s)
            await asyncio.sleep(0.02)
    return answered, slowest_s


async def flooded(at: Served, shape: str, *, connections: int, flood_s: float, after_s: float) -> Seen:
    """One flood of `shape` at both addresses at once."""
    idle_kb, over = at.memory_kb, asyncio.Event()
    good = asyncio.create_task(good_requests(at, over))
    command = [sys.executable, "-m", "tests.acceptance.flood", shape, str(connections), str(flood_s), *at.ports]
    flood = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await flood.communicate()
    end_kb = at.memory_kb - idle_kb
    over.set()
    answered, slowest_s = await good
    await asyncio.sleep(after_s)
    assert int(printed) >= 2 * connections
    return Seen(end_kb, at.memory_kb - idle_kb, answered, slowest_s)


def too_much(seen: dict[str, Seen], *, slowest_s: float) -> dict[str, Seen]:
    """The floods that cost more than they may."""
    return {
        shape: found
        for shape, found in seen.items()
        if max(found.end_kb, found.later_kb) > GROWTH_KB or found.slowest_s > slowest_s
    }


async def test_what_is_not_http_fills_no_memory(tmp_path: Path) -> None:
    """A tenth of the long form: ten connections of each shape at each address, for half a second."""
    async with served(tmp_path) as at:
        await flooded(at, "noise after a request", connections=1, flood_s=0.2, after_s=0)
        seen = {shape: await flooded(at, shape, connections=10, flood_s=0.5, after_s=0) for shape in SHAPES}
        assert too_much(seen, slowest_s=SENDERS_WAIT_S) == {}


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_long_flood_fills_no_memory(shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred connections at each address for 10 s, and 30 s after they have gone."""
    async with served(tmp_path) as at:
        await flooded(at, "noise after a request", connections=1, flood_s=0.2, after_s=0)
        idle_kb = at.memory_kb
        found = await flooded(at, shape, connections=100, flood_s=10, after_s=30)
        with capsys.disabled():
            sys.stdout.write(
                f"| {shape} | {idle_kb / 1000:.0f} MB | {found.end_kb / 1000:+.1f} MB "
                f"| {found.later_kb / 1000:+.1f} MB | {found.answered} | {found.slowest_s:.2f} s |\n"
            )
        assert too_much({shape: found}, slowest_s=SENDERS_WAIT_S) == {}

"""What rows of `make bench` are measured with: each fails where what it measures does not happen."""

import asyncio
import os
import sqlite3
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bench.calls import post, taken
from bench.delivery_rows import self_signed
from bench.load import p99, paced_waits_ms, send, send_for, waits_ms
from bench.memory_rows import joined, limited_group
from bench.messages import batches
from bench.processes import bare, memory_mb
from bench.rows import straight_line


@dataclass(slots=True)
class Answering:
    """A server that answers with `status`, and over how many connections it was asked how often."""

    url: str = ""
    status: int = 200
    asked: int = 0
    connections: int = 0
    stall_s: float = 0.0


@asynccontextmanager
async def answering(status: int = 200) -> AsyncIterator[Answering]:
    """One on a free port."""
    found, seen = Answering(status=status), set()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        found.asked += 1
        stall_s, found.stall_s = found.stall_s, 0.0
        await asyncio.sleep(stall_s)
        seen.add(request.get_extra_info("peername"))
        found.connections = len(seen)
        return web.Response(status=found.status, body=b"{}")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield found
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("is_each_new", "connections"), [(True, 12), (False, 3)])
async def test_each_body_waits_once(is_each_new: bool, connections: int) -> None:
    """Over connections opened before, or over one of its own."""
    async with answering() as server:
        waits = await waits_ms(server.url, [b"{}"] * 12, connections=3, is_each_new=is_each_new)
        assert len(waits) == server.asked == 12
        assert server.connections == connections
        assert min(waits) > 0


async def test_an_answer_that_is_not_200_ends_the_measuring() -> None:
    """A figure of refusals would be a good one."""
    async with answering(503) as server:
        with pytest.raises(AssertionError, match="503"):
            await send(server.url, [b"{}"], connections=1)
        with pytest.raises(AssertionError, match="503"):
            await waits_ms(server.url, [b"{}"], connections=1, is_each_new=True)


async def test_sending_stops_when_its_time_is_over() -> None:
    """With what was sent by then answered; that nothing was left to send would be another measurement."""
    async with answering() as server:
        count = await send_for(0.05, server.url, [b"{}"] * 100_000, connections=2)
        assert 0 < count == server.asked
        with pytest.raises(AssertionError, match="all 3 bodies"):
            await send_for(0.05, server.url, [b"{}"] * 3, connections=1)


async def test_a_wait_counts_from_when_a_body_was_due() -> None:
    """A server that stalls for one of them makes those behind it wait too, though they were sent later."""
    async with answering() as server:
        calm = await paced_waits_ms(server.url, [b"{}"] * 20, connections=2, per_s=1000)
        assert len(calm) == server.asked == 20
        server.stall_s = 0.2
        stalled = await paced_waits_ms(server.url, [b"{}"] * 20, connections=1, per_s=1000)
        assert server.asked == 40
        # The first of them stalled; the last one was due 19 ms after it.
        assert min(stalled) > 150


def test_the_99th_percentile_is_of_the_longest_waits() -> None:
    """Two of a hundred that wait long show, one does not."""
    assert p99([1.0] * 98 + [100.0] * 2) > 90
    assert p99([1.0] * 199 + [100.0]) == 1


async def test_calls_are_counted_over_tls_for_who_trusts_the_certificate(tmp_path: Path) -> None:
    """Without it there is no connection, so that nothing is measured without TLS by mistake."""
    certificate = self_signed(tmp_path)
    context = ssl.create_default_context(cafile=certificate)
    async with bare("browsee", str(certificate)) as browsee:
        assert browsee.tls_url.startswith("https://")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await post(f"{browsee.tls_url}/api/v1/track", [b"{}"])
        assert await taken(browsee, 0) == 0
        await post(f"{browsee.tls_url}/api/v1/track", [b"{}"] * 200, tls=context)
        assert await taken(browsee, 0) == 200


def test_the_straight_line_stores_all_bodies_in_one_commit(tmp_path: Path) -> None:
    """As many a commit as the service groups, so that both sync as often."""
    connection = sqlite3.connect(tmp_path / "straight.db", isolation_level=None)
    store = straight_line(connection)
    commits: list[str] = []
    connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    store(batches(0, 8))
    assert connection.execute("SELECT count(DISTINCT message_id) FROM message").fetchone() == (800,)
    assert commits == ["COMMIT"]
    connection.close()


async def test_a_process_is_started_in_the_limited_group() -> None:
    """From its first moment, for the service reads the limit when it starts; this process is in it no longer."""
    with limited_group() as group:
        if group is None:
            pytest.skip("no control group can be made here")
        before = Path("/proc/self/cgroup").read_text()
        with joined(group):
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "print(open('/proc/self/cgroup').read())"), stdout=asyncio.subprocess.PIPE
            )
        said, _ = await child.communicate()
        assert f":memory:/{group.name}\n" in said.decode()
        assert Path("/proc/self/cgroup").read_text() == before
    assert not group.exists()


def test_memory_is_read_in_millions_of_bytes() -> None:
    """At most is never less than now."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc")
    assert 5 < memory_mb(os.getpid(), "VmRSS") <= memory_mb(os.getpid(), "VmHWM")

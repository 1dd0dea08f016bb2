"""Waiting times of senders for an acknowledgement: at steady rates, in a burst, and beside hostile senders."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bench.load import p99, paced_waits_ms, send, waits_ms
from bench.measure import ROUNDS, Row, Sample, in_turn
from bench.messages import batches, orders
from bench.processes import adapter, bare

SENDERS = 8
EACH_ROUND = 600
PER_S = 200
PEAK = 4_000
MANY_SENDERS = 64
BURST = 64
EACH = 3


async def attacked(folder: Path) -> Row:
    """Waiting times of good senders beside hostile ones."""
    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:
        bodies = iter(orders(0, (ROUNDS * 2 + 1) * EACH_ROUND))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SENDERS)) as http:
            await _p99_ms(http, served.webhook, bodies)
            before = [await _p99_ms(http, served.webhook, bodies) for _ in range(ROUNDS)]
            async with _attack(urlsplit(served.url).port or 80):
                during = [await _p99_ms(http, served.webhook, bodies) for _ in range(ROUNDS)]
    return Row(
        name="attacked",
        what=f"p99 of an acknowledgement, {PER_S} a second, 10,000 hostile connections",
        unit="ms",
        peer="itself before",
        target="≤ 20",
        ours=tuple(map(Sample, during)),
        theirs=tuple(map(Sample, before)),
    )


async def waited(folder: Path) -> Row:
    """Waiting for an acknowledgement at a steady rate."""
    async with bare("ack") as peer, bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:
        bodies = iter(orders(0, (ROUNDS + 1) * 2 * EACH_ROUND))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SENDERS)) as http:

            async def ours(_: int) -> Sample:
                return Sample(await _p99_ms(http, served.webhook, bodies))

            async def theirs(_: int) -> Sample:
                return Sample(await _p99_ms(http, f"{peer.url}/", bodies))

            samples = await in_turn(ours, theirs)
    return Row(
        name="waited",
        what=f"p99 of an acknowledgement, {PER_S} a second",
        unit="ms",
        peer="aiohttp + uvloop that parses and answers",
        target="≤ 3",
        ours=samples[0],
        theirs=samples[1],
    )


async def half_load(folder: Path) -> Row:
    """Waiting for an acknowledgement at half of the service's capacity."""
    async with bare("ack") as peer, bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:
        per_s = round(await _most_per_s(served.webhook) / 2)
        numbers = itertools.count(2 * PEAK, per_s)

        async def waiting_ms(url: str) -> Sample:
            bodies = orders(next(numbers), per_s)
            return Sample(p99(await paced_waits_ms(url, bodies, connections=MANY_SENDERS, per_s=per_s)))

        async def ours(_: int) -> Sample:
            return await waiting_ms(served.webhook)

        async def theirs(_: int) -> Sample:
            return await waiting_ms(f"{peer.url}/")

        samples = await in_turn(ours, theirs)
    return Row(
        name="half_load",
        what=f"p99 of an acknowledgement, {per_s:,} a second, half of what the service takes",
        unit="ms",
        peer="aiohttp + uvloop that parses and answers, as many a second",
        target="≤ 3",
        ours=samples[0],
        theirs=samples[1],
    )


async def burst(folder: Path) -> Row:
    """Waiting for the answer to arrays, each from a new connection, beside the same from connections opened before."""
    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:
        numbers = iter(range(0, ROUNDS * 100_000, BURST * EACH * 100))

        async def waiting_ms(*, is_each_new: bool) -> Sample:
            bodies = batches(next(numbers), BURST * EACH)
            return Sample(p99(await waits_ms(served.webhook, bodies, connections=BURST, is_each_new=is_each_new)))

        async def ours(_: int) -> Sample:
            return await waiting_ms(is_each_new=True)

        async def theirs(_: int) -> Sample:
            return await waiting_ms(is_each_new=False)

        samples = await in_turn(ours, theirs)
    return Row(
        name="burst",
        what=f"p99 of arrays of 100 by {BURST} senders, a new connection for each",
        unit="ms",
        peer="itself, connections opened before",
        target="≤ 1.2",
        ours=samples[0],
        theirs=samples[1],
    )


async def _most_per_s(url: str) -> float:
    """Acknowledgements a second without a pause, when it is warm."""
    rates = [PEAK / await send(url, orders(number * PEAK, PEAK), connections=128) for number in range(2)]
    return rates[-1]


async def _p99_ms(http: aiohttp.ClientSession, url: str, bodies: Iterator[bytes]) -> float:
    """The 99th percentile of waiting from when an event was due, so that a stall counts for all events it delays."""
    started_s = time.perf_counter()

    async def one(number: int, body: bytes) -> float:
        due_s = started_s + number / PER_S
        await asyncio.sleep(due_s - time.perf_counter())
        async with http.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 200
            await answer.read()
        return (time.perf_counter() - due_s) * 1000

    waited = await asyncio.gather(*(one(number, next(bodies)) for number in range(EACH_ROUND)))
    return p99(waited)


@asynccontextmanager
async def _attack(port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.attack", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        # All connections are open.
        await process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        await process.wait()


WAITING_ROWS = (waited, half_load, attacked, burst)

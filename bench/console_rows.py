"""The cost of the console for senders: eight streams with listeners, a mapping that is checked each second, and a
comparison.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from adapter.bundled import bundled
from bench.load import send
from bench.measure import Row, Sample, in_turn
from bench.messages import orders
from bench.processes import Served, adapter, bare, cpu_us, cpu_us_each, source_name

ADMIN_TOKEN = "token-of-the-bench-operator"  # noqa: S105 - of a service that ends with the row
STREAMS = 8
SINGLES = 8_000
CONNECTIONS = 128

Beside = Callable[[str], AbstractAsyncContextManager[None]]
"""Does something with the service at a URL while senders send."""


async def streamed(folder: Path) -> Row:
    """Acknowledgements a second while eight pages of the console listen."""
    return await _beside(
        folder, _streams, name="streamed", what=f"single events while {STREAMS} pages of the console listen", least=0.95
    )


async def checked(folder: Path) -> Row:
    """Acknowledgements a second while a mapping is checked each second."""
    return await _beside(
        folder, _checks, name="checked", what="single events while a draft is checked each second", least=0.85
    )


async def compared(folder: Path) -> Row:
    """Acknowledgements a second while a mapping is compared with recorded events, one comparison after another."""
    return await _beside(
        folder,
        _comparisons,
        name="compared",
        what="single events while a draft is compared with 1,000 events",
        least=0.85,
    )


async def _beside(folder: Path, beside: Beside, *, name: str, what: str, least: float) -> Row:
    environ = {"ADAPTER_ADMIN_TOKEN": ADMIN_TOKEN}
    async with (
        bare("browsee") as browsee,
        adapter(folder, browsee=browsee, rate="1/s", environ=environ) as served,
    ):

        async def ours(number: int) -> Sample:
            async with beside(served.url):
                return await _acknowledged(served, 2 * number)

        async def theirs(number: int) -> Sample:
            return await _acknowledged(served, 2 * number + 1)

        samples = await in_turn(ours, theirs)
    return Row(
        name=name,
        what=what,
        unit="acks/s",
        peer="itself alone",
        target=f"≥ {least:g}",
        ours=samples[0],
        theirs=samples[1],
    )


async def _acknowledged(served: Served, number: int) -> Sample:
    before = cpu_us(served.pid)
    seconds = await send(served.webhook, orders(number * SINGLES, SINGLES), connections=CONNECTIONS)
    return Sample(SINGLES / seconds, cpu_us_each(served.pid, before, SINGLES))


@asynccontextmanager
async def _streams(url: str) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(headers=_BEARER, timeout=aiohttp.ClientTimeout(None)) as http:

        async def listen(answer: aiohttp.ClientResponse) -> None:
            async for _ in answer.content.iter_any():
                pass

        answers = [await http.get(f"{url}/api/stream") for _ in range(STREAMS)]
        for answer in answers:
            answer.raise_for_status()
        tasks = [asyncio.create_task(listen(answer)) for answer in answers]
        yield
        await _ended(tasks)


def _checks(url: str) -> AbstractAsyncContextManager[None]:
    return _asking(url, "check", every_s=1.0)


def _comparisons(url: str) -> AbstractAsyncContextManager[None]:
    return _asking(url, "compare", every_s=0.0, limit=1_000)


@asynccontextmanager
async def _asking(url: str, operation: str, *, every_s: float, **more: int) -> AsyncIterator[None]:
    text = (bundled("mappings") / "default.yaml").read_text(encoding="utf-8")
    draft = {"source": source_name(0), "text": text, **more}
    async with aiohttp.ClientSession(headers=_BEARER) as http:

        async def ask() -> None:
            while True:
                started_s = time.perf_counter()
                async with http.post(f"{url}/api/mapping/{operation}", json=draft) as answer:
                    answer.raise_for_status()
                    await answer.read()
                await asyncio.sleep(max(0.0, started_s + every_s - time.perf_counter()))

        task = asyncio.create_task(ask())
        yield
        await _ended([task])


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


_BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

CONSOLE_ROWS = (streamed, checked, compared)

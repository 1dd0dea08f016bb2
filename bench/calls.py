"""The calls at the bare Browsee: how many it got, how fast, and a bare client that posts the same ones."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import aiohttp

from adapter.bundled import bundled
from adapter.deliver.browsee import encode
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Event, Secret
from adapter.service.mappings import read_message
from bench.measure import Sample
from bench.processes import Served

TASKS = 128
"""Concurrent requests of the bare client."""
SECRET = Secret("bench-browsee-key")
_POLL_S = 0.02


def default_ruleset() -> Ruleset:
    """The mapping of a source whose settings name none."""
    file = bundled("mappings/default.yaml")
    return load(file.read_text(encoding="utf-8"), file=str(file), read=read_message, hash_key=None)


def call_bodies(events: Sequence[Event]) -> list[bytes]:
    """The calls of these events as they are posted."""
    ruleset = default_ruleset()
    rendered = [ruleset.render(event) for event in events]
    return [encode(found.calls[0].body, SECRET) for found in rendered if isinstance(found, Calls)]


async def drained(browsee: Served, count: int, sender_cpu_us: Callable[[], float | None]) -> Sample:
    """Calls a second of `count`, and the CPU of their sender, between the first tenth and the last."""
    first = await taken(browsee, count // 10)
    before = sender_cpu_us()
    last = await taken(browsee, count - count // 10)
    after = sender_cpu_us()
    rate = (await _seen(browsee, count))["rate"]
    return Sample(rate, None if before is None or after is None else (after - before) / (last - first))


async def taken(browsee: Served, count: int) -> int:
    """The number of calls of the bare Browsee, once it is at least `count`."""
    return int((await _seen(browsee, count))["count"])


async def _seen(browsee: Served, count: int) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            async with session.get(f"{browsee.url}/calls") as answer:
                calls: dict[str, float] = await answer.json()
            if calls["count"] >= count:
                return calls
            await asyncio.sleep(_POLL_S)


async def post(url: str, bodies: Sequence[bytes], *, tls: ssl.SSLContext | None = None) -> None:
    """Post each of `bodies` once."""
    left = iter(bodies)
    connector = aiohttp.TCPConnector(limit=TASKS, ssl=tls or True)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def one() -> None:
            for body in left:
                async with session.post(url, data=body) as answer:
                    await answer.read()

        await asyncio.gather(*(one() for _ in range(TASKS)))

"""Rows about delivery alone: the rate of calls from a full queue, over TLS, at a low rate, and while events come in."""

import asyncio
import ssl
import subprocess
import time
from pathlib import Path
from statistics import median

from adapter.model import Event
from bench.calls import TASKS, call_bodies, drained, post, taken
from bench.load import send_for
from bench.measure import Row, Sample, in_turn
from bench.messages import batches
from bench.processes import adapter, bare, cpu_us, cpu_us_each
from bench.queues import fill, new_folder, order_events

DELIVERED = 6_000
SLOW_PER_S = 50
QUIET_S = 2.0
QUICK = 3_000
BESIDE_S = 1.2
UNDER_WAY_S = 0.5
WAITING = 100_000
ARRAYS = 500


async def delivered(folder: Path) -> Row:
    """Calls delivered a second from a full queue."""
    return await _delivered(folder, "delivered", "calls delivered, from queue to settled", target="≥ 0.45")


async def tls(folder: Path) -> Row:
    """Calls delivered a second from a full queue over TLS."""
    certificate = self_signed(folder)
    what = "calls delivered over TLS, from queue to settled"
    return await _delivered(folder, "tls", what, target="≥ 0.45", certificate=certificate)


async def quiet(folder: Path) -> Row:
    """Microseconds of CPU for a call at a low rate, beside the same at full speed."""
    events = order_events(max(QUICK, round(SLOW_PER_S * 90)))
    await fill(folder / "queue.db", events)
    async with bare("browsee") as slow_browsee, adapter(folder, browsee=slow_browsee, rate=f"{SLOW_PER_S}/s") as slow:

        async def ours(_: int) -> Sample:
            before, first = cpu_us(slow.pid), await taken(slow_browsee, 0)
            await asyncio.sleep(QUIET_S)
            count = await taken(slow_browsee, 0) - first
            assert count > QUIET_S * SLOW_PER_S * 0.8, f"{count} calls only"
            return Sample(cpu_us_each(slow.pid, before, count) or 0.0)

        async def theirs(number: int) -> Sample:
            sample = await _drained(new_folder(folder, number), events[:QUICK])
            return Sample(sample.cpu_us or 0.0)

        await taken(slow_browsee, SLOW_PER_S)
        samples = await in_turn(ours, theirs)
    return Row(
        name="quiet",
        what=f"CPU of a call at {SLOW_PER_S} a second",
        unit="µs",
        peer="itself at full speed",
        target="≤ 2",
        ours=samples[0],
        theirs=samples[1],
    )


async def calls_beside_arrays(folder: Path) -> Row:
    """Calls delivered a second while arrays come in, beside the same without them."""
    for first in range(0, WAITING, 10_000):
        await fill(folder / "queue.db", order_events(10_000, first=first))
    sent: list[int] = []
    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="100000/s") as served:
        await taken(browsee, 1_000)

        async def calls_per_s() -> Sample:
            started_s, first = time.perf_counter(), await taken(browsee, 0)
            await asyncio.sleep(BESIDE_S)
            last = await taken(browsee, 0)
            assert last < WAITING + sum(sent) * 100, "nothing waits any more"
            return Sample((last - first) / (time.perf_counter() - started_s))

        async def ours(number: int) -> Sample:
            bodies = batches(WAITING + number * ARRAYS * 100, ARRAYS)
            sending = asyncio.create_task(send_for(UNDER_WAY_S + BESIDE_S, served.webhook, bodies, connections=8))
            # The first arrays arrive before any is stored.
            await asyncio.sleep(UNDER_WAY_S)
            sample = await calls_per_s()
            sent.append(await sending)
            return sample

        async def theirs(_: int) -> Sample:
            return await calls_per_s()

        samples = await in_turn(ours, theirs)
    came_in = round(median(sent) * 100 / (UNDER_WAY_S + BESIDE_S))
    return Row(
        name="calls_beside_arrays",
        what=f"calls delivered while events come in, {came_in:,} a second in arrays of 100 over 8 connections",
        unit="calls/s",
        peer="itself while none come in",
        target="≥ 0.3",
        ours=samples[0],
        theirs=samples[1],
    )


DELIVERY_ROWS = (delivered, tls, quiet, calls_beside_arrays)


async def _delivered(folder: Path, name: str, what: str, *, target: str, certificate: Path | None = None) -> Row:
    events = order_events(DELIVERED)
    bodies = call_bodies(events)
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)

    async def ours(number: int) -> Sample:
        return await _drained(new_folder(folder, number), events, certificate)

    async def theirs(_: int) -> Sample:
        async with bare("browsee", *_arguments(certificate)) as browsee:
            url = browsee.tls_url or browsee.url
            posting = asyncio.create_task(post(f"{url}/api/v1/track", bodies, tls=context))
            sample = await drained(browsee, DELIVERED, lambda: time.process_time() * 1e6)
            await posting
            return sample

    samples = await in_turn(ours, theirs)
    peer = f"aiohttp client, {TASKS} tasks"
    return Row(name, what, "calls/s", peer, target, samples[0], samples[1])


async def _drained(place: Path, events: list[Event], certificate: Path | None = None) -> Sample:
    """The process of a service that starts with these events waiting."""
    await fill(place / "queue.db", events)
    trusted = {} if certificate is None else {"SSL_CERT_FILE": str(certificate)}
    async with (
        bare("browsee", *_arguments(certificate)) as browsee,
        adapter(place, browsee=browsee, rate="100000/s", environ=trusted) as served,
    ):
        return await drained(browsee, len(events), lambda: cpu_us(served.pid))


def self_signed(folder: Path) -> Path:
    """A certificate of 127.0.0.1 and its key in one file; it is self-signed."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run(["openssl", *options.split(), *files], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate


def _arguments(certificate: Path | None) -> list[str]:
    return [] if certificate is None else [str(certificate)]

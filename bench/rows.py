"""One function for each row: the cost of a promise against the least that does the same work, measured alternately."""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jsonschema_rs
import orjson

from adapter.bundled import bundled
from adapter.deliver.browsee import encode
from adapter.model import Calls
from adapter.service.applications import event_validator
from bench.calls import SECRET, call_bodies, default_ruleset, post, taken
from bench.load import send
from bench.measure import Row, Sample, Side, in_turn
from bench.messages import batches, order, orders
from bench.processes import Served, adapter, bare, cpu_us, cpu_us_each, source_name
from bench.queues import order_events, received

SINGLES = 4_000
BATCHES = 60
CONNECTIONS = 128
MANY_SOURCES = 1_000
GROUPED = 8
"""Arrays in flight at once: the service groups waiting puts, so each commit of the straight line has so many too."""


async def acknowledged(folder: Path) -> Row:
    """Durable acknowledgements of single events a second."""
    async with bare("ack") as peer, bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:
        ours, theirs = await in_turn(_singles(served, served.webhook), _singles(peer, f"{peer.url}/"))
    return Row(
        name="acknowledged",
        what="single events, each answered when synced",
        unit="acks/s",
        peer="aiohttp + uvloop that parses and answers",
        target="≥ 0.6",
        ours=ours,
        theirs=theirs,
    )


async def batched(folder: Path) -> Row:
    """Events a second in arrays of 100, stored and synced."""
    connection = sqlite3.connect(folder / "straight.db", isolation_level=None)
    straight = straight_line(connection)

    async def theirs(number: int) -> Sample:
        bodies = batches(number * BATCHES * 100, BATCHES)
        started, started_cpu = time.perf_counter(), time.process_time()
        for first in range(0, BATCHES, GROUPED):
            straight(bodies[first : first + GROUPED])
        count = BATCHES * 100
        return Sample(count / (time.perf_counter() - started), (time.process_time() - started_cpu) / count * 1e6)

    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:

        async def ours(number: int) -> Sample:
            bodies, before = batches(number * BATCHES * 100, BATCHES), cpu_us(served.pid)
            wall_s = await send(served.webhook, bodies, connections=GROUPED)
            return Sample(BATCHES * 100 / wall_s, cpu_us_each(served.pid, before, BATCHES * 100))

        samples = await in_turn(ours, theirs)
    connection.close()
    return Row(
        name="batched",
        what="arrays of 100, validated and synced",
        unit="events/s",
        peer=f"a loop of orjson, jsonschema-rs, executemany, a commit for {GROUPED}",
        target="≥ 0.5",
        ours=samples[0],
        theirs=samples[1],
    )


async def end_to_end(folder: Path) -> Row:
    """Microseconds of CPU for an event from its receipt until Browsee has its call."""

    async def ours(number: int) -> Sample:
        (place := folder / str(number)).mkdir()
        return await _on_the_way(place)

    async def theirs(_: int) -> Sample:
        bodies = call_bodies(order_events(SINGLES))
        async with bare("ack") as peer, bare("browsee") as browsee:
            received = await _singles(peer, f"{peer.url}/")(0)
            started = time.process_time()
            await post(f"{browsee.url}/api/v1/track", bodies)
            return Sample((received.cpu_us or 0.0) + (time.process_time() - started) / SINGLES * 1e6)

    peer = "aiohttp + uvloop that answers, and a client that posts"
    samples: tuple[tuple[Sample, ...], tuple[Sample, ...]] = ((), ())
    if cpu_us(os.getpid()) is None:
        peer = "not measured, there is no /proc here"
    else:
        samples = await in_turn(ours, theirs)
    return Row(
        name="end_to_end",
        what="an event received and delivered, CPU",
        unit="µs",
        peer=peer,
        target="≤ 2.5",
        ours=samples[0],
        theirs=samples[1],
    )


async def traced(folder: Path) -> Row:
    """Microseconds of CPU for an event from its receipt until Browsee has taken its call, with traces exported."""
    async with bare("collector") as collector:
        # A batch is exported each 100 ms, and as many spans fit as a round makes: none is lost, and all are paid for.
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(SINGLES * 8),
        }

        async def ours(number: int) -> Sample:
            (place := folder / f"traced-{number}").mkdir()
            return await _on_the_way(place, environ)

        async def theirs(number: int) -> Sample:
            (place := folder / f"untraced-{number}").mkdir()
            return await _on_the_way(place)

        samples = await in_turn(ours, theirs)
    return Row(
        name="traced",
        what="an event received and delivered, every span exported, CPU",
        unit="µs",
        peer="itself without traces",
        target="≤ 2",
        ours=samples[0],
        theirs=samples[1],
    )


async def sources(folder: Path) -> Row:
    """Durable acknowledgements a second with many sources, beside the same with one."""
    (one_folder := folder / "one").mkdir()
    (many_folder := folder / "many").mkdir()
    async with (
        bare("browsee") as browsee,
        adapter(one_folder, browsee=browsee, rate="1/s") as one,
        adapter(many_folder, browsee=browsee, rate="1/s", sources=MANY_SOURCES) as many,
    ):
        ours, theirs = await in_turn(_singles(many, many.webhook), _singles(one, one.webhook))
    return Row(
        name="sources",
        what=f"single events with {MANY_SOURCES:,} sources, all sent to {source_name(0)}",
        unit="acks/s",
        peer="itself with one source",
        target="≥ 0.91",
        ours=ours,
        theirs=theirs,
    )


async def computed(folder: Path) -> Row:
    """Microseconds to parse, validate, map and serialise an Order Completed."""
    del folder
    validator, ruleset = event_validator(), default_ruleset()
    raw = orjson.dumps(order(1))

    async def ours(_: int) -> Sample:
        started = time.perf_counter()
        for _ in range(10_000):
            rendered = ruleset.render(received(raw, validator))
            assert isinstance(rendered, Calls)
            encode(rendered.calls[0].body, SECRET)
        return Sample((time.perf_counter() - started) * 100)

    async def theirs(_: int) -> Sample:
        started = time.perf_counter()
        for _ in range(10_000):
            orjson.dumps(orjson.loads(raw))
        return Sample((time.perf_counter() - started) * 100)

    samples = await in_turn(ours, theirs)
    return Row(
        name="computed",
        what="parse, validate, map, serialise an order",
        unit="µs",
        peer="orjson.dumps(orjson.loads(…))",
        target="≤ 20 µs",
        ours=samples[0],
        theirs=samples[1],
    )


ROWS = (acknowledged, batched, end_to_end, traced, sources, computed)


async def _on_the_way(place: Path, environ: Mapping[str, str] | None = None) -> Sample:
    """Microseconds of CPU that the service takes for an event, from its receipt until Browsee has taken its call."""
    async with bare("browsee") as browsee, adapter(place, browsee=browsee, rate="100000/s", environ=environ) as served:
        before = cpu_us(served.pid)
        await send(served.webhook, orders(0, SINGLES), connections=CONNECTIONS)
        await taken(browsee, SINGLES)
        return Sample(cpu_us_each(served.pid, before, SINGLES) or 0.0)


def _singles(served: Served, url: str) -> Side:
    """Single events over many connections, and the CPU of the process that answers them."""

    async def measure(number: int) -> Sample:
        bodies, before = orders(number * SINGLES, SINGLES), cpu_us(served.pid)
        wall_s = await send(url, bodies, connections=CONNECTIONS)
        return Sample(SINGLES / wall_s, cpu_us_each(served.pid, before, SINGLES))

    return measure


def straight_line(connection: sqlite3.Connection) -> Callable[[list[bytes]], None]:
    """Stores the messages of some bodies in one commit: the shortest program that does what the service does."""
    schema = orjson.loads(bundled("schemas/event/track.json").read_bytes())
    common = orjson.loads(bundled("schemas/event/common.json").read_bytes())
    registry = jsonschema_rs.Registry([("event:///common.json", common), ("event:///track.json", schema)])
    valid = jsonschema_rs.Draft202012Validator({"$ref": "event:///track.json"}, registry=registry).is_valid
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, message_id TEXT, body BLOB)")

    def store(bodies: list[bytes]) -> None:
        messages = [message for body in bodies for message in orjson.loads(body) if valid(message)]
        rows = [(message["messageId"], orjson.dumps(message)) for message in messages]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO message (message_id, body) VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    return store

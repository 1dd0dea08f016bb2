"""One function a row: a promise's cost against the least that does the same work, both sides measured in turn."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import jsonschema_rs
import orjson

from adapter.bundled import bundled
from adapter.deliver.browsee import encode
from adapter.ingest.context import RequestContext
from adapter.ingest.decode import Body, decode
from adapter.ingest.read import read_event
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Event, Secret
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.applications import event_validator
from adapter.service.mappings import read_message
from adapter.service.wiring import steady_clock
from bench.load import send
from bench.measure import Row, Sample, Side, in_turn
from bench.messages import batches, order, orders
from bench.processes import Served, adapter, bare, cpu_us, cpu_us_each, source_name

SINGLES = 4_000
BATCHES = 60
DELIVERED = 6_000
CONNECTIONS = 128
MANY_SOURCES = 1_000
_POLL_S = 0.02


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
    straight = _straight_line(connection)

    async def theirs(number: int) -> Sample:
        bodies = batches(number * BATCHES * 100, BATCHES)
        started, started_cpu = time.perf_counter(), time.process_time()
        for body in bodies:
            straight(body)
        count = BATCHES * 100
        return Sample(count / (time.perf_counter() - started), (time.process_time() - started_cpu) / count * 1e6)

    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as served:

        async def ours(number: int) -> Sample:
            bodies, before = batches(number * BATCHES * 100, BATCHES), cpu_us(served.pid)
            wall_s = await send(served.webhook, bodies, connections=8)
            return Sample(BATCHES * 100 / wall_s, cpu_us_each(served.pid, before, BATCHES * 100))

        samples = await in_turn(ours, theirs)
    connection.close()
    return Row(
        name="batched",
        what="arrays of 100, validated and synced",
        unit="events/s",
        peer="a loop of orjson, jsonschema-rs, executemany, commit",
        target="≥ 0.5",
        ours=samples[0],
        theirs=samples[1],
    )


async def delivered(folder: Path) -> Row:
    """Calls delivered a second from a full queue."""
    validator = event_validator()
    events = [_event(orjson.dumps(order(number)), validator) for number in range(DELIVERED)]
    bodies = _bodies(events)

    async def ours(number: int) -> Sample:
        place = folder / str(number)
        place.mkdir()
        await _fill(place / "queue.db", events)
        async with bare("browsee") as browsee, adapter(place, browsee=browsee, rate="100000/s") as served:
            return await _drained(browsee, lambda: cpu_us(served.pid))

    async def theirs(_: int) -> Sample:
        async with bare("browsee") as browsee:
            posting = asyncio.create_task(_post(f"{browsee.url}/api/v1/track", bodies))
            sample = await _drained(browsee, lambda: time.process_time() * 1e6)
            await posting
            return sample

    samples = await in_turn(ours, theirs)
    return Row(
        name="delivered",
        what="calls delivered, from queue to settled",
        unit="calls/s",
        peer=f"aiohttp client, {CONNECTIONS} tasks",
        target="≥ 0.45",
        ours=samples[0],
        theirs=samples[1],
    )


async def end_to_end(folder: Path) -> Row:
    """Microseconds of CPU for an event from its receipt until Browsee has taken its call."""
    validator = event_validator()

    async def ours(number: int) -> Sample:
        place = folder / str(number)
        place.mkdir()
        async with bare("browsee") as browsee, adapter(place, browsee=browsee, rate="100000/s") as served:
            before = cpu_us(served.pid)
            await send(served.webhook, orders(0, SINGLES), connections=CONNECTIONS)
            await _taken(browsee, SINGLES)
            return Sample(cpu_us_each(served.pid, before, SINGLES) or 0.0)

    async def theirs(_: int) -> Sample:
        bodies = _bodies([_event(raw, validator) for raw in orders(0, SINGLES)])
        async with bare("ack") as peer, bare("browsee") as browsee:
            received = await _singles(peer, f"{peer.url}/")(0)
            started = time.process_time()
            await _post(f"{browsee.url}/api/v1/track", bodies)
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
    validator, ruleset, secret = event_validator(), _default_ruleset(), Secret("bench-browsee-key")
    raw = orjson.dumps(order(1))

    async def ours(_: int) -> Sample:
        started = time.perf_counter()
        for _ in range(10_000):
            rendered = ruleset.render(_event(raw, validator))
            assert isinstance(rendered, Calls)
            encode(rendered.calls[0].body, secret)
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


ROWS = (acknowledged, batched, delivered, end_to_end, sources, computed)


def _singles(served: Served, url: str) -> Side:
    """Single events over many connections, and the CPU of the process that answers them."""

    async def measure(number: int) -> Sample:
        bodies, before = orders(number * SINGLES, SINGLES), cpu_us(served.pid)
        wall_s = await send(url, bodies, connections=CONNECTIONS)
        return Sample(SINGLES / wall_s, cpu_us_each(served.pid, before, SINGLES))

    return measure


def _straight_line(connection: sqlite3.Connection) -> Callable[[bytes], None]:
    """Stores the messages of one body: the shortest program that validates and syncs as the service does."""
    schema = orjson.loads(bundled("schemas/event/track.json").read_bytes())
    common = orjson.loads(bundled("schemas/event/common.json").read_bytes())
    registry = jsonschema_rs.Registry([("event:///common.json", common), ("event:///track.json", schema)])
    valid = jsonschema_rs.Draft202012Validator({"$ref": "event:///track.json"}, registry=registry).is_valid
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, message_id TEXT, body BLOB)")

    def store(body: bytes) -> None:
        messages = [message for message in orjson.loads(body) if valid(message)]
        rows = [(message["messageId"], orjson.dumps(message)) for message in messages]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO message (message_id, body) VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    return store


def _default_ruleset() -> Ruleset:
    file = bundled("mappings/default.yaml")
    return load(file.read_text(encoding="utf-8"), file=str(file), read=read_message, hash_key=None)


def _event(raw: bytes, validator: Validator) -> Event:
    """As ingest reads a webhook's body."""
    body = decode(raw)
    assert isinstance(body, Body)
    [message] = body.messages
    context = RequestContext(Source(source_name(0), ()), received_at=datetime.now(UTC))
    event = read_event(message, context, validator=validator, new_id=lambda: uuid4().hex)
    assert isinstance(event, Event)
    return event


async def _fill(path: Path, events: list[Event]) -> None:
    queue = await SqliteQueue.open(path, now=steady_clock())
    for start_ in range(0, len(events), 500):
        await queue.put(events[start_ : start_ + 500])
    await queue.close()


def _bodies(events: list[Event]) -> list[bytes]:
    """The calls of these events as they are posted."""
    ruleset, secret = _default_ruleset(), Secret("bench-browsee-key")
    rendered = [ruleset.render(event) for event in events]
    return [encode(found.calls[0].body, secret) for found in rendered if isinstance(found, Calls)]


async def _drained(browsee: Served, sender_cpu_us: Callable[[], float | None]) -> Sample:
    """Calls a second that the bare Browsee took, and the CPU of their sender, between the first tenth and the last."""
    first = await _taken(browsee, DELIVERED // 10)
    before = sender_cpu_us()
    last = await _taken(browsee, DELIVERED - DELIVERED // 10)
    after = sender_cpu_us()
    rate = (await _seen(browsee, DELIVERED))["rate"]
    return Sample(rate, None if before is None or after is None else (after - before) / (last - first))


async def _taken(browsee: Served, count: int) -> int:
    """How many calls the bare Browsee took, as soon as they are `count` at least."""
    return int((await _seen(browsee, count))["count"])


async def _seen(browsee: Served, count: int) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            async with session.get(f"{browsee.url}/calls") as answer:
                calls: dict[str, float] = await answer.json()
            if calls["count"] >= count:
                return calls
            await asyncio.sleep(_POLL_S)


async def _post(url: str, bodies: list[bytes]) -> None:
    left = iter(bodies)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def one() -> None:
            for body in left:
                async with session.post(url, data=body) as answer:
                    await answer.read()

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))

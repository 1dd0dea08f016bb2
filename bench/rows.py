"""One function a row of the table: its pair measured in turn, round by round."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
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
from bench.messages import batches, order, orders
from tests.acceptance.processes import start

ROUNDS = 5
SINGLES = 4_000
BATCHES = 60
DELIVERED = 6_000
CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `ours` and `theirs` with their unit, `ratio` as measured."""

    what: str
    ours: str
    peer: str
    theirs: str
    ratio: str
    target: str
    rounds: int = ROUNDS


@asynccontextmanager
async def bare(mode: str) -> AsyncIterator[str]:
    """A bare server as a process of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.servers", mode), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def adapter(folder: Path, *, browsee: str, rate: str) -> AsyncIterator[str]:
    """The real service as a process, on a queue in `folder`; the webhook's address."""
    process = await start(
        ["serve", "--host", "127.0.0.1", "--port", "0", "--config", str(_settings(folder, browsee, rate))],
        log=folder / "adapter.log",
    )
    try:
        yield f"{process.url}/webhooks/bench/bench-key"
    finally:
        await process.stop()


def _settings(folder: Path, browsee: str, rate: str) -> Path:
    file = folder / "adapter.yaml"
    source = "{keys: [bench-key], browsee_api_key: bench-browsee-key}"
    text = f"queue: sqlite:///{folder}/queue.db\nbrowsee: {{url: {browsee}/api/v1, rate: {rate}}}\n"
    file.write_text(f"{text}sources:\n  bench: {source}\n", encoding="utf-8")
    return file


async def in_turn(
    ours: Callable[[int], Awaitable[float]], theirs: Callable[[int], Awaitable[float]]
) -> list[list[float]]:
    """The figures of both, measured A B A B …, after one round of each that does not count."""
    figures: list[list[float]] = [[], []]
    for number in range(ROUNDS + 1):
        for found, measure in zip(figures, (ours, theirs), strict=True):
            figure = await measure(number)
            if number:
                found.append(figure)
    return figures


def _row(what: str, peer: str, unit: str, figures: list[list[float]], target: str) -> Row:
    ours, theirs = figures
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return Row(what, f"{median(ours):,.0f} {unit}", peer, f"{median(theirs):,.0f} {unit}", f"{ratio:.2f}", target)


async def acknowledged(folder: Path) -> Row:
    """Durable acknowledgements of single events a second."""
    async with bare("ack") as peer, bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as url:

        async def ours(number: int) -> float:
            return SINGLES / await send(url, orders(number * SINGLES, SINGLES), connections=CONNECTIONS)

        async def theirs(number: int) -> float:
            return SINGLES / await send(f"{peer}/", orders(number * SINGLES, SINGLES), connections=CONNECTIONS)

        figures = await in_turn(ours, theirs)
    what = "single events, each answered when synced"
    return _row(what, "aiohttp + uvloop that parses and answers", "acks/s", figures, "≥ 0.5")


async def batched(folder: Path) -> Row:
    """Events a second in arrays of 100, stored and synced."""
    schema = orjson.loads(bundled("schemas/event/track.json").read_bytes())
    common = orjson.loads(bundled("schemas/event/common.json").read_bytes())
    registry = jsonschema_rs.Registry([("event:///common.json", common), ("event:///track.json", schema)])
    valid = jsonschema_rs.Draft202012Validator({"$ref": "event:///track.json"}, registry=registry).is_valid
    connection = sqlite3.connect(folder / "straight.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, message_id TEXT, body BLOB)")

    async def theirs(number: int) -> float:
        bodies = batches(number * BATCHES * 100, BATCHES)
        started = time.perf_counter()
        for body in bodies:
            messages = [message for message in orjson.loads(body) if valid(message)]
            rows = [(message["messageId"], orjson.dumps(message)) for message in messages]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO message (message_id, body) VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        return BATCHES * 100 / (time.perf_counter() - started)

    async with bare("browsee") as browsee, adapter(folder, browsee=browsee, rate="1/s") as url:

        async def ours(number: int) -> float:
            bodies = batches(number * BATCHES * 100, BATCHES)
            return BATCHES * 100 / await send(url, bodies, connections=8)

        figures = await in_turn(ours, theirs)
    connection.close()
    peer = "a loop of orjson, jsonschema-rs, executemany, commit"
    return _row("arrays of 100, validated and synced", peer, "events/s", figures, "≥ 0.6")


async def delivered(folder: Path) -> Row:
    """Calls delivered a second from a full queue."""
    validator = event_validator()
    ruleset = _default_ruleset()
    events = [_event(orjson.dumps(order(number)), validator) for number in range(DELIVERED)]
    rendered = [ruleset.render(event) for event in events]
    bodies = [
        encode(found.calls[0].body, Secret("bench-browsee-key")) for found in rendered if isinstance(found, Calls)
    ]

    async def ours(number: int) -> float:
        place = folder / str(number)
        place.mkdir()
        await _fill(place / "queue.db", events)
        async with bare("browsee") as browsee, adapter(place, browsee=browsee, rate="100000/s"):
            return await _drained(browsee)

    async def theirs(_: int) -> float:
        async with bare("browsee") as browsee:
            await _loop(f"{browsee}/api/v1/track", bodies)
            return await _drained(browsee)

    figures = await in_turn(ours, theirs)
    return _row("calls delivered, from queue to settled", "aiohttp client, 64 tasks", "calls/s", figures, "≥ 0.5")


async def computed(folder: Path) -> Row:
    """Microseconds to parse, validate, map and serialise an Order Completed."""
    del folder
    validator, ruleset, secret = event_validator(), _default_ruleset(), Secret("bench-browsee-key")
    raw = orjson.dumps(order(1))

    async def ours(_: int) -> float:
        started = time.perf_counter()
        for _ in range(10_000):
            rendered = ruleset.render(_event(raw, validator))
            assert isinstance(rendered, Calls)
            encode(rendered.calls[0].body, secret)
        return (time.perf_counter() - started) * 100

    async def theirs(_: int) -> float:
        started = time.perf_counter()
        for _ in range(10_000):
            orjson.dumps(orjson.loads(raw))
        return (time.perf_counter() - started) * 100

    figures = await in_turn(ours, theirs)
    row = _row("parse, validate, map, serialise an order", "orjson.dumps(orjson.loads(…))", "µs", figures, "≤ 20 µs")
    return Row(
        row.what, f"{median(figures[0]):.1f} µs", row.peer, f"{median(figures[1]):.1f} µs", row.ratio, row.target
    )


ROWS = (acknowledged, batched, delivered, computed)


def _default_ruleset() -> Ruleset:
    file = bundled("mappings/default.yaml")
    return load(file.read_text(encoding="utf-8"), file=str(file), read=read_message, hash_key=None)


def _event(raw: bytes, validator: Validator) -> Event:
    """As ingest reads a webhook's body."""
    body = decode(raw)
    assert isinstance(body, Body)
    [message] = body.messages
    context = RequestContext(Source("bench", ()), received_at=datetime.now(UTC))
    event = read_event(message, context, validator=validator, new_id=lambda: uuid4().hex)
    assert isinstance(event, Event)
    return event


async def _fill(path: Path, events: list[Event]) -> None:
    queue = await SqliteQueue.open(path, now=steady_clock())
    for start_ in range(0, len(events), 500):
        await queue.put(events[start_ : start_ + 500])
    await queue.close()


async def _drained(browsee: str) -> float:
    """Calls a second that the bare Browsee took, once it has them all."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            async with session.get(f"{browsee}/calls") as answer:
                calls = await answer.json()
            if calls["count"] >= DELIVERED:
                return float(calls["rate"])
            await asyncio.sleep(0.2)


async def _loop(url: str, bodies: list[bytes]) -> None:
    left = iter(bodies)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def one() -> None:
            for body in left:
                async with session.post(url, data=body) as answer:
                    await answer.read()

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))

"""Rows about the mapping alone: from the stored text of one event to the text of its calls, as each delivery does it.

Segment's mapping-kit does the same work on Node, in a process of its own for each case, which suits its compiler best.
Its mapping is written to make the same of the message, and that both do is asserted before anything is measured.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson

from adapter.bundled import bundled
from adapter.ingest.read import read_unchecked
from adapter.mapping.load import load
from adapter.model import Calls, JsonObject
from adapter.queue import codec
from adapter.service.mappings import read_message
from bench.messages import ORDER
from bench.rows import ROUNDS, Row, in_turn

KIT = Path(__file__).parent / "mapping_kit"
TIMES = 10_000

PRODUCT_ADDED: JsonObject = {
    **ORDER,
    "event": "Product Added",
    "properties": {
        "product_id": "p1",
        "sku": "A-1",
        "name": "Monopoly",
        "price": 19,
        "quantity": 1,
        "category": "Games",
        "currency": "EUR",
        "coupon": None,
    },
}
"""With a null, as messages have them: both sides leave it out."""


VISIT: JsonObject = {
    **ORDER,
    "type": "page",
    "name": "Order",
    "context": {
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1",
        "page": {
            "url": "https://shop.test/orders/123?utm_source=news&utm_medium=cpc&utm_campaign=autumn",
            "path": "/orders/123",
            "title": "Your order",
            "referrer": "https://www.google.com/",
        },
    },
    "properties": {},
}


async def renamed(_: Path) -> Row:
    """Microseconds to parse, map and serialise a track event under a new name."""
    return await _against_kit("a renamed event", PRODUCT_ADDED, KIT / "renamed.yaml", KIT / "renamed.json")


async def respelled(_: Path) -> Row:
    """Microseconds to parse, map and serialise a track event by the default mapping."""
    mapping = bundled("mappings/default.yaml")
    return await _against_kit("an event by the default mapping", PRODUCT_ADDED, mapping, KIT / "default.json")


async def ordered(_: Path) -> Row:
    """Microseconds to parse, map and serialise an order as one call."""
    return await _against_kit("an order as one call", ORDER, KIT / "order.yaml", KIT / "order.json")


async def spread(_: Path) -> Row:
    """Microseconds to parse, map and serialise an order as three calls."""
    ours, written = _ours(ORDER, bundled("mappings/ecommerce.yaml"))
    assert len(written) == 3
    raw = orjson.dumps(ORDER)

    async def theirs(_: int) -> float:
        return _us(lambda: orjson.dumps(orjson.loads(raw)))

    figures = await in_turn(ours, theirs)
    return _row("an order as three calls, ecommerce.yaml", "orjson.dumps(orjson.loads(…))", figures, "≤ 45 µs")


async def visited(_: Path) -> Row:
    """Microseconds to parse, map and serialise a page with its campaign, channel and device."""
    ours, written = _ours(VISIT, bundled("mappings/web.yaml"))
    assert b'"channel":"paid"' in written[0]
    raw = orjson.dumps(VISIT)

    async def theirs(_: int) -> float:
        return _us(lambda: orjson.dumps(orjson.loads(raw)))

    figures = await in_turn(ours, theirs)
    return _row("a page with channel and device, web.yaml", "orjson.dumps(orjson.loads(…))", figures, "≤ 45 µs")


MAPPING_ROWS = (renamed, respelled, ordered, spread, visited)


async def _against_kit(what: str, message: JsonObject, mapping: Path, kit: Path) -> Row:
    ours, (written,) = _ours(message, mapping)
    peer, target = "Segment's mapping-kit", "≤ 0.5"
    missing = _missing()
    if missing:
        figures = [[await ours(number) for number in range(ROUNDS)], []]
        return _row(what, f"{peer}: {missing}", figures, target)
    async with _kit(_case(kit, message=orjson.dumps(message), expected=written)) as theirs:
        return _row(what, f"{peer}, equal output", await in_turn(ours, theirs), target)


def _ours(message: JsonObject, mapping: Path) -> tuple[Callable[[int], Awaitable[float]], list[bytes]]:
    """What measures our side of a case, and the calls that it makes."""
    ruleset = load(mapping.read_text(encoding="utf-8"), file=str(mapping), read=read_message, hash_key=None)
    row = codec.encode(read_unchecked(message, source="bench", received_at=datetime.now(UTC), new_id=str))

    def deliver() -> list[bytes]:
        rendered = ruleset.render(codec.decode(row))
        assert isinstance(rendered, Calls)
        return [orjson.dumps(call.body) for call in rendered.calls]

    async def ours(_: int) -> float:
        return _us(deliver)

    return ours, deliver()


def _us(work: Callable[[], object]) -> float:
    """Microseconds that one `work` takes, out of many."""
    started = time.perf_counter()
    for _ in range(TIMES):
        work()
    return (time.perf_counter() - started) / TIMES * 1e6


def _missing() -> str:
    """Why there is no mapping-kit to measure; empty if there is."""
    if shutil.which("node") is None:
        return "not measured, there is no node here"
    if not (KIT / "node_modules").is_dir():
        return "not measured, npm has not installed it"
    return ""


def _case(kit: Path, *, message: bytes, expected: bytes) -> bytes:
    """What the kit has to map, how, and what has to come of it."""
    mapping, call = orjson.loads(kit.read_bytes()), orjson.loads(expected)
    return orjson.dumps({"message": message.decode(), "mapping": mapping, "expected": call})


@asynccontextmanager
async def _kit(case: bytes) -> AsyncIterator[Callable[[int], Awaitable[float]]]:
    """What measures the kit's side of a case. Raises AssertionError unless it makes what is expected of the message."""
    command = ("node", str(KIT / "measure.js"))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    sent, said = process.stdin, process.stdout

    async def answer(line: bytes) -> bytes:
        sent.write(line + b"\n")
        await sent.drain()
        return await said.readline()

    async def theirs(_: int) -> float:
        return float(await answer(b"%d" % TIMES))

    try:
        assert await answer(case) == b"equal\n", "the kit makes something else of the message"
        yield theirs
    finally:
        sent.close()
        await process.wait()


def _row(what: str, peer: str, figures: list[list[float]], target: str) -> Row:
    ours, theirs = figures
    if not theirs:
        return Row(what, f"{median(ours):.1f} µs", peer, "–", "–", target)
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return Row(what, f"{median(ours):.1f} µs", peer, f"{median(theirs):.1f} µs", f"{ratio:.2f}", target)

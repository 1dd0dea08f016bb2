"""Rows about the mapping alone: from the stored text of one event to the text of its calls, as each delivery does it.

Segment's mapping-kit does the same work on Node, in a process of its own for each case, which suits its compiler best.
Its mapping is written to produce the same calls, and both results are compared before anything is measured.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson

from adapter.bundled import bundled
from adapter.ingest.read import read_unchecked
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, JsonObject
from adapter.queue import codec
from adapter.service.mappings import read_message
from bench.measure import ROUNDS, Row, Sample, Side, in_turn
from bench.messages import ORDER

KIT = Path(__file__).parent / "mapping_kit"
TIMES = 10_000
FEW_RULES = 10
MANY_RULES = 1_000
_PARSED = "orjson.dumps(orjson.loads(…))"

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
"""With a null, as in real messages: both sides leave it out."""


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
    return await _against_kit(
        "renamed", "a renamed event", PRODUCT_ADDED, KIT / "renamed.yaml", KIT / "renamed.json", target="≤ 0.45"
    )


async def respelled(_: Path) -> Row:
    """Microseconds to parse, map and serialise a track event by the default mapping."""
    mapping = bundled("mappings/default.yaml")
    return await _against_kit(
        "respelled", "an event by the default mapping", PRODUCT_ADDED, mapping, KIT / "default.json", target="≤ 0.38"
    )


async def ordered(_: Path) -> Row:
    """Microseconds to parse, map and serialise an order as one call."""
    return await _against_kit(
        "ordered", "an order as one call", ORDER, KIT / "order.yaml", KIT / "order.json", target="≤ 0.40"
    )


async def spread(_: Path) -> Row:
    """Microseconds to parse, map and serialise an order as three calls, by the preset for shops."""
    ours, written = _ours(ORDER, bundled("mappings/ecommerce.yaml"))
    assert len(written) == 3
    samples = await in_turn(ours, _parsed(ORDER))
    return _row("spread", "an order as three calls, ecommerce.yaml", _PARSED, samples, "≤ 20 µs")


async def visited(_: Path) -> Row:
    """Microseconds to parse, map and serialise a page with its campaign, channel and device."""
    ours, written = _ours(VISIT, bundled("mappings/web.yaml"))
    assert b'"channel":"paid"' in written[0]
    samples = await in_turn(ours, _parsed(VISIT))
    return _row("visited", "a page with channel and device, web.yaml", _PARSED, samples, "≤ 45 µs")


async def likes(_: Path) -> Row:
    """Microseconds to map an event that none of many `like` rules fits, beside the same with few."""
    few, many = _likes(FEW_RULES), _likes(MANY_RULES)

    async def ours(_: int) -> Sample:
        return _us(lambda: many.render(event), times=TIMES // 10)

    async def theirs(_: int) -> Sample:
        return _us(lambda: few.render(event), times=TIMES // 10)

    event = read_unchecked(ORDER, source="bench", received_at=datetime.now(UTC), new_id=str)
    what = f"an event past {MANY_RULES:,} `like` rules"
    return _row("likes", what, f"past {FEW_RULES} of them", await in_turn(ours, theirs), "≤ 2")


MAPPING_ROWS = (renamed, respelled, ordered, spread, visited, likes)


async def _against_kit(name: str, what: str, message: JsonObject, mapping: Path, kit: Path, *, target: str) -> Row:
    ours, (written,) = _ours(message, mapping)
    peer = "Segment's mapping-kit"
    missing = _missing()
    if missing:
        samples = tuple([await ours(number) for number in range(ROUNDS)])
        return _row(name, what, f"{peer}: {missing}", (samples, ()), target)
    async with _kit(_case(kit, message=orjson.dumps(message), expected=written)) as theirs:
        return _row(name, what, f"{peer}, equal output", await in_turn(ours, theirs), target)


def _likes(count: int) -> Ruleset:
    """A mapping of so many rules with a pattern each, and one rule at its end that matches every event."""
    rules = [
        {"name": f"rule {number}", "when": {"event": {"like": f"Area {number} *"}}, "drop": "by rule"}
        for number in range(count)
    ]
    document = {"version": 1, "rules": [*rules, {"name": "others", "track": {"from": "event"}}]}
    return load(orjson.dumps(document).decode(), file="likes.yaml", read=read_message, hash_key=None)


def _parsed(message: JsonObject) -> Side:
    """The peer of a mapping that has none: the message parsed and written again."""
    raw = orjson.dumps(message)

    async def theirs(_: int) -> Sample:
        return _us(lambda: orjson.dumps(orjson.loads(raw)))

    return theirs


def _ours(message: JsonObject, mapping: Path) -> tuple[Side, list[bytes]]:
    """The measurement of our side of a case, and the calls that it makes."""
    ruleset = load(mapping.read_text(encoding="utf-8"), file=str(mapping), read=read_message, hash_key=None)
    row = codec.encode(read_unchecked(message, source="bench", received_at=datetime.now(UTC), new_id=str))

    def deliver() -> list[bytes]:
        rendered = ruleset.render(codec.decode(row))
        assert isinstance(rendered, Calls)
        return [orjson.dumps(call.body) for call in rendered.calls]

    async def ours(_: int) -> Sample:
        return _us(deliver)

    return ours, deliver()


def _us(work: Callable[[], object], *, times: int = TIMES) -> Sample:
    """Microseconds for one `work`, out of many."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return Sample((time.perf_counter() - started) / times * 1e6)


def _missing() -> str:
    """Why mapping-kit is not measured; empty if it is."""
    if shutil.which("node") is None:
        return "not measured, there is no node here"
    if not (KIT / "node_modules").is_dir():
        return "not measured, npm has not installed it"
    return ""


def _case(kit: Path, *, message: bytes, expected: bytes) -> bytes:
    """The message for the kit, its mapping, and the expected result."""
    mapping, call = orjson.loads(kit.read_bytes()), orjson.loads(expected)
    return orjson.dumps({"message": message.decode(), "mapping": mapping, "expected": call})


@asynccontextmanager
async def _kit(case: bytes) -> AsyncIterator[Side]:
    """The measurement of the kit's side of a case. Raises AssertionError unless its result is the expected one."""
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

    async def theirs(_: int) -> Sample:
        return Sample(float(await answer(b"%d" % TIMES)))

    try:
        assert await answer(case) == b"equal\n", "the kit makes something else of the message"
        yield theirs
    finally:
        sent.close()
        await process.wait()


def _row(name: str, what: str, peer: str, samples: tuple[tuple[Sample, ...], tuple[Sample, ...]], target: str) -> Row:
    return Row(name=name, what=what, unit="µs", peer=peer, target=target, ours=samples[0], theirs=samples[1])

"""Thousands of bodies of every kind over one connection: none breaks the service, none is lost.

The long form sends 10,000: `make test-long TESTS=tests/integration/test_ingest_flood.py`.
"""

import asyncio
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ingest_server import Served, serving

BODIES = [pytest.param(2_000, id="short"), pytest.param(10_000, id="long", marks=pytest.mark.long)]
PATHS = ("/webhooks/shop/shop-key", "/v1/batch?writeKey=shop-key", "/v1/t?writeKey=shop-key")
NAMES = ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "context", "properties", "json",
         "batch", "traits", "name", "integrations")  # fmt: skip

scalars = st.sampled_from(
    [None, True, 0, -1.5, 2**64, float("nan"), float("inf"), "", "a", " ", "\ud800", "2026-11-23"]
)
values = st.recursive(
    scalars | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)
likely = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "identify", "page", "Track", "delete", 5]),
        "userId": st.sampled_from(["u", 1, ""]),
    },
    optional={
        "event": st.sampled_from(["A", "", 5]),
        "messageId": st.sampled_from(["m-1", "m-2", 3]),
        "context": values,
    },
)
messages = likely | st.dictionaries(st.sampled_from(NAMES), values, max_size=4)
members = st.lists(messages | values, max_size=3)
bodies = st.one_of(
    messages, members, messages.map(lambda message: [{"json": message}]), members.map(lambda batch: {"batch": batch})
).map(lambda body: json.dumps(body).encode())


@st.composite
def sent_bodies(draw: st.DrawFn) -> bytes:
    """Mostly good bodies; some cut, some with a byte changed, some nested deep, some no JSON at all."""
    body: bytes = draw(bodies)
    damage = draw(st.sampled_from(["none"] * 5 + ["cut", "byte", "deep", "binary"]))
    if damage == "cut":
        return body[: draw(st.integers(0, len(body)))]
    if damage == "byte" and body:
        place = draw(st.integers(0, len(body) - 1))
        return body[:place] + bytes([draw(st.integers(0, 255))]) + body[place + 1 :]
    if damage == "deep":
        depth = draw(st.sampled_from([100, 300, 2000]))
        return b'{"a":' * depth + body + b"}" * depth
    return draw(st.binary(max_size=20)) if damage == "binary" else body


def messages_in(body: bytes) -> int:
    """How many messages a sender may ask after, counted without the code under test. A body of none counts as one."""
    try:
        value: Any = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return 1
    if isinstance(value, dict) and isinstance(value.get("batch"), list):
        value = value["batch"]
    if not isinstance(value, list) or nests_too_deep(value):
        return 1
    return sum(member is not None for member in value)


def nests_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(199):
        level = [
            m
            for held in level
            if isinstance(held, (list, dict))
            for m in (held.values() if isinstance(held, dict) else held)
        ]
    return any(isinstance(held, (list, dict)) for held in level)


requests = st.tuples(st.sampled_from(PATHS), sent_bodies(), st.booleans())


async def _send_all(served: Served, flood: list[tuple[str, bytes, bool]]) -> None:
    for path, body, is_packed in flood:
        before = _accounted(served)
        status, said, _ = await served.send("POST", path, data=gzip.compress(body, 1) if is_packed else body)
        assert status in {200, 400}
        assert said["success"] is (status == 200)
        assert _accounted(served) - before == messages_in(body), body


def _accounted(served: Served) -> int:
    totals = served.inbox.totals
    return totals.stored + totals.duplicates + totals.differing + totals.rejected


@pytest.mark.parametrize("count", BODIES)
def test_nothing_breaks_it_and_nothing_is_lost(count: int) -> None:
    """Each body is answered 200 or 400, and each message in it is stored, a duplicate, or kept as rejected."""
    with asyncio.Runner() as runner:
        context = serving()
        served = runner.run(context.__aenter__())
        sent = 0

        @settings(max_examples=count // 10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(requests, min_size=10, max_size=10))
        def flood(bodies: list[tuple[str, bytes, bool]]) -> None:
            nonlocal sent
            sent += len(bodies)
            runner.run(_send_all(served, bodies))

        flood()
        runner.run(context.__aexit__(None, None, None))
    assert sent >= count

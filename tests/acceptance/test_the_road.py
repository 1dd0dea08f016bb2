"""From a sender's socket to Browsee's, with processes as a user runs them, and one of them killed on the way."""

import asyncio
import base64
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.processes import OPERATOR, Process, start

VECTORS = json.loads((Path(__file__).parents[1] / "cases" / "segment-signature-vectors.json").read_text())["vectors"]
SIGNED = {"webhook_single", "webhook_batch", "extensible_single", "extensible_batch"}

RUDDER: dict[str, Any] = {
    "anonymousId": "an-1",
    "channel": "web",
    "context": {"library": {"name": "RudderLabs JavaScript SDK", "version": "3.34.1"}, "sessionId": 1795415736554},
    "integrations": {"All": True},
    "originalTimestamp": "2026-11-23T06:35:36.554Z",
    "receivedAt": "2026-11-23T06:35:36.700Z",
    "request_ip": "203.0.113.7",
    "rudderId": "5b1e7d0e-3c6a-4f0a-9d7e-1f2a3b4c5d6e",
    "sentAt": "2026-11-23T06:35:36.556Z",
    "timestamp": "2026-11-23T06:35:36.698Z",
}
RUDDER_MESSAGES: list[dict[str, Any]] = [
    {
        **RUDDER,
        "type": "identify",
        "messageId": "r-1",
        "userId": "lin",
        "context": {**RUDDER["context"], "traits": {"name": "Lin", "plan": "pro"}},
    },
    {
        **RUDDER,
        "type": "track",
        "messageId": "r-2",
        "userId": "lin",
        "event": "Product Added",
        "properties": {"sku": "A-1"},
    },
    {
        **RUDDER,
        "type": "page",
        "messageId": "r-3",
        "userId": "",
        "properties": {"path": "/pricing", "tab_url": "https://x.test/"},
    },
]
USERS = 20
EVENTS = 2_000


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Process]:
    started = await start(["sandbox", "--port", "0"], log=tmp_path / "sandbox.log")
    yield started
    await started.stop()


def settings(folder: Path, browsee: str) -> Path:
    """Two sources, one of them signed; the rate is pinned so that the test is about loss, not about pace."""
    file = folder / "adapter.yaml"
    file.write_text(
        f"""\
queue: sqlite:///{folder / "queue.db"}
browsee: {{url: "{browsee}/api/v1", rate: 5000/s}}
sources:
  segment:
    keys: [segment-key]
    signing_secrets: ["${{SEGMENT_SECRET}}"]
    browsee_api_key: browsee-key
  rudder:
    keys: [rudder-key]
    browsee_api_key: browsee-key
"""
    )
    return file


async def start_adapter(folder: Path, browsee: str) -> Process:
    return await start(
        ["serve", "--config", str(settings(folder, browsee)), "--host", "127.0.0.1", "--port", "0"],
        log=folder / "adapter.log",
        environ={"SEGMENT_SECRET": VECTORS[0]["secret"]},
    )


async def received(
    http: aiohttp.ClientSession, sandbox: Process, *, at_least: int, within_s: float = 60
) -> list[dict[str, Any]]:
    """Every call the sandbox took, in order, as soon as there are `at_least` that many different ones."""
    calls: list[dict[str, Any]] = []
    async with asyncio.timeout(within_s):
        while len({json.dumps(call["body"], sort_keys=True) for call in calls}) < at_least:
            await asyncio.sleep(0.1)
            async with http.get(f"{sandbox.url}/calls", params={"after": "0", "limit": "10000"}) as answer:
                calls = await answer.json()
    return calls


async def test_segments_signed_requests_arrive(tmp_path: Path, sandbox: Process, http: aiohttp.ClientSession) -> None:
    """Of ten captured requests the verifiable ones are taken and mapped, each event once; the others get 401."""
    adapter = await start_adapter(tmp_path, sandbox.url)
    statuses = {}
    for vector in VECTORS:
        headers = {"User-Agent": vector["user_agent"]}
        headers |= {"X-Signature": vector["x_signature"]} if vector["x_signature"] else {}
        headers |= {"Content-Type": vector["content_type"]} if vector["content_type"] else {}
        async with http.request(
            vector["method"],
            f"{adapter.url}/webhooks/segment/segment-key",
            data=base64.b64decode(vector["body_base64"]),
            headers=headers,
        ) as answer:
            statuses[vector["name"]] = answer.status
            assert (await answer.json())["success"] is (answer.status == 200)
    # Its signature is right, and its body is no message: properties alone, without a type.
    assert statuses.pop("webhook_put_properties_only") == 400
    assert statuses == {name: 200 if name in SIGNED else 401 for name in statuses}

    calls = await received(http, sandbox, at_least=2)
    await adapter.stop()
    bodies = {call["body"]["userId"]: call["body"] for call in calls}
    assert len(calls) == 2
    assert bodies["u1"]["event"] == "CAFÉ"
    assert bodies["u1"]["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert bodies["u2"] == {
        "event": "SECOND",
        "userId": "u2",
        "timestamp": "2026-01-01T00:00:01.000Z",
    }


async def test_rudderstacks_messages_arrive(tmp_path: Path, sandbox: Process, http: aiohttp.ClientSession) -> None:
    """Traits under context, a blank user id and a page without name become what a person would expect."""
    adapter = await start_adapter(tmp_path, sandbox.url)
    for message in RUDDER_MESSAGES:
        async with http.post(
            f"{adapter.url}/webhooks/rudder",
            json=message,
            headers={"Authorization": "Bearer rudder-key", "User-Agent": "RudderLabs"},
        ) as answer:
            assert (answer.status, await answer.json()) == (200, {"success": True})
    calls = await received(http, sandbox, at_least=3)
    await adapter.stop()
    at = {"anonymousId": "an-1", "timestamp": "2026-11-23T06:35:36.698Z"}
    by_kind = {call["body"].get("event", "identify"): call["body"] for call in calls}
    assert by_kind == {
        "identify": {"traits": {"name": "Lin", "plan": "pro"}, "userId": "lin", **at},
        "PRODUCT_ADDED": {"event": "PRODUCT_ADDED", "properties": {"sku": "A-1"}, "userId": "lin", **at},
        "PAGE_VIEWED": {
            "event": "PAGE_VIEWED",
            "properties": {"path": "/pricing", "tab_url": "https://x.test/"},
            **at,
        },
    }


async def test_a_kill_in_the_middle_loses_nothing(
    tmp_path: Path, sandbox: Process, http: aiohttp.ClientSession
) -> None:
    """SIGKILL amid 2,000 events: every acknowledged one arrives as mapped, in its user's order, repeated at most
    as often as calls were under way.
    """
    adapter = await start_adapter(tmp_path, sandbox.url)
    acknowledged: set[str] = set()
    restarted = asyncio.Event()

    async def send(user: int) -> None:
        """One user's sender: in order, each message again until it is acknowledged."""
        for n in range(EVENTS // USERS):
            message_id = f"m-{user}-{n}"
            message = {
                "type": "track",
                "event": "Order Completed",
                "messageId": message_id,
                "userId": f"user-{user}",
                "properties": {"n": n},
            }
            while True:
                try:
                    async with http.post(f"{adapter.url}/webhooks/rudder/rudder-key", json=message) as answer:
                        if answer.status == 200:
                            acknowledged.add(message_id)
                            break
                except aiohttp.ClientError:
                    await restarted.wait()

    sending = [asyncio.create_task(send(user)) for user in range(USERS)]
    await received(http, sandbox, at_least=300)
    before = len(acknowledged)
    await adapter.stop(signal.SIGKILL)
    adapter = await start_adapter(tmp_path, sandbox.url)
    restarted.set()
    await asyncio.gather(*sending)
    assert 0 < before < EVENTS, "the kill was not in the middle"
    assert len(acknowledged) == EVENTS

    calls = await received(http, sandbox, at_least=EVENTS)
    ready = await (await http.get(f"{adapter.url}/readyz", headers=OPERATOR)).json()
    assert await adapter.stop() == 0
    seen = Counter((call["body"]["userId"], call["body"]["properties"]["n"]) for call in calls)
    assert set(seen) == {(f"user-{user}", n) for user in range(USERS) for n in range(EVENTS // USERS)}
    assert {call["body"]["event"] for call in calls} == {"ORDER_COMPLETED"}
    assert sum(seen.values()) - EVENTS <= USERS
    order: dict[str, list[int]] = {}
    for call in calls:
        numbers = order.setdefault(call["body"]["userId"], [])
        if call["body"]["properties"]["n"] not in numbers:
            numbers.append(call["body"]["properties"]["n"])
    assert all(numbers == sorted(numbers) for numbers in order.values())
    assert (ready["ready"], ready["unaccounted"]) == (True, 0)

"""Jitsu's two destinations and Hightouch's libraries, by the requests that their published code makes.

Sources: jitsucom/jitsu libs/core-functions (webhook-destination.ts, segment-destination.ts);
ht-sdks/events-sdk-js-mono packages/browser/src/plugins/hightouchio and packages/node/src/plugins/hightouchio.
"""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapter.ingest.sources import Source
from adapter.model import Secret
from tests.integration.ingest_server import Served, serving

JITSU = Source("jitsu", (Secret("shop-key"),))
BASIC = {"Authorization": "Basic " + base64.b64encode(b"shop-key:").decode(), "Content-type": "application/json"}
OK = {"success": True}
TYPES: dict[str, dict[str, Any]] = {
    "track": {"event": "Clicked", "properties": {"a": 1}},
    "identify": {"traits": {"plan": "pro"}},
    "page": {"name": "Home", "properties": {"url": "https://shop.example/"}},
    "screen": {"name": "Home"},
    "group": {"groupId": "g-1", "traits": {}},
    "alias": {"previousId": "u-0"},
}
EACH_TYPE = pytest.mark.parametrize(("kind", "rest"), TYPES.items(), ids=list(TYPES))


def jitsu(kind: str, rest: dict[str, Any]) -> dict[str, Any]:
    """What Jitsu makes of an event: the key masked, fields of its own, and null for what is not there."""
    return {
        "type": kind,
        "messageId": "m-1",
        "userId": "u-1",
        "anonymousId": "a-1",
        "groupId": None,
        "writeKey": "jitsu-id:***",
        "requestIp": "203.0.113.7",
        "timestamp": "2026-11-23T11:59:59.000Z",
        "sentAt": "2026-11-23T11:59:59.000Z",
        "receivedAt": "2026-11-23T12:00:00.000Z",
        "context": {"ip": "203.0.113.7", "library": {"name": "@jitsu/js"}, "traits": {}},
        **rest,
    }


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(JITSU) as running:
        yield running


@EACH_TYPE
async def test_jitsus_webhook(served: Served, kind: str, rest: dict[str, Any]) -> None:
    """One event a request; the masked key in it claims nothing, and null stands for nothing."""
    assert (await served.send("POST", "/webhooks/jitsu/shop-key", json=jitsu(kind, rest)))[:2] == (200, OK)
    [event] = served.inbox.events
    assert (event.type, event.user_id, event.message_id) == (kind, "u-1", "m-1")


async def test_a_header_as_jitsu_reads_it_from_its_form(served: Served) -> None:
    """It splits what was typed at the colon and keeps the space behind it."""
    body = b'{"type":"page","userId":"u-1"}'
    head = b"POST /webhooks/jitsu HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Write-Key:  shop-key\r\n"
    answered = await served.raw(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


@EACH_TYPE
async def test_jitsus_segment_destination(served: Served, kind: str, rest: dict[str, Any]) -> None:
    """It adds the type to its API base and takes 200 alone; the address that it found stays."""
    assert (await served.send("POST", f"/v1/{kind}", json=jitsu(kind, rest), headers=BASIC))[:2] == (200, OK)
    [event] = served.inbox.events
    assert (event.type, event.body["context"]["ip"]) == (kind, "203.0.113.7")


async def test_a_copy_that_jitsu_sends_again_is_one_event(served: Served) -> None:
    """Whatever the first answer was, it may come again after 10, 100 and 1,000 minutes."""
    for _ in range(4):
        status, said, _ = await served.send("POST", "/webhooks/jitsu/shop-key", json=jitsu("page", {}))
        assert (status, said) == (200, OK)
    assert (served.inbox.totals.stored, served.inbox.totals.duplicates) == (1, 3)


@EACH_TYPE
async def test_hightouchs_library_in_pages(served: Served, kind: str, rest: dict[str, Any]) -> None:
    """`https://<apiHost>/v1/<type>`, from any origin."""
    message = {"type": kind, "messageId": "m-1", "userId": "u-1", "sentAt": "2026-11-23T12:00:00.000Z", **rest}
    headers = {**BASIC, "Origin": "https://shop.example"}
    status, said, answered = await served.send("POST", f"/v1/{kind}", json=message, headers=headers)
    assert (status, said, answered["access-control-allow-origin"]) == (200, OK, "https://shop.example")
    assert [event.type for event in served.inbox.events] == [kind]


async def test_hightouchs_library_in_node(served: Served) -> None:
    """`{batch, sentAt}` to `/v1/batch`; of errors it takes 400 alone for final."""
    batch = [{"type": kind, "messageId": kind, "userId": "u-1", **rest} for kind, rest in TYPES.items()]
    body = {"batch": batch, "sentAt": "2026-11-23T12:00:00.000Z"}
    assert (await served.send("POST", "/v1/batch", json=body, headers=BASIC))[:2] == (200, OK)
    assert [event.type for event in served.inbox.events] == list(TYPES)

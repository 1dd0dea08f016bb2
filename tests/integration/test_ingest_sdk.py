"""SDKs pointed at the adapter, over real sockets: paths, keys in bodies, clocks, addresses, and browsers' CORS."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from adapter.ingest.consent import Objections
from adapter.ingest.paths import CALLS
from adapter.model import Reason
from adapter.observe.delivery_telemetry import EventDropped
from adapter.observe.ingest_telemetry import RequestRefused
from tests.integration.ingest_server import SHOP, Served, serving

KEY = {"Authorization": "Basic " + base64.b64encode(b"shop-key:").decode()}
CLICK = {"event": "Clicked", "userId": "u-1", "messageId": "m-1"}
OK = {"success": True}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize("path", CALLS)
async def test_every_path_of_every_sdk(served: Served, path: str, slash: str) -> None:
    """By name or first letter, with /v1 or without, with or without a slash: no redirect, which would lose the body."""
    message = {"userId": "u-1", "event": "A"}
    held = {"batch": [{**message, "type": "page"}]} if CALLS[path].type is None else message
    body = {**held, "writeKey": "shop-key"}
    page = {"Origin": "https://shop.example"}
    status, said, headers = await served.send("POST", path + slash, json=body, headers=page)
    assert (status, said, headers["content-type"]) == (200, OK, "application/json")
    assert headers["access-control-allow-origin"] == "https://shop.example"
    assert served.inbox.events[0].type == (CALLS[path].type or "page")


async def test_metrics_of_analytics_js_are_let_go(served: Served) -> None:
    """`/v1/m` carries no events; refusing it would only make noise on the page."""
    for path in ("/v1/m", "/m"):
        assert (await served.send("POST", path, data=b'{"series":[]}'))[:2] == (200, OK)
    assert served.inbox.events == []
    served.is_draining = True
    assert (await served.send("POST", "/v1/m", data=b"{}"))[0] == 503


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (KEY, CLICK, 200),
        (KEY, {**CLICK, "writeKey": "shop-key"}, 200),
        ({}, {**CLICK, "writeKey": "shop-key"}, 200),
        ({}, {"batch": [{**CLICK, "type": "track"}], "writeKey": "shop-key"}, 200),
        ({"Authorization": "Bearer shop-key"}, {**CLICK, "writeKey": "id:***"}, 200),
        ({}, CLICK, 401),
        ({}, {"batch": [{**CLICK, "writeKey": "shop-key"}]}, 401),
        ({}, {**CLICK, "writeKey": "wrong"}, 401),
        (KEY, {**CLICK, "writeKey": "wrong"}, 401),
        (KEY, {**CLICK, "writeKey": "shop-key-old"}, 401),
        ({"Authorization": "Bearer wrong"}, {**CLICK, "writeKey": "shop-key"}, 401),
        ({}, {**CLICK, "writeKey": "signed-key"}, 401),
        ({"Authorization": "Bearer signed-key"}, CLICK, 401),
    ],
    ids=[
        "header", "both", "body", "envelope", "masked", "none", "in a member", "wrong in body", "contradiction",
        "two keys of one source", "wrong in header", "signed source, body", "signed source, header",
    ],
)  # fmt: skip
async def test_where_an_sdk_says_its_key(
    served: Served, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    """Old browsers say it in the body only, Ruby in a header only; a source that signs is closed to SDKs."""
    assert (await served.send("POST", "/v1/track", json=body, headers=headers))[0] == status
    assert len(served.inbox.events) == (status == 200)


async def test_a_single_bad_event_is_thanked_for_and_kept(served: Served) -> None:
    """As Segment's own API does it: an SDK can mend nothing, and some would send it again and again."""
    status, said, _ = await served.send("POST", "/v1/track", json={"userId": "u", "event": []}, headers=KEY)
    assert (status, said) == (200, OK)
    assert served.inbox.rejections[0].reason is Reason.SCHEMA


async def test_a_bad_event_in_a_batch_fails_alone(served: Served) -> None:
    """400 would throw away the good ones with it."""
    batch = [{**CLICK, "type": "track"}, {"type": "track", "userId": "u"}, "nonsense", None]
    assert (await served.send("POST", "/v1/batch", json={"batch": batch}, headers=KEY))[:2] == (200, OK)
    assert (len(served.inbox.events), len(served.inbox.rejections)) == (1, 2)


CUT = b'{"batch":[{"type":"track","event":"A","userId":"u"},],"writeKey":"shop-key"}'
BLANK = b'{"batch":[{"type":"track"},\n\n,{"type":"track"}],"writeKey":"shop-key"}'


@pytest.mark.parametrize("body", [b"{", CUT, BLANK, b"\x1f\x8b damaged", b"\xff\xfe", b""])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/b", "/v1/import/", "/beacon/v1/batch", "/api/s/track"])
async def test_an_unparseable_body(served: Served, path: str, body: bytes) -> None:
    """400 for any sender: the body is at fault. Kept for the source that a header names; else counted."""
    status, said, _ = await served.send("POST", path, data=body, headers=KEY)
    assert (status, said["code"], len(served.inbox.rejections)) == (400, "unparseable_body", 1)
    status, said, _ = await served.send("POST", path, data=body)
    assert (status, said["code"], bool(said["problems"])) == (400, "unparseable_body", True)
    assert len(served.inbox.rejections) == 1
    refused = [found for found in served.telemetry if isinstance(found, RequestRefused)]
    assert refused == [RequestRefused(400, "unparseable_body", path, "key_missing")]


async def test_a_wrong_key_beside_an_unparseable_body_is_the_key_s_fault(served: Served) -> None:
    """And nothing of the body is looked at."""
    status, said, _ = await served.send("POST", "/v1/batch", data=CUT, headers={"X-Write-Key": "wrong"})
    assert (status, said["code"], served.inbox.rejections) == (401, "unauthorized", [])


@pytest.mark.parametrize(
    ("header", "body", "status"),
    [
        ("shop-key:secret", {**CLICK, "writeKey": "shop-key:***"}, 200),
        ("shop-key:", CLICK, 200),
        ("wrong:shop-key", CLICK, 401),
        (":shop-key", CLICK, 401),
        ("shop-key:secret", {**CLICK, "writeKey": "other"}, 401),
    ],
    ids=["masked", "no secret", "key as the secret", "no key", "contradiction"],
)
async def test_jitsu_s_library_spells_a_key_with_its_secret(
    served: Served, header: str, body: dict[str, Any], status: int
) -> None:
    """@jitsu/js refuses a key without a colon itself; what stands behind the colon is no matter, as in Basic."""
    assert (await served.send("POST", "/api/s/track", json=body, headers={"X-Write-Key": header}))[0] == status
    assert len(served.inbox.events) == (status == 200)


async def test_a_path_of_jitsu_that_is_no_call_is_nobody_s(served: Served) -> None:
    """And so is any other word without `/v1`."""
    for path in ("/api/s/nonsense", "/api/s", "/nonsense", "/v1/nonsense"):
        assert (await served.send("POST", path, json=CLICK, headers=KEY))[0] == 404


async def test_a_batch_as_kotlin_sends_it(served: Served) -> None:
    """Plain text, gzip, chunked, the key and the time of sending on the envelope."""
    context = {"library": {"name": "analytics-kotlin"}, "device": {"type": "android"}}
    batch = {
        "batch": [{**CLICK, "type": "track", "timestamp": "2026-11-23T01:00:00Z"}],
        "writeKey": "shop-key",
        "sentAt": "2026-11-23T01:00:10Z",
        "context": context,
    }

    async def chunks() -> AsyncIterator[bytes]:
        packed = gzip.compress(json.dumps(batch).encode())
        for start in range(0, len(packed), 7):
            yield packed[start : start + 7]

    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    assert (await served.send("POST", "/v1/b", data=chunks(), headers=headers))[0] == 200
    body = served.inbox.events[0].body
    assert (body["timestamp"], body["originalTimestamp"]) == ("2026-11-23T11:59:50.000Z", "2026-11-23T01:00:00Z")
    assert body["context"] == {**context, "ip": "127.0.0.1"}


async def test_whose_address_an_event_gets() -> None:
    """A page's events get the address of the browser, as named by a trusted proxy; a server's get none."""
    async with serving(trusted_proxies=[ip_network("127.0.0.0/8")]) as served:
        forwarded = {**KEY, "X-Forwarded-For": "192.0.2.66, 198.51.100.7"}
        await served.send("POST", "/v1/t", json=CLICK, headers={**forwarded, "Origin": "https://shop.example"})
        await served.send("POST", "/v1/t", json={**CLICK, "messageId": "m-2"}, headers=forwarded)
        sent = {**CLICK, "type": "track", "messageId": "m-3"}
        await served.send("POST", "/webhooks/shop/shop-key", json=sent, headers={"Origin": "https://shop.example"})
        contexts = [event.body.get("context") for event in served.inbox.events]
        assert contexts == [{"ip": "198.51.100.7"}, None, None]


@pytest.mark.parametrize("message_id", [{"messageId": "m-1"}, {}], ids=["with an id", "without"])
async def test_a_retry_by_another_network_is_a_duplicate(message_id: dict[str, str]) -> None:
    """The address that the adapter writes into the event is not what makes it another one."""
    message = {"event": "A", "userId": "u", "timestamp": "2026-11-23T11:00:00Z", **message_id}
    async with serving(trusted_proxies=[ip_network("127.0.0.0/8")]) as served:
        for address in ("192.0.2.1", "2001:db8::7"):
            headers = {**KEY, "X-Forwarded-For": address, "Origin": "https://shop.example"}
            assert (await served.send("POST", "/v1/t", json=message, headers=headers))[0] == 200
        assert (served.inbox.totals.stored, served.inbox.totals.duplicates) == (1, 1)
        assert served.inbox.rejections == []


@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch/", "/v1/m", "/t", "/b/", "/m", "/api/s/page", "/api/s/s2s/track"])
async def test_a_preflight_is_answered(served: Served, path: str) -> None:
    """analytics.js from 1.84 and RudderStack's send Authorization, so browsers ask first."""
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,sentat",
    }
    status, _, headers = await served.send("OPTIONS", path, headers=asked)
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://shop.example"
    assert headers["access-control-allow-headers"] == "authorization,content-type,sentat"
    assert "POST" in headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/t", b'{"event":"A","userId":"u","writeKey":"shop-key"}', 200),
        ("POST", "/v1/t", b'{"event":"A","userId":"u"}', 401),
        ("POST", "/v1/t?writeKey=shop-key", b"{", 400),
        ("GET", "/v1/t", b"", 405),
    ],
    ids=["stored", "no key", "unparseable", "method"],
)
async def test_a_page_may_read_every_answer(served: Served, method: str, path: str, body: bytes, status: int) -> None:
    """An error without CORS headers looks like a broken network to an SDK, which then tries ten times."""
    answered, _, headers = await served.send(method, path, data=body, headers={"Origin": "https://shop.example"})
    assert (answered, headers["access-control-allow-origin"]) == (status, "https://shop.example")
    assert headers["access-control-expose-headers"] == "Retry-After, X-RateLimit-Reset"


async def test_who_is_no_page_gets_no_cors_headers(served: Served) -> None:
    """Servers have no origin; webhooks are no pages."""
    for path in ("/v1/t", "/webhooks/shop"):
        _, _, headers = await served.send("POST", path, json=CLICK, headers=KEY)
        assert not [name for name in headers if name.startswith("access-control")]


async def test_what_a_sender_objects_to_is_dropped_and_reported() -> None:
    """By a library, from a page and by the pixel; a webhook of the same source is not asked. Nothing is kept of it."""
    objections = Objections.of(["integrations"], [], name=lambda: "Browsee")
    message = {"type": "track", "event": "A", "userId": "u-1", "integrations": {"All": False}}
    data = base64.b64encode(json.dumps({**message, "writeKey": "shop-key", "messageId": "m-2"}).encode()).decode()
    async with serving(replace(SHOP, objections=objections)) as served:
        assert (await served.send("POST", "/v1/track", json={**message, "messageId": "m-1"}, headers=KEY))[0] == 200
        async with served.session.get(f"{served.url}/v1/pixel/track", params={"data": data}) as answered:
            assert answered.status == 200
        hook = {**message, "messageId": "m-3"}
        assert (await served.send("POST", "/webhooks/shop/shop-key", json=hook))[0] == 200
        library, pixel, webhook = served.inbox.events
        assert [(event.body, event.user_id) for event in (library, pixel)] == [({}, None)] * 2
        assert (webhook.dropped, webhook.user_id) == (None, "u-1")
        dropped = [said for said in served.telemetry if isinstance(said, EventDropped)]
        assert [(said.reason, said.message_id) for said in dropped] == [
            (Reason.INTEGRATIONS, "m-1"),
            (Reason.INTEGRATIONS, "m-2"),
        ]

"""The traps for receivers of RudderStack and Jitsu, one by one, over real sockets.

They were gathered from RudderStack's and Jitsu's code and docs and from running RudderStack's libraries; each test has
one trap's number and name in that list, and shows the promise that keeps the adapter out of it.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.http.responses import Reply, respond
from adapter.ingest.sources import Source
from adapter.model import Secret
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import RECEIVED_AT, FakeClock, make_event
from tests.integration.ingest_server import Served, serving
from tests.integration.mapped import DEFAULT, RUDDERSTACK, mapped

GUIDE = " ".join((Path(__file__).parents[2] / "docs/senders.md").read_text(encoding="utf-8").split())
SHOP = Source("shop", (Secret("shop-key"),))
WEBHOOK = "/webhooks/shop/shop-key"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"shop-key:").decode()}
TRACK: dict[str, Any] = {"type": "track", "event": "Product Added", "userId": "u-1", "messageId": "m-1"}
OK = {"success": True}
EACH_MAPPING = pytest.mark.parametrize("mapping", [DEFAULT, RUDDERSTACK], ids=["default", "rudderstack"])


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(SHOP) as running:
        yield running


@pytest.mark.parametrize("path", [WEBHOOK, "/v1/batch", "/v1/track", "/beacon/v1/batch?writeKey=shop-key"])
async def test_01_answering_202(served: Served, path: str) -> None:
    """Python's library and Jitsu's Segment destination take exactly 200 for success."""
    assert (await served.send("POST", path, json=TRACK, headers=BASIC))[:2] == (200, OK)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/v1/batch?writeKey=wrong", b"{}", 401), ("/v1/batch?writeKey=shop-key", b"{", 400), (WEBHOOK, b"5", 400)],
)
async def test_02_json_errors_without_code_and_message(served: Served, path: str, body: bytes, status: int) -> None:
    """Both are there and text, or Python's library would send again what was refused for good."""
    answered, said, _ = await served.send("POST", path, data=body)
    assert (answered, type(said["code"]), type(said["message"])) == (status, str, str)


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json;charset=UTF-8", "nonsense"]
)
async def test_03_checking_content_type(served: Served, content_type: str) -> None:
    """The bytes say what they are: JSON, or gzip with JSON in it."""
    headers = {"Content-Type": content_type, "Content-Encoding": "gzip", **BASIC}
    body = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    assert (await served.send("POST", "/v1/batch", data=body, headers=headers))[0] == 200
    assert len(served.inbox.events) == 1


async def test_03_two_content_types(served: Served) -> None:
    """RudderStack sends two if one is configured by hand; aiohttp refuses that as HTTP demands: the guide warns."""
    body = json.dumps(TRACK).encode()
    sent = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: a\r\nContent-Type: b\r\nContent-Length: %d\r\n\r\n%s"
    assert (await served.raw(sent % (WEBHOOK.encode(), len(body), body))).startswith(b"HTTP/1.0 400 ")
    assert "add your own header `Content-Type`" in GUIDE


def test_04_wrong_status_class() -> None:
    """Only what passes by itself is 503 or 429: either keeps the sender's user waiting, and 4xx loses the event."""
    waits = {reply for reply in Reply if respond(reply).status in {429, 503}}
    passing = {Reply.LIMITED, Reply.SLOW, Reply.FULL, Reply.FAILED, Reply.STOPPING}
    passing |= {Reply.SLOW_HEADER, Reply.CROWDED, Reply.BUSY, Reply.SHARE_FULL, Reply.DELIVERS}
    # A fault of ours is nothing that the event is to blame for: the next version may take it.
    assert waits == passing | {Reply.FAULT}


@EACH_MAPPING
async def test_04_an_event_that_nothing_maps_is_no_error(served: Served, mapping: str) -> None:
    """It is thanked for and accounted for."""
    assert (await served.send("POST", WEBHOOK, json={**TRACK, "type": "group", "groupId": "g"}))[:2] == (200, OK)
    assert (await mapped(served.inbox.events, mapping))[1] == {"unmatched": 1}


async def test_05_calling_browsee_inline(served: Served) -> None:
    """Two hundred at once are answered within Jitsu's deadline of 2 s; no Browsee is running here."""
    async with asyncio.timeout(2):
        answers = await asyncio.gather(
            *(served.send("POST", WEBHOOK, json={**TRACK, "messageId": f"m-{n}"}) for n in range(200))
        )
    assert {status for status, _, _ in answers} == {200}


async def test_06_redirecting(served: Served) -> None:
    """A slash more or less changes nothing."""
    for path in (WEBHOOK, WEBHOOK + "/", "/v1/track", "/v1/track/", "/v1/batch/"):
        assert (await served.send("POST", path, json=TRACK, headers=BASIC))[0] == 200


def test_06_a_host_that_hosted_rudderstack_refuses() -> None:
    """It takes no IP address and no localhost: the set-up guide says so."""
    assert "accepts only dotted host names" in GUIDE


@pytest.mark.parametrize(
    ("user", "anonymous", "who"),
    [
        ("", "an-1", {"anonymousId": "an-1"}),
        (None, "an-1", {"anonymousId": "an-1"}),
        ("  ", 7, {"anonymousId": "7"}),
        (42.0, None, {"userId": "42"}),
        (9466052, None, {"userId": "9466052"}),
        (True, "an-1", {"anonymousId": "an-1"}),
    ],
    ids=["blank", "null", "spaces", "float", "integer", "boolean"],
)
@EACH_MAPPING
async def test_07_requiring_string_ids(
    served: Served, user: object, anonymous: object, who: dict[str, str], mapping: str
) -> None:
    """Numbers become text in plain digits, what is blank or no id is no id: it must not merge all visitors into one."""
    await served.send("POST", WEBHOOK, json={**TRACK, "userId": user, "anonymousId": anonymous})
    (call,), _ = await mapped(served.inbox.events, mapping)
    assert {name: call[name] for name in ("userId", "anonymousId") if name in call} == who


@EACH_MAPPING
async def test_08_reading_only_root_traits(served: Served, mapping: str) -> None:
    """An identify's traits are found under `context`."""
    identify = {"type": "identify", "userId": "u-1", "context": {"traits": {"plan": "pro"}}, "messageId": "m"}
    await served.send("POST", WEBHOOK, json=identify)
    (call,), _ = await mapped(served.inbox.events, mapping)
    assert call["traits"] == {"plan": "pro"}


@pytest.mark.parametrize("kind", ["merge", "record", "audiencelist", "extract"])
async def test_09_closed_enum_on_type(served: Served, kind: str) -> None:
    """An unknown type is stored and counted; RudderStack's own are dropped by the mapping made for it."""
    message = {"type": kind, "messageId": "m-1", "mergeProperties": [{"type": "email", "value": "a@b.example"}]}
    assert (await served.send("POST", WEBHOOK, json=message))[:2] == (200, OK)
    calls, ended = await mapped(served.inbox.events, RUDDERSTACK)
    assert (calls, sum(ended.values())) == ([], 1)


async def test_09_the_path_says_the_type(served: Served) -> None:
    """On `/v1/track` a message need not say that it is one."""
    await served.send("POST", "/v1/track", json={"event": "A", "userId": "u"}, headers=BASIC)
    assert served.inbox.events[0].type == "track"


@pytest.mark.parametrize(
    ("body", "stored"), [(TRACK, 1), ({"batch": [TRACK]}, 1), ([TRACK], 1), ([], 0), ({"batch": []}, 0)]
)
async def test_10_assuming_object_or_batch(served: Served, body: object, stored: int) -> None:
    """The HTTP destination posts a bare array; an empty one is no fault."""
    assert (await served.send("POST", WEBHOOK, json=body))[:2] == (200, OK)
    assert len(served.inbox.events) == stored


async def test_11_assuming_the_envelopes_context_applies(served: Served) -> None:
    """The envelope lies under each message: what a message says itself always wins."""
    body = {"batch": [{**TRACK, "context": {"a": 1}}], "context": {"a": 2, "b": 3}}
    await served.send("POST", "/v1/batch", json=body, headers=BASIC)
    assert served.inbox.events[0].body["context"] == {"a": 1, "b": 3}


@pytest.mark.parametrize("path", [WEBHOOK, "/v1/batch"])
async def test_12_all_or_nothing(served: Served, path: str) -> None:
    """The good messages of a batch are stored, the bad ones kept as rejected, and the answer is 200."""
    body = {"batch": [TRACK, {"type": "track", "userId": "u", "event": []}, 7]}
    assert (await served.send("POST", path, json=body, headers=BASIC))[:2] == (200, OK)
    assert (len(served.inbox.events), len(served.inbox.rejections)) == (1, 2)


async def test_13_short_memory_for_duplicates() -> None:
    """A copy 18.5 h later, Jitsu's last try, is still a copy; and each message is known by its own id."""
    clock = FakeClock()
    queue = SimulatedQueue(now=clock)
    await queue.put([make_event("m-1"), make_event("m-2")])
    clock.advance(timedelta(hours=18.5).total_seconds())
    stored = await queue.put([make_event("m-2"), make_event("m-3")])
    assert (stored.stored, stored.duplicates) == (1, 1)


async def test_14_trusting_order(served: Served) -> None:
    """What comes late keeps the time at which it happened."""
    for n, minute in enumerate((30, 10)):
        at = f"2026-11-23T10:{minute}:00.000Z"
        await served.send("POST", WEBHOOK, json={**TRACK, "messageId": f"m-{n}", "timestamp": at})
    calls, _ = await mapped(served.inbox.events, DEFAULT)
    assert [call["timestamp"] for call in calls] == ["2026-11-23T10:30:00.000Z", "2026-11-23T10:10:00.000Z"]


@pytest.mark.parametrize(
    "injected",
    [
        [("Authorization", "Bearer stolen")],
        [("X-Write-Key", "shop-key"), ("x-write-key", "other")],
        [("authorization", "Bearer shop-key"), ("Authorization", "Bearer other")],
    ],
    ids=["another key", "repeated", "repeated in another case"],
)
async def test_15_trusting_headers(served: Served, injected: list[tuple[str, str]]) -> None:
    """An event's author can add headers to RudderStack's request: one that contradicts the key is not passed over."""
    assert (await served.send("POST", WEBHOOK, json=TRACK, headers=injected))[0] == 401


async def test_15_an_address_that_an_author_wrote(served: Served) -> None:
    """`X-Forwarded-For` counts only from proxies that the settings name, and for webhooks never."""
    await served.send("POST", WEBHOOK, json=TRACK, headers={"X-Forwarded-For": "192.0.2.66"})
    assert "192.0.2.66" not in str(served.inbox.events[0].body)


async def test_15_a_path_that_an_author_chose(served: Served) -> None:
    """`appendPath` can lead to another key's path only by breaking the key that stands before it."""
    assert (await served.send("POST", WEBHOOK + "x", json=TRACK))[0] == 401
    assert (await served.send("POST", WEBHOOK + "/x", json=TRACK))[0] == 404


async def test_16_expecting_the_source_in_the_body(served: Served) -> None:
    """The URL says whose event it is; a `writeKey` in a webhook's body says nothing."""
    await served.send("POST", WEBHOOK, json={**TRACK, "writeKey": "other"})
    assert served.inbox.events[0].source == "shop"


async def test_17_get_mode(served: Served) -> None:
    """GET and DELETE carry no event: 405, with the methods that do; the guide says POST."""
    for method in ("GET", "DELETE"):
        status, said, headers = await served.send(method, WEBHOOK + "?total=9.466052e%2B06")
        assert (status, said["code"], headers["allow"]) == (405, "method_not_allowed", "POST, PUT, PATCH")
    assert "`405`" in GUIDE


@pytest.mark.parametrize(("inflated", "status"), [(4_194_304, 200), (41_000_000, 413)], ids=["largest", "bomb"])
async def test_18_aiohttp_defaults(served: Served, inflated: int, status: int) -> None:
    """The largest batch that Python's library makes is taken, a gzip bomb is not."""
    members = [{**TRACK, "messageId": f"m-{n}", "properties": {"a": "x" * 100_000}} for n in range(40)]
    body = json.dumps({"batch": members}).encode().ljust(inflated)
    assert (await served.send("POST", "/v1/batch", data=gzip.compress(body, 1), headers=BASIC))[0] == status


@pytest.mark.parametrize(
    ("timestamp", "written"),
    [
        ("2026-11-23T11:30:00.123456+05:30", "2026-11-23T06:00:00.123Z"),
        ("2026-11-23T06:00:00", "2026-11-23T06:00:00.000Z"),
        (1795413600, "2026-11-23T06:00:00.000Z"),
        (1795413600123, "2026-11-23T06:00:00.123Z"),
        (float("nan"), RECEIVED_AT.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
    ],
    ids=["offset and microseconds", "naive", "epoch s", "epoch ms", "NaN"],
)
async def test_19_timestamps(served: Served, timestamp: object, written: str) -> None:
    """All forms end as UTC in milliseconds; a bare NaN is null."""
    body = json.dumps({**TRACK, "timestamp": timestamp}).encode()
    assert (await served.send("POST", WEBHOOK, data=body))[0] == 200
    (call,), _ = await mapped(served.inbox.events, DEFAULT)
    assert call["timestamp"] == written


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/", "/v1/track", "/v1/batch", "/beacon/v1/batch"])
async def test_20_cors(served: Served, path: str) -> None:
    """Origin and the headers that were asked for are echoed, on the path of the settings too."""
    wanted = "anonymousid,authorization,content-type,rsa-retry-attempt,sentat"
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Headers": wanted}
    status, _, headers = await served.send("OPTIONS", path, headers=asked)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert headers["access-control-allow-headers"] == wanted

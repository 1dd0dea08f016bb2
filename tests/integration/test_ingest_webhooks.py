"""Webhooks of a platform, over real sockets: keys, signatures, shapes, and what is reported of what is wrong."""

import asyncio
import base64
import gzip
import hmac
import io
import json
from collections.abc import AsyncIterator
from functools import partial

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from adapter.errors import QueueError, QueueFull
from adapter.ingest.sources import Source
from adapter.model import EventWarning, Reason, Secret, WarningKind
from adapter.observe.ingest_telemetry import (
    BodyRepaired,
    DuplicatesDiffered,
    DuplicatesSeen,
    EventWarned,
    MessageRejected,
    MessagesStored,
    RequestRefused,
)
from adapter.observe.service_telemetry import QueueFailed
from tests.fakes import RECEIVED_AT, TRACEPARENT, until
from tests.integration.ingest_server import SHOP, Served, serving

PATH = "/webhooks/shop/shop-key"
TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}
OK = {"success": True}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "path", [PATH, PATH + "/", "/webhooks/shop?writeKey=shop-key", "/webhooks/shop/?writeKey=shop-key"]
)
async def test_an_event_is_stored_and_thanked_for(served: Served, method: str, path: str) -> None:
    """200 with JSON and nothing else: no other success is understood by all senders. No spelling redirects."""
    status, said, headers = await served.send(method, path, json=TRACK)
    assert (status, said, headers["content-type"]) == (200, OK, "application/json")
    assert [event.body for event in served.inbox.events] == [TRACK]
    assert served.inbox.events[0].received_at == RECEIVED_AT
    assert served.telemetry == [MessagesStored("shop", 1)]


BASIC = "Basic " + base64.b64encode(b"shop-key:").decode()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/webhooks/shop", [("Authorization", BASIC)], 200),
        ("/webhooks/shop", [("Authorization", "Bearer shop-key-old")], 200),
        ("/webhooks/shop", [("X-Write-Key", "shop-key")], 200),
        (PATH, [("Authorization", BASIC), ("X-Write-Key", "shop-key")], 200),
        (PATH, [("Authorization", "Bearer undefined")], 200),
        ("/webhooks/shop", [], 401),
        ("/webhooks/shop/wrong", [], 401),
        ("/webhooks/other/shop-key", [], 401),
        ("/webhooks/signed/shop-key", [], 401),
        (PATH, [("X-Write-Key", "wrong")], 401),
        (PATH, [("Authorization", "Bearer shop-key-old")], 401),
        ("/webhooks/shop", [("X-Write-Key", "shop-key"), ("X-Write-Key", "wrong")], 401),
        ("/webhooks/shop", [("Authorization", BASIC), ("Authorization", "Bearer wrong")], 401),
        ("/webhooks/shop?writeKey=shop-key&writeKey=wrong", [], 401),
    ],
)
async def test_whose_key_is_taken(served: Served, path: str, headers: list[tuple[str, str]], status: int) -> None:
    """One key, wherever it stands, for its own source alone; two different ones are refused, repeated headers too."""
    answered, said, _ = await served.send("POST", path, json=TRACK, headers=headers)
    assert answered == status
    assert len(served.inbox.events) == (status == 200)
    if status == 401:
        assert said["code"] == "unauthorized"
        assert [type(telemetry) for telemetry in served.telemetry] == [RequestRefused]
        assert "shop-key" not in str(served.telemetry)


@pytest.mark.parametrize(
    ("path", "headers", "found"),
    [
        ("/webhooks/shop", {}, ("/webhooks/shop", "key_missing", "")),
        ("/webhooks/shop/wrong", {}, ("/webhooks/shop", "key_unknown", "")),
        (PATH, {"X-Write-Key": "wrong"}, ("/webhooks/shop", "keys_differ", "")),
        (PATH, {"Authorization": "Digest x"}, ("/webhooks/shop", "key_unreadable", "")),
        ("/webhooks/other/shop-key", {}, ("/webhooks/{source}/{key}", "wrong_source", "shop")),
        ("/webhooks/signed/shop-key", {}, ("/webhooks/signed", "wrong_source", "shop")),
        ("/webhooks/signed/signed-key", {}, ("/webhooks/signed", "signature_missing", "signed")),
        ("/webhooks/signed/signed-key", {"X-Signature": ""}, ("/webhooks/signed", "signature_missing", "signed")),
        ("/webhooks/signed/signed-key", {"X-Signature": "00" * 20}, ("/webhooks/signed", "signature_wrong", "signed")),
        ("/v1/track", {"X-Write-Key": "signed-key"}, ("/v1/track", "source_signs", "signed")),
    ],
)
async def test_the_operator_learns_why_it_was_401(
    served: Served, path: str, headers: dict[str, str], found: tuple[str, str, str]
) -> None:
    """The sender does not: every 401 is the same to it. The log has a reason and a source's name, never the value."""
    status, said, _ = await served.send("POST", path, json=TRACK, headers=headers)
    assert (status, said["code"]) == (401, "unauthorized")
    route, reason, source = found
    assert served.telemetry == [RequestRefused(401, "unauthorized", route, reason, source)]
    [recent] = served.denials.recent(RECEIVED_AT)
    assert (recent["route"], recent["code"], recent["source"]) == (route, reason, source or None)
    assert "unauthorized" in str(said)
    assert reason not in str(said)


async def test_a_webhook_s_path_with_a_typing_error_is_named(served: Served) -> None:
    """Without the key that stands in it."""
    status, said, _ = await served.send("POST", "/webhook/shop/shop-key", json=TRACK)
    assert (status, said["code"]) == (404, "not_found")
    assert said["message"] == "there is nothing at this path; did you mean /webhooks/…?"


async def test_a_key_in_the_body_opens_no_webhook(served: Served) -> None:
    """Only SDKs say their key in the body; a webhook's body was written by anybody."""
    assert (await served.send("POST", "/webhooks/shop", json={**TRACK, "writeKey": "shop-key"}))[0] == 401
    assert (await served.send("POST", PATH, json={**TRACK, "writeKey": "another"}))[0] == 200
    assert "writeKey" not in served.inbox.events[0].body


@pytest.mark.parametrize(
    ("body", "secret", "status"),
    [
        (b'{"type":"track"}', "s-old", 200),
        (b'[{"type":"track"},{"type":"page"}]', "s-new", 200),
        (b'{"type":"track"}', "wrong", 401),
        (b'{"type":"track"}', None, 401),
        (b"type=track", "s-new", 401),
        (b"\x1f\x8b damaged", "s-new", 401),
    ],
    ids=["old secret", "new secret, array", "wrong secret", "unsigned", "form", "damaged gzip"],
)
async def test_a_source_that_signs_takes_nothing_unsigned(
    served: Served, body: bytes, secret: str | None, status: int
) -> None:
    """The key alone does not open a source with signing secrets; nothing of what is refused is kept."""
    signed = body[1 : body.index(b"}") + 1] if body.startswith(b"[") else body
    headers = {} if secret is None else {"X-Signature": hmac.digest(secret.encode(), signed, "sha1").hex()}
    answered, _, _ = await served.send("POST", "/webhooks/signed/signed-key", data=body, headers=headers)
    assert answered == status
    assert bool(served.inbox.events) is (status == 200)
    assert not served.inbox.rejections


async def test_an_array_is_taken_member_by_member(served: Served) -> None:
    """A bad member fails alone: 400 would throw the good ones away, for one status is for all."""
    members = [TRACK, None, {"type": "track", "userId": "u"}, 5, {"json": {**TRACK, "messageId": "m-2"}}]
    status, said, _ = await served.send("POST", PATH, json=members)
    assert (status, said) == (200, OK)
    assert [event.message_id for event in served.inbox.events] == ["m-1", "m-2"]
    assert [rejection.reason for rejection in served.inbox.rejections] == [Reason.SCHEMA, Reason.SCHEMA]
    assert served.telemetry[0] == MessagesStored("shop", 2)
    assert [type(telemetry) for telemetry in served.telemetry[1:]] == [MessageRejected, MessageRejected]


async def test_large_arrays_are_read_while_others_wait_for_their_commit(served: Served) -> None:
    """Up to 1 MB of them together; what is beyond that, and any small event, keeps its place and is answered."""
    served.inbox.gate.clear()
    arrays = [
        [{**TRACK, "messageId": f"{name}-{n}", "properties": {"text": "x" * 900}} for n in range(400)] for name in "abc"
    ]

    async def has_put(count: int) -> bool:
        return len(served.inbox.sizes) == count

    sending = [asyncio.create_task(served.send("POST", PATH, json=array)) for array in arrays]
    await until(partial(has_put, 2))
    sending.append(asyncio.create_task(served.send("POST", PATH, json=TRACK)))
    await until(partial(has_put, 3))
    assert served.inbox.sizes == [400, 400, 1]
    served.inbox.gate.set()
    assert [status for status, *_ in await asyncio.gather(*sending)] == [200] * 4
    assert served.inbox.totals.stored == 1_201


async def test_a_large_array_is_taken_whole(served: Served) -> None:
    """Segment sends up to 4,000 events and 4 MB in one request."""
    members = [{**TRACK, "messageId": f"m-{n}", "properties": {"a": "x" * 900}} for n in range(4000)]
    status, _, _ = await served.send("POST", PATH, data=io.BytesIO(json.dumps(members).encode()))
    assert (status, len(served.inbox.events)) == (200, 4000)
    assert [event.message_id for event in served.inbox.events] == [f"m-{n}" for n in range(4000)]


async def test_a_batch_lends_its_envelope(served: Served) -> None:
    """What stands around a batch lies under each of its messages; a webhook's clock is left alone."""
    body = {
        "batch": [{**TRACK, "timestamp": "2026-11-23T06:00:00Z"}],
        "context": {"a": 1},
        "sentAt": "2026-11-23T07:00:00Z",
    }
    assert (await served.send("POST", PATH, json=body))[0] == 200
    assert served.inbox.events[0].body == {**TRACK, "timestamp": "2026-11-23T06:00:00Z", "context": {"a": 1}}


@pytest.mark.parametrize("body", [b"[]", b"[null]", b'{"batch":[]}'])
async def test_nothing_to_store_is_no_fault(served: Served, body: bytes) -> None:
    """An empty batch is thanked for."""
    assert (await served.send("POST", PATH, data=body))[:2] == (200, OK)
    assert served.inbox.totals.stored == served.inbox.totals.rejected == 0


async def test_a_single_bad_event_is_answered_with_what_is_wrong(served: Served) -> None:
    """400 with JSON Pointers and what was expected, never the value; and it is kept."""
    bad = {**TRACK, "event": [], "properties": "a secret"}
    status, said, _ = await served.send("POST", PATH, json=bad)
    assert (status, said["success"], said["code"]) == (400, False, "invalid_event")
    assert {problem["pointer"]: problem["message"] for problem in said["problems"]} == {
        "/event": "must be text or a number, not an array",
        "/properties": "must be an object or null, not text",
    }
    kept = served.inbox.rejections[0]
    assert (kept.reason, kept.message_id, json.loads(kept.body)) == (Reason.SCHEMA, "m-1", bad)
    found = served.telemetry[0]
    assert isinstance(found, MessageRejected)
    assert "secret" not in found.problems


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"a=1&b=2", b"\xff", b"[" * 10_000 + b"]" * 10_000, b"\x1f\x8b broken"],
    ids=["empty", "cut", "null", "form", "not UTF-8", "10,000 deep", "damaged gzip"],
)
async def test_an_unparseable_body_is_refused_and_kept(served: Served, body: bytes) -> None:
    """400, once: sent again it would be no better. What came is kept for people to look at."""
    status, said, _ = await served.send("POST", PATH, data=body)
    assert (status, said["code"], bool(said["problems"])) == (400, "unparseable_body", True)
    kept = served.inbox.rejections[0]
    assert (kept.reason, kept.body, kept.source) == (Reason.UNPARSEABLE, body, "shop")


async def test_content_type_is_never_looked_at(served: Served) -> None:
    """Senders call JSON a form, text, or two things at once."""
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/vnd.x+json", "nonsense"):
        status, _, _ = await served.send(
            "POST", PATH, data=json.dumps(TRACK).encode(), headers={"Content-Type": content_type}
        )
        assert status == 200
    assert served.inbox.totals.duplicates == 3


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", "br", "nonsense"])
async def test_compressed_bodies_are_known_by_their_bytes(served: Served, encoding: str) -> None:
    """Whatever Content-Encoding says, what is gzip is inflated and what is JSON is read."""
    for body in (gzip.compress(json.dumps(TRACK).encode()), json.dumps(TRACK).encode()):
        sent = (
            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        )
        answered = await served.raw(sent % (PATH.encode(), encoding.encode(), len(body), body))
        assert answered.startswith(b"HTTP/1.1 200 ")
    assert [event.body for event in served.inbox.events] == [TRACK, TRACK]


async def test_what_was_mended_is_reported(served: Served) -> None:
    """NaN and lone surrogates, timestamps passed over, copies: each is counted, none refused."""
    odd = (
        b'{"type":"track","event":"\\ud800","userId":"u","messageId":"m-1","timestamp":"never","properties":{"a":NaN}}'
    )
    assert (await served.send("POST", PATH, data=odd))[0] == 200
    for message in (TRACK, TRACK, {**TRACK, "properties": {"a": 1}}):
        assert (await served.send("POST", PATH, json=message))[0] == 200
    assert served.inbox.events[0].body["properties"] == {"a": None}
    null = "a number that JSON cannot express (NaN, an infinity or too large); null instead"
    no_number = EventWarning(WarningKind.LEFT_OUT, "properties", null)
    no_time = EventWarning(WarningKind.TIME, "timestamp", "not a time: text of the form aaaaa")
    assert served.inbox.events[0].warnings == (no_number, no_time)
    assert served.telemetry == [
        BodyRepaired("shop", 2),
        MessagesStored("shop", 1),
        EventWarned.of("shop", "m-1", no_number),
        EventWarned.of("shop", "m-1", no_time),
        MessagesStored("shop", 1),
        DuplicatesSeen("shop", 1),
        DuplicatesDiffered("shop", 1),
    ]


@pytest.mark.parametrize(
    ("failure", "code"),
    [(QueueFull("5 of 5"), "queue_full"), (QueueError("EIO on sda"), "storage_failed")],
    ids=["full", "broken"],
)
async def test_what_is_not_durable_is_not_thanked_for(served: Served, failure: Exception, code: str) -> None:
    """503 with Retry-After: the sender keeps it and comes again. The disk's trouble is ours to know, not theirs."""
    served.inbox.failure = failure
    status, said, headers = await served.send("POST", PATH, json=TRACK)
    assert (status, said["code"], headers["retry-after"].isdigit()) == (503, code, True)
    assert str(failure) not in said["message"]
    assert RequestRefused(503, code, "/webhooks/shop") in served.telemetry
    assert (QueueFailed("EIO on sda") in served.telemetry) is (code == "storage_failed")


@pytest.mark.parametrize(
    ("path", "body"),
    [(PATH, [TRACK, TRACK | {"messageId": "m-2"}]), ("/v1/batch?writeKey=shop-key", {"batch": [TRACK]})],
    ids=["webhook", "library"],
)
async def test_the_trace_of_a_request_is_of_its_events(served: Served, path: str, body: object) -> None:
    """Each message of the request is part of it; a malformed header is as none."""
    await served.send("POST", path, json=body, headers={"traceparent": TRACEPARENT})
    assert {event.traceparent for event in served.inbox.events} == {TRACEPARENT}
    served.inbox.events.clear()
    await served.send("POST", path, json=TRACK | {"messageId": "m-3"}, headers={"traceparent": "shop-key"})
    assert [event.traceparent for event in served.inbox.events] == [None]


async def test_every_answer_is_timed_by_what_it_says(served: Served) -> None:
    """How senders are answered, and how long they waited for it: until the commit, not until the body was read."""
    served.inbox.gate.clear()
    stored = asyncio.create_task(served.send("POST", PATH, json=TRACK))
    await served.inbox.waiting.wait()
    served.clock.advance(3)
    served.inbox.gate.set()
    assert (await stored)[0] == 200
    served.inbox.failure = QueueFull("5 of 5")
    await served.send("POST", PATH, json=TRACK | {"messageId": "m-2"})
    text = generate_latest(served.observer.registry).decode()
    assert 'browsee_adapter_answer_seconds_sum{code="stored",status="200"} 3.0' in text
    assert 'browsee_adapter_answer_seconds_count{code="stored",status="200"} 1.0' in text
    assert 'browsee_adapter_answer_seconds_count{code="queue_full",status="503"} 1.0' in text
    assert 'browsee_adapter_answer_seconds_count{code="unauthorized",status="401"} 0.0' in text


async def test_while_stopping_nothing_is_taken(served: Served) -> None:
    """From SIGTERM on a sender is asked to come again, to the next process."""
    served.is_draining = True
    status, said, headers = await served.send("POST", PATH, json=TRACK)
    assert (status, said["code"], headers["retry-after"]) == (503, "stopping", "5")
    assert served.inbox.events == []


async def test_a_source_beyond_its_limit_waits() -> None:
    """429 says in whole seconds when to come again, in both headers that SDKs read; others are not slowed."""
    slow = Source("slow", (Secret("slow-key"),), limit_per_s=0.5)
    async with serving(slow) as served:
        assert (await served.send("POST", "/webhooks/slow/slow-key", json=[TRACK] * 3))[0] == 200
        status, said, headers = await served.send("POST", "/webhooks/slow/slow-key", json=TRACK)
        assert (status, said["code"]) == (429, "rate_limited")
        assert headers["retry-after"] == headers["x-ratelimit-reset"] == "6"
        served.clock.advance(6)
        assert (await served.send("POST", "/webhooks/slow/slow-key", json=TRACK))[0] == 200


async def test_a_source_beyond_its_limit_of_bytes_waits() -> None:
    """Few large messages are as much as many small ones; a source without a limit is not slowed."""
    large = {**TRACK, "properties": {"text": "x" * 2_000}}
    slow = Source("slow", (Secret("slow-key"),), limit_per_s=1000, limit_bytes_per_s=1_000)
    async with serving(slow, SHOP) as served:
        assert (await served.send("POST", "/webhooks/slow/slow-key", json=large))[0] == 200
        status, said, headers = await served.send("POST", "/webhooks/slow/slow-key", json=TRACK)
        assert (status, said["code"], headers["retry-after"]) == (429, "rate_limited", "2")
        assert (await served.send("POST", PATH, json=large))[0] == 200
        served.clock.advance(2)
        assert (await served.send("POST", "/webhooks/slow/slow-key", json=TRACK))[0] == 200


async def test_what_must_not_be_stored_is_not_stored() -> None:
    """A private source's functions see every event and rejection before the queue does."""
    private = Source(
        "private",
        (Secret("k"),),
        protect_event=lambda event: replace(event, user_id="hidden", body={}),
        protect_rejection=lambda rejection: replace(rejection, body=b""),
    )
    async with serving(private) as served:
        await served.send("POST", "/webhooks/private/k", json=[TRACK, 5])
        assert [(event.user_id, event.body) for event in served.inbox.events] == [("hidden", {})]
        assert [rejection.body for rejection in served.inbox.rejections] == [b""]


async def test_a_sender_that_goes_away_cancels_nothing(served: Served) -> None:
    """Its events are stored all the same: it will send them again, and they are duplicates then."""
    served.inbox.gate.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    body = json.dumps(TRACK).encode()
    writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (PATH.encode(), len(body), body))
    await served.inbox.waiting.wait()
    writer.close()
    await writer.wait_closed()
    served.inbox.gate.set()
    assert (await served.send("POST", PATH, json=TRACK))[0] == 200
    assert (served.inbox.totals.stored, served.inbox.totals.duplicates) == (1, 1)

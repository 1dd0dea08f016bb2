"""The traps for receivers of Segment's webhooks and libraries, one by one, over real sockets.

They were gathered from Segment's code and docs and from running its packages; each test has one trap's number and name
in that list, and shows the promise that keeps the adapter out of it. The parts have tests of their own.
"""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter.http.responses import Reply, respond
from adapter.ingest.sources import Source
from adapter.model import Secret
from tests.integration.ingest_server import Served, serving
from tests.integration.mapped import DEFAULT, mapped

CASES = Path(__file__).parents[1] / "cases" / "segment-signature-vectors.json"
VECTORS = {vector["name"]: vector for vector in json.loads(CASES.read_text())["vectors"]}
SECRET = VECTORS["webhook_single"]["secret"]
SHOP = Source("shop", (Secret("shop-key"),))
SIGNED = Source("signed", (Secret("signed-key"),), signing_secrets=(Secret(SECRET),))
WEBHOOK, SIGNED_WEBHOOK = "/webhooks/shop/shop-key", "/webhooks/signed/signed-key"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"shop-key:").decode()}
ORIGIN = {"Origin": "https://shop.example"}
TRACK: dict[str, Any] = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}
OK = {"success": True}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(SHOP, SIGNED) as running:
        yield running


async def replay(served: Served, name: str, path: str = SIGNED_WEBHOOK) -> int:
    """The status of one request that Segment's own package made."""
    vector = VECTORS[name]
    headers = {"X-Signature": vector["x_signature"]} if vector["x_signature"] else {}
    headers |= {"Content-Type": vector["content_type"]} if vector["content_type"] else {}
    body = base64.b64decode(vector["body_base64"])
    return (await served.send(vector["method"], path, data=body, headers=headers))[0]


@pytest.mark.parametrize("name", ["webhook_single", "webhook_batch", "extensible_single", "extensible_batch"])
async def test_01_hash_of_parsed_json(served: Served, name: str) -> None:
    """The signature is verified over the bytes as sent: whole, or the first member, or what that one wraps."""
    assert await replay(served, name) == 200


async def test_02_believing_a_signed_batch_is_authentic(served: Served) -> None:
    """A signature covers the first event only, so the key in the URL is asked for besides, and a replay is a copy."""
    assert await replay(served, "webhook_batch", "/webhooks/signed") == 401
    assert await replay(served, "webhook_batch") == 200
    assert await replay(served, "webhook_batch") == 200
    assert served.inbox.totals.stored == served.inbox.totals.duplicates == len(served.inbox.events) // 2


@pytest.mark.parametrize("name", ["webhook_no_data", "webhook_batch_item0_missing"])
async def test_03_secret_set_but_header_absent(served: Served, name: str) -> None:
    """What Segment sends unsigned is refused where a secret is set: leaving the header out must open nothing."""
    assert await replay(served, name) == 401


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (TRACK, 1),
        ([TRACK], 1),
        ([{"json": TRACK}], 1),
        ([None, TRACK], 1),
        ({"batch": [TRACK]}, 1),
        ([], 0),
    ],
    ids=["object", "array", "wrapped array", "array with null", "batch", "empty array"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_04_requiring_an_object(served: Served, method: str, body: object, stored: int) -> None:
    """Every shape and every method is taken."""
    assert (await served.send(method, WEBHOOK, json=body))[:2] == (200, OK)
    assert len(served.inbox.events) == stored


async def test_05_400_for_one_bad_event_in_an_array(served: Served) -> None:
    """The bad one is kept as rejected, the good ones are stored, and Segment is answered 200."""
    assert (await served.send("POST", WEBHOOK, json=[TRACK, {"type": "track", "userId": "u"}]))[:2] == (200, OK)
    assert (len(served.inbox.events), len(served.inbox.rejections)) == (1, 1)


@pytest.mark.parametrize("path", [WEBHOOK, "/v1/batch", "/v1/t", "/v1/m"])
async def test_06_returning_202_or_an_empty_200(served: Served, path: str) -> None:
    """Success is 200 with JSON, and nothing else."""
    status, said, headers = await served.send("POST", path, json=TRACK, headers=BASIC)
    assert (status, said, headers["content-type"]) == (200, OK, "application/json")


@pytest.mark.parametrize("reply", [reply for reply in Reply if reply is not Reply.STORED])
def test_07_error_json_without_code_and_message(reply: Reply) -> None:
    """Every error has both, or analytics-python 2.3.4 sends again what was refused for good."""
    found = json.loads(respond(reply).body)
    assert (found["success"], bool(found["code"]), bool(found["message"])) == (False, True, True)


@pytest.mark.parametrize("path", [WEBHOOK, "/v1/batch", "/v1/t", "/v1/import", "/v1/b"])
async def test_08_redirects(served: Served, path: str) -> None:
    """With a slash at the end or without: the same answer, and no redirect."""
    for spelling in (path, path + "/"):
        assert (await served.send("POST", spelling, json=TRACK, headers=BASIC))[:2] == (200, OK)


async def test_09_answering_after_the_downstream_call(served: Served) -> None:
    """What was answered is in the queue, and nothing but the queue was waited for: no Browsee is running here."""
    assert (await served.send("POST", WEBHOOK, json=TRACK))[0] == 200
    assert (await served.inbox.queue.balance()).pending == 1


async def test_10_idempotency_by_request(served: Served) -> None:
    """Batches are grouped again for each attempt: an event counts once, in whatever batch it arrives."""
    other = {**TRACK, "messageId": "m-2"}
    for batch in ([TRACK, other], [other], [other, TRACK], [{"json": TRACK}]):
        assert (await served.send("POST", WEBHOOK, json=batch))[0] == 200
    assert (served.inbox.totals.stored, served.inbox.totals.duplicates) == (2, 4)


async def test_10_idempotency_without_a_message_id(served: Served) -> None:
    """Copies without an id are known by what they say, less what changes with each try."""
    anonymous = {"type": "page", "userId": "u", "timestamp": "2026-11-23T10:00:00Z"}
    for sent_at in ("2026-11-23T10:00:01Z", "2026-11-23T11:00:01Z"):
        await served.send("POST", WEBHOOK, json={**anonymous, "sentAt": sent_at})
    assert (served.inbox.totals.stored, served.inbox.totals.duplicates) == (1, 1)


async def test_11_several_mappings_of_one_event(served: Served) -> None:
    """One event that Segment sends by two mappings is one event; one with another body is kept as a rejection."""
    await served.send("POST", WEBHOOK, json=TRACK)
    await served.send("POST", WEBHOOK, json={**TRACK, "properties": {"total": 5}})
    assert (served.inbox.totals.stored, served.inbox.totals.duplicates, served.inbox.totals.differing) == (1, 0, 1)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "", "nonsense"])
async def test_12_content_type_gate(served: Served, content_type: str) -> None:
    """JSON is JSON under any name, packed or not; and a batch of 4 MB fits."""
    batch = [{**TRACK, "messageId": f"m-{n}", "properties": {"a": "x" * 1000}} for n in range(3600)]
    packed = gzip.compress(json.dumps(batch).encode(), 1)
    headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
    assert (await served.send("POST", WEBHOOK, data=packed, headers=headers))[0] == 200
    assert served.inbox.totals.stored == 3600


async def test_13_cors_without_preflight(served: Served) -> None:
    """The question before is answered with headers by name; errors too may be read, with the time to wait."""
    asked = {**ORIGIN, "Access-Control-Request-Headers": "authorization,content-type,x-retry-count"}
    status, _, headers = await served.send("OPTIONS", "/v1/t", headers=asked)
    allowed = headers["access-control-allow-headers"]
    assert (status, allowed) == (200, "authorization,content-type,x-retry-count")
    status, _, headers = await served.send("POST", "/v1/t", json=TRACK, headers=ORIGIN)
    assert (status, headers["access-control-allow-origin"]) == (401, ORIGIN["Origin"])
    assert "Retry-After" in headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "odd",
    [
        {"anonymousId": None, "context": None, "integrations": None},
        {"context": [], "integrations": []},
        {"type": "page", "name": None, "category": None},
        {"type": "group", "groupId": 5},
        {"version": 2, "integrations": {"x": {"a": 1}}, "email": "a@b.example"},
        {"version": "1.1", "_metadata": {"bundled": []}, "projectId": "p"},
    ],
    ids=["nulls", "empty arrays", "nameless page", "numeric group", "numeric version", "text version"],
)
async def test_14_json_schema_too_strict(served: Served, odd: dict[str, Any]) -> None:
    """What Segment really sends fits the schemas."""
    assert (await served.send("POST", WEBHOOK, json={**TRACK, **odd}))[:2] == (200, OK)
    assert len(served.inbox.events) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-11-23T11:00:00Z", "2026-11-23T11:00:00+00:00"),
        ("2026-11-23T16:30:00.000+05:30", "2026-11-23T11:00:00+00:00"),
        ("2026-11-23 11:00:00.209808489 +0000 UTC m=+70366.298768264", "2026-11-23T11:00:00.209808+00:00"),
        ("0001-01-01T00:00:00Z", "2026-11-23T12:00:00+00:00"),
        ("never", "2026-11-23T12:00:00+00:00"),
    ],
    ids=["usual", "offset", "Go", "year 1", "unreadable"],
)
async def test_15_timestamp_parsing_with_one_format(served: Served, given: str, kept: str) -> None:
    """Every form is read, an absurd time gives way to that of receipt, and no event is refused for it."""
    await served.send("POST", WEBHOOK, json={**TRACK, "timestamp": given, "originalTimestamp": "nonsense"})
    assert served.inbox.events[0].timestamp.isoformat() == kept


async def test_16_skew_corrected_twice_or_never(served: Served) -> None:
    """A webhook's clock is left alone, a page's is corrected by when it says it sent, a server's if it is wrong."""
    at = {"timestamp": "2026-11-23T10:00:00Z", "sentAt": "2026-11-23T10:00:10Z"}
    await served.send("POST", WEBHOOK, json={**TRACK, **at})
    page = {**BASIC, "Origin": "https://shop.example"}
    await served.send("POST", "/v1/t", json={**TRACK, **at, "messageId": "m-2"}, headers=page)
    await served.send("POST", "/v1/t", json={**TRACK, **at, "messageId": "m-3"}, headers=BASIC)
    written = [event.timestamp.isoformat() for event in served.inbox.events]
    assert written == ["2026-11-23T10:00:00+00:00", "2026-11-23T11:59:50+00:00", "2026-11-23T10:00:00+00:00"]


async def test_17_the_peer_as_the_users_address(served: Served) -> None:
    """Segment's own address never becomes the user's."""
    await served.send("POST", WEBHOOK, json={**TRACK, "context": {"ip": "203.0.113.7"}})
    await served.send("POST", WEBHOOK, json={**TRACK, "messageId": "m-2", "context": {}})
    assert [event.body["context"] for event in served.inbox.events] == [{"ip": "203.0.113.7"}, {}]


async def test_18_ignoring_what_is_in_context(served: Served) -> None:
    """The account and the traits of a track event are there for a mapping to use."""
    rules = """\
version: 1
rules:
  - when: {type: track}
    track: {value: SEEN}
    copy: none
    properties: {account: context.groupId, plan: context.traits.plan}
"""
    await served.send("POST", WEBHOOK, json={**TRACK, "context": {"groupId": "acme", "traits": {"plan": "pro"}}})
    calls, _ = await mapped(served.inbox.events, rules)
    assert [call["properties"] for call in calls] == [{"account": "acme", "plan": "pro"}]


async def test_19_integrations_as_routing(served: Served) -> None:
    """`All: false` is normal in replays and in what Engage makes; the event is delivered."""
    await served.send("POST", WEBHOOK, json={**TRACK, "integrations": {"All": False, "Other": True}})
    calls, ended = await mapped(served.inbox.events, DEFAULT)
    assert ([call["event"] for call in calls], ended) == (["ORDER_COMPLETED"], {"delivered": 1})


@pytest.mark.parametrize("nothing", [None, []], ids=["null", "array"])
async def test_20_a_delete_that_is_mapped(nothing: object) -> None:
    """It is taken, without context or anonymous id and with a time that is none; no call is made of it, and its user's
    events are taken away. Its source may delete.
    """
    deletion = {"type": "delete", "userId": "u-1", "messageId": "delete-1", "context": nothing, "integrations": nothing}
    deletion["originalTimestamp"] = "2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264"
    async with serving(replace(SHOP, may_delete=True)) as deleting:
        sent = [{**TRACK, "userId": "u-1"}, deletion]
        assert (await deleting.send("POST", WEBHOOK, json=sent))[:2] == (200, OK)
        [request] = await deleting.inbox.queue.delete_requested(wait_s=0)
        assert (request.user, request.message_id, request.events) == ("u-1", "delete-1", 1)
        calls, ended = await mapped(deleting.inbox.events[1:], DEFAULT)
        assert (calls, ended) == ([], {"dropped": 1})


async def test_20_a_delete_from_a_library_is_refused(served: Served) -> None:
    """The key of a library may stand in a page: who reads it must not delete what is known of others."""
    batch = {"batch": [{"type": "delete", "userId": "u-1", "messageId": "delete-1"}]}
    assert (await served.send("POST", "/v1/batch", json=batch, headers=BASIC))[0] == 200
    assert await served.inbox.queue.delete_requested(wait_s=0) == []
    [rejection] = served.inbox.rejections
    assert [problem.pointer for problem in rejection.problems] == ["/type"]


async def test_21_nan_from_python(served: Served) -> None:
    """It becomes null, and what is stored is JSON."""
    body = b'{"batch":[{"type":"track","event":"A","userId":"u","properties":{"a":NaN,"b":-Infinity,"c":1}}]}'
    assert (await served.send("POST", "/v1/batch", data=body, headers=BASIC))[0] == 200
    calls, _ = await mapped(served.inbox.events, DEFAULT)
    assert calls[0]["properties"] == {"c": 1}


def test_22_codes_that_senders_disagree_on() -> None:
    """No answer has a status beyond these; 404, 405 and 417 are for paths, methods and headers that no sender set up
    right uses.
    """
    statuses = {respond(reply).status for reply in Reply}
    assert statuses == {200, 400, 401, 404, 405, 413, 417, 429, 503}


@pytest.mark.parametrize("reply", [Reply.LIMITED, Reply.FULL, Reply.FAILED, Reply.STOPPING, Reply.DELIVERS])
@pytest.mark.parametrize("retry_after_s", [0.01, 2.5, 86_400.0])
def test_23_retry_after_as_date_or_fraction(reply: Reply, retry_after_s: float) -> None:
    """Whole seconds between 1 and 300, in both headers that libraries read."""
    headers = respond(reply, retry_after_s=retry_after_s).headers
    assert headers["Retry-After"] == headers["X-RateLimit-Reset"]
    assert 1 <= int(headers["Retry-After"]) <= 300


async def test_24_alias_trust(served: Served) -> None:
    """analytics.js names the old user as the new one, so no mapping that comes along acts on an alias."""
    await served.send("POST", WEBHOOK, json={"type": "alias", "userId": "42", "previousId": "old", "messageId": "m"})
    calls, ended = await mapped(served.inbox.events, DEFAULT)
    assert (calls, ended) == ([], {"unmatched": 1})


@pytest.mark.parametrize("token", ["Bearer undefined", "Bearer shop-key"])
async def test_25_401_loops_with_extensible(served: Served, token: str) -> None:
    """Without its authentication set up it sends `Bearer undefined`: beside the key in the URL that claims nothing."""
    assert (await served.send("POST", WEBHOOK, json=TRACK, headers={"Authorization": token}))[0] == 200

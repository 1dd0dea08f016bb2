"""Bodies that hold no message, or hold it somewhere else: reported to the sender, or found where the settings say."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from adapter.console.revalidate import revalidate
from adapter.ingest.sources import Source
from adapter.model import Event, JsonObject, Reason, Rejection, Secret
from tests.fakes import make_rejection
from tests.integration.ingest_server import SHOP, VALIDATOR, serving

TRACK: JsonObject = {"type": "track", "event": "Paid", "userId": "u-1"}
PATH = "/webhooks/shop/shop-key"
NO_TYPES: Sequence[object] = (None, "", " ", 5, {}, [], True)
IN_DATA = replace(SHOP, at=("data",))


@pytest.mark.parametrize(
    "body",
    [
        {"events": [TRACK]},
        {"event_type": "track", "data": TRACK},
        {"message": TRACK, "metadata": {}},
        {"event": "Row Added", "userId": "u"},
        {},
        *[{**TRACK, "type": kind} for kind in NO_TYPES],
    ],
    ids=str,
)
async def test_a_body_that_is_no_message_is_reported(body: JsonObject) -> None:
    """Answered 200 it would end as unmatched, and the platform's test page would say success."""
    async with serving() as served:
        status, said, _ = await served.send("POST", PATH, json=body)
        assert (status, said["code"], [one["pointer"] for one in said["problems"]]) == (400, "invalid_event", ["/type"])
        assert [one.reason for one in served.inbox.rejections] == [Reason.SCHEMA]
        assert (await served.send("POST", PATH, json=[body, TRACK]))[0] == 200
        assert (len(served.inbox.events), len(served.inbox.rejections)) == (1, 2)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("payload=%7B%22type%22%3A%22track%22%7D", "application/x-www-form-urlencoded"), ('"text"', "application/json")],
)
async def test_a_form_or_a_text_is_no_body(body: str, content_type: str) -> None:
    """Kept, and reported."""
    async with serving() as served:
        status, said, _ = await served.send("POST", PATH, data=body, headers={"Content-Type": content_type})
        assert (status, said["code"], len(served.inbox.rejections)) == (400, "unparseable_body", 1)


@pytest.mark.parametrize("given", [{}, {"type": None}, {"type": 5}, {"type": "page"}], ids=str)
async def test_a_source_says_what_a_message_without_type_is(given: JsonObject) -> None:
    """A warehouse's rows, say; a type of its own goes first."""
    async with serving(replace(SHOP, type="track")) as served:
        assert (await served.send("POST", PATH, json={"event": "Row", "userId": "u", **given}))[0] == 200
        assert [event.type for event in served.inbox.events] == ["page" if given.get("type") == "page" else "track"]


@pytest.mark.parametrize(
    ("body", "at", "names"),
    [
        ({"event_type": "x", "data": TRACK}, ("data",), ["Paid"]),
        ({"event": {"payload": TRACK}}, ("event", "payload"), ["Paid"]),
        ([{"data": TRACK}, {"data": {**TRACK, "event": "B"}}], ("data",), ["Paid", "B"]),
        ({"batch": [{"data": TRACK}, None]}, ("data",), ["Paid"]),
        ({"events": [TRACK, None, {**TRACK, "event": "B"}]}, ("events",), ["Paid", "B"]),
        ([{"json": {"data": TRACK}}], ("data",), ["Paid"]),
        ({"data": []}, ("data",), []),
    ],
    ids=["Svix", "deeper", "array", "batch", "a list there", "wrapped by Segment", "an empty list"],
)
async def test_the_message_is_found_in_its_envelope(body: Any, at: Sequence[str], names: list[str]) -> None:
    """Of each member of an array or batch."""
    async with serving(replace(SHOP, at=tuple(at))) as served:
        assert (await served.send("POST", PATH, json=body))[0] == 200
        assert [event.body["event"] for event in served.inbox.events] == names
        assert served.inbox.rejections == []


async def test_lines_of_envelopes() -> None:
    """Each line is a member; a bad one is kept as it stood."""
    async with serving(IN_DATA) as served:
        lines = b'{"data":{"type":"page"}}\n{"data":\n{"data":{"type":"page"}}'
        assert (await served.send("POST", PATH, data=lines))[0] == 200
        assert len(served.inbox.events) == 2
        [kept] = served.inbox.rejections
        assert (kept.reason, kept.body) == (Reason.UNPARSEABLE, b'{"data":')


@pytest.mark.parametrize("body", [TRACK, {"data": None}, {"data": "x"}, {"data": 5}, {"Data": TRACK}], ids=str)
async def test_where_nothing_is_the_place_is_named(body: JsonObject) -> None:
    """And what came is kept whole, so that it can be read once the settings are right."""
    async with serving(IN_DATA) as served:
        status, said, _ = await served.send("POST", PATH, json=body)
        assert (status, said["problems"][0]["pointer"]) == (400, "/data")
        [kept] = served.inbox.rejections
        assert (kept.reason, json.loads(kept.body)) == (Reason.UNPARSEABLE, body)
        assert (await served.send("POST", PATH, json=[body, {"data": TRACK}]))[0] == 200
        assert len(served.inbox.events) == 1


async def test_key_and_signature_are_those_of_the_request() -> None:
    """The relay signs what it sends, and a `writeKey` within is of no matter."""
    body = json.dumps({"data": {**TRACK, "writeKey": "of-another"}}).encode()
    signature = hmac.new(b"secret", body, hashlib.sha1).hexdigest()
    signing = Source("shop", (Secret("shop-key"),), signing_secrets=(Secret("secret"),), at=("data",))
    async with serving(signing) as served:
        assert (await served.send("POST", PATH, data=body, headers={"X-Signature": signature}))[0] == 200
        assert (await served.send("POST", PATH, data=body, headers={"X-Signature": "0" * 40}))[0] == 401
        assert "writeKey" not in served.inbox.events[0].body


@pytest.mark.parametrize(
    "source", [SHOP, IN_DATA, replace(SHOP, signing_secrets=(Secret("s"),))], ids=["plain", "in data", "signed"]
)
@pytest.mark.parametrize("body", [{"audienceName": "VIP"}, {"externalId": "VIP"}], ids=str)
async def test_an_audience_is_given_an_id(source: Source, body: JsonObject) -> None:
    """Segment's Webhook Audiences creates and gets an audience without a signature; nothing is stored for it."""
    async with serving(source) as served:
        status, said, _ = await served.send("POST", PATH, json=body)
        assert (status, said) == (200, {"success": True, "externalId": "VIP"})
        assert (served.inbox.events, served.inbox.rejections) == ([], [])
        assert (await served.send("POST", "/webhooks/shop/wrong", json=body))[0] == 401


@pytest.mark.parametrize(
    "body",
    [{"externalId": ""}, {"externalId": 5}, {"audienceName": "VIP", "userId": "u"}, [{"audienceName": "VIP"}]],
    ids=str,
)
async def test_what_only_looks_like_an_audience_is_kept(body: Any) -> None:
    """A row of a warehouse may have such a column: nothing that came is thrown away."""
    async with serving() as served:
        await served.send("POST", PATH, json=body)
        assert len(served.inbox.rejections) == 1


async def test_libraries_send_no_envelopes() -> None:
    """What they send is read as ever, for a source that has an envelope in its webhooks."""
    async with serving(IN_DATA) as served:
        sent = {"batch": [{**TRACK, "data": {"type": "page"}}], "writeKey": "shop-key"}
        assert (await served.send("POST", "/v1/batch", json=sent))[0] == 200
        assert [event.type for event in served.inbox.events] == ["track"]


@pytest.mark.parametrize(
    "kept",
    [{"event_type": "x", "messageId": "made", "data": TRACK}, {"data": [TRACK]}, TRACK],
    ids=["before the settings named it", "a list of one", "lifted before"],
)
def test_what_was_refused_is_put_back_by_the_settings_of_now(kept: JsonObject) -> None:
    """Whether it was kept with its envelope or without."""
    found = again(kept, IN_DATA)
    assert isinstance(found, Event)
    assert (found.type, found.user_id) == ("track", "u-1")


def test_a_type_named_later_puts_back_too() -> None:
    """`sources.X.type` mends what was refused for want of one."""
    row = {"event": "Row", "userId": "u-1", "messageId": "m-1"}
    assert isinstance(again(row, SHOP), Rejection)
    assert isinstance(again(row, replace(SHOP, type="track")), Event)


def again(body: JsonObject, source: Source) -> Event | Rejection:
    return revalidate(
        changed(make_rejection(), body=json.dumps(body).encode(), problems=()),
        validator=VALIDATOR,
        max_message_bytes=100_000,
        new_id=lambda: "new",
        is_withheld=lambda _: False,
        source_of=lambda _: source,
    )

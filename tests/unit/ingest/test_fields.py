"""Ids, names, U+0000 and empty keys: what is settled, and what is noted of it."""

from typing import Any

import pytest

from adapter.ingest.context import RequestContext
from adapter.ingest.decode import Body, decode
from adapter.ingest.dialect import SDK_PATHS
from adapter.ingest.fields import clean, may_need_cleaning, text_id
from adapter.ingest.read import read_event, read_unchecked
from adapter.ingest.sources import Source
from adapter.model import Event, EventWarning, JsonObject, Rejection, WarningKind
from adapter.wire.ids import no_ids
from tests.unit.ingest.schemas import event_validator
from tests.unit.ingest.test_read import NOW, WEBHOOK_ARRIVAL

VALIDATOR = event_validator()


def read(message: JsonObject, arrival: RequestContext = WEBHOOK_ARRIVAL) -> Event | Rejection:
    return read_event(message, arrival, validator=VALIDATOR, new_id=lambda: "made-1")


def event(message: JsonObject, arrival: RequestContext = WEBHOOK_ARRIVAL) -> Event:
    found = read({"type": "track", "event": "A", "messageId": "m", **message}, arrival)
    assert isinstance(found, Event), found
    return found


def noted(found: Event) -> list[tuple[WarningKind, str]]:
    return [(warning.kind, warning.field) for warning in found.warnings]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("u-1", "u-1"), (" u ", "u"), ("", None), (" \t", None), (None, None), (42, "42"), (42.0, "42"), (0, "0"),
        (-0.0, "0"), (4.25, "4.25"), (1e15, "1000000000000000"), (1e-7, "0.0000001"), (2**63, str(2**63)),
        (True, None), (False, None), ({}, None), (["a"], None), (float("nan"), None), (float("-inf"), None),
    ],
    ids=repr,
)  # fmt: skip
def test_an_id_is_text_in_plain_digits_or_absent(value: object, text: str | None) -> None:
    """42.0 and 42 are one user; a blank or malformed id is no user, never one user for all."""
    assert text_id(value) == text
    stored = event({"userId": value, "groupId": value})
    assert stored.user_id == text
    assert (stored.body.get("userId"), stored.body.get("groupId")) == (text, text)
    assert ("userId" in stored.body) is (text is not None)


@pytest.mark.parametrize(
    "digits", ["123456789012345678901234567890", "18446744073709551616", "1.2345678901234568e+18", "9007199254740992.0"]
)
def test_a_number_that_lost_digits_is_no_id(digits: str) -> None:
    """Other ids have become the same number: users would be joined, and messages taken for copies."""
    decoded = decode(b'{"userId":%s,"messageId":%s,"anonymousId":"a"}' % (digits.encode(), digits.encode()))
    assert isinstance(decoded, Body)
    found = event(decoded.messages[0])
    assert (found.user_id, found.anonymous_id, found.message_id) == (None, "a", "made-1")
    assert [(warning.kind, warning.field, warning.cause[:24]) for warning in found.warnings] == [
        (WarningKind.ID, field, "a number with more digit") for field in ("messageId", "userId")
    ]


@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId", "previousId"])
@pytest.mark.parametrize(
    "value", ["undefined", "NULL", " [object Object] ", "None", "nan", "(null)", "\u200b", "\ufffd"]
)
def test_a_text_that_is_no_id_is_left_out(name: str, value: str) -> None:
    """The other ids stay; the warning names the field and quotes nothing."""
    other = "anonymousId" if name == "userId" else "userId"
    found = event({name: value, other: "u-1"})
    assert name not in found.body
    assert found.body[other] == "u-1"
    assert found.warnings == (EventWarning(WarningKind.ID, name, "one of the texts that are not ids; left out"),)


def test_an_event_keeps_the_id_that_remains() -> None:
    """And its lane is that id's."""
    found = event({"userId": "undefined", "anonymousId": "an-8"})
    assert (found.user_id, found.anonymous_id) == (None, "an-8")


@pytest.mark.parametrize("value", ["null", "[object Object]", {"id": 1}], ids=str)
def test_a_message_id_that_is_none_is_made_anew(value: object) -> None:
    """As one that is missing; else all messages with it would be copies of one."""
    found = event({"userId": "u", "messageId": value})
    assert (found.message_id, found.body["messageId"]) == ("made-1", "made-1")
    assert noted(found) == [(WarningKind.ID, "messageId")]
    timed = [event({"userId": user, "messageId": value, "timestamp": "2026-11-23T06:00:00Z"}) for user in "aab"]
    assert len({each.message_id for each in timed}) == 2


@pytest.mark.parametrize(("value", "is_noted"), [({}, True), ([1], True), (True, True), (None, False), (" ", False)])
def test_an_id_of_another_kind_is_a_warning(value: object, is_noted: bool) -> None:
    """Null and blank text say that there is none, which is no fault of the sender."""
    assert noted(event({"userId": value, "anonymousId": "a"})) == ([(WarningKind.ID, "userId")] if is_noted else [])


def test_the_ids_of_a_source() -> None:
    """The settings of a source add texts and take some away."""
    arrival = RequestContext(Source("shop", (), no_ids=no_ids(not_ids=["guest"], is_id=["nan"])), NOW)
    found = event({"userId": "Guest", "anonymousId": "Nan"}, arrival)
    assert (found.user_id, found.anonymous_id) == (None, "Nan")


@pytest.mark.parametrize(
    ("message", "name", "text"),
    [
        ({"type": "track", "event": 1234}, "event", "1234"),
        ({"type": "track", "event": 5.0}, "event", "5"),
        ({"type": "page", "name": 404, "category": 1.5}, "name", "404"),
        ({"type": "page", "name": "x", "category": 1.5}, "category", "1.5"),
        ({"type": "screen", "event": 7}, "event", "7"),
    ],
)
def test_a_name_that_is_a_number_becomes_text(message: JsonObject, name: str, text: str) -> None:
    """As ids do, and without a warning."""
    found = event({"userId": "u", **message})
    assert (found.body[name], found.warnings) == (text, ())


@pytest.mark.parametrize("value", [{"title": "x"}, ["x"], True, []], ids=str)
@pytest.mark.parametrize(("kind", "name"), [("page", "name"), ("page", "category"), ("screen", "event")])
def test_a_name_that_no_message_needs_is_left_out(kind: str, name: str, value: object) -> None:
    """A page view is worth more than its name."""
    found = event({"userId": "u", "type": kind, name: value})
    assert name not in found.body
    assert noted(found) == [(WarningKind.LEFT_OUT, name)]


@pytest.mark.parametrize("value", [{"title": "x"}, ["x"], True, "", "\0", None], ids=str)
def test_a_track_message_needs_its_name(value: object) -> None:
    """Without one the event has no meaning; U+0000 alone is not a name."""
    found = read({"type": "track", "userId": "u", "event": value})
    assert isinstance(found, Rejection)
    assert found.problems[0].pointer == "/event"


def test_nul_and_empty_keys_are_taken_out() -> None:
    """Wherever they stand; the rest is as it was sent."""
    properties: JsonObject = {"a\0": "b\0c", "": 1, "list": [{"": 1, "x": "\0"}, "y"], "same": {"z": [None, 1.5]}}
    found = event({"event": "A\0B", "userId": "u\0-1", "properties": properties, "\0context": {}, "": 1})
    assert found.body == {
        "type": "track", "event": "AB", "messageId": "m", "userId": "u-1",
        "properties": {"a": "bc", "list": [{"x": ""}, "y"], "same": {"z": [None, 1.5]}}, "context": {},
    }  # fmt: skip
    assert noted(found) == [(WarningKind.LEFT_OUT, field) for field in
                            ("event", "userId", "properties", "properties", "context", "other")]  # fmt: skip
    assert properties[""] == 1  # what was sent is not changed


def test_a_number_that_json_cannot_express_is_reported() -> None:
    """It is null in what is stored; where it stood, the event says so."""
    decoded = decode(b'{"properties":{"a":NaN,"b":[1e400,1],"c":{"d":-Infinity}},"x":Infinity,"userId":"u"}')
    assert isinstance(decoded, Body)
    found = event(decoded.messages[0])
    assert found.body["properties"] == {"a": None, "b": [None, 1], "c": {"d": None}}
    assert found.body["x"] is None
    assert noted(found) == [(WarningKind.LEFT_OUT, "properties"), (WarningKind.LEFT_OUT, "other")]


def test_an_envelope_is_cleaned_as_its_messages_are() -> None:
    """Its context becomes part of each message."""
    decoded = decode(b'{"batch":[{"userId":"u"}],"context":{"a\\u0000":"b\\u0000","":1,"c":NaN,"d":2},"sentAt":NaN}')
    assert isinstance(decoded, Body)
    arrival = RequestContext(Source("shop", ()), NOW, SDK_PATHS["batch"], envelope=decoded.envelope)
    found = event(decoded.messages[0], arrival)
    assert found.body["context"] == {"a": "b", "c": None, "d": 2}
    assert {each for each in noted(found) if each[1] == "context"} == {(WarningKind.LEFT_OUT, "context")}


def test_a_clean_body_is_not_copied() -> None:
    """What is fine stays the very object."""
    body: dict[str, Any] = {"properties": {"a": [1, {"b": "c"}]}}
    properties, warnings = body["properties"], list[EventWarning]()
    clean(body, warnings)
    assert body["properties"] is properties
    assert warnings == []


def test_a_key_without_nul_stays() -> None:
    """Where the other would take its name."""
    for properties in ({"a\0": 1, "a": 2}, {"a": 2, "a\0": 1}):
        assert event({"userId": "u", "properties": properties}).body["properties"] == {"a": 2}
    assert event({"userId\0": "v", "userId": "u"}).body["userId"] == "u"
    assert "event" in event({"userId": "u", "\0": 1}).body


def test_a_body_that_is_too_deep_stays_as_it_is() -> None:
    """It is read, and nothing raises."""
    deep: Any = "\0"
    for _ in range(5_000):
        deep = [deep]
    body = {"properties": deep, "event": "\0x"}
    clean(body, [])
    assert body == {"properties": deep, "event": "x"}


@pytest.mark.parametrize(
    ("plain", "may"),
    [
        (b'{"a":"b","c":""}', False), (b' [{"a":1}]', False), (b'{"a":"\\u0000"}', True), (b'{"":1}', True),
        (b'{"" : 1}', True), (b'{""\t:1}', True), (b'{"" \r\n:1}', True),
        ('{"a":1}'.encode("utf-16"), True), (b"data=%7B%7D", True), (b"", True),
        (b'{"a":"\\/\\u00e9"}', False), (b'{"a":"\\/\\u0000"}', True), (b'{"a":"\0"}', True), (b'["",{"":1}]', True),
    ],
)  # fmt: skip
def test_few_bodies_need_a_look(plain: bytes, may: bool) -> None:
    """What may hide U+0000 or an empty key is walked through; the rest costs a search in its bytes."""
    assert may_need_cleaning(plain) is may


def test_nothing_is_looked_for_where_the_bytes_have_none() -> None:
    """The caller knows."""
    arrival = RequestContext(Source("shop", ()), NOW, SDK_PATHS["track"], may_need_cleaning=False)
    assert event({"userId": "u", "properties": {"": 1}}, arrival).body["properties"] == {"": 1}


def test_explain_knows_the_ids_of_a_source() -> None:
    """A message that is read for a mapping alone gets the same ids."""
    words = no_ids(not_ids=["guest"])
    found = read_unchecked({"userId": "guest"}, source="t", received_at=NOW, new_id=lambda: "m", no_ids=words)
    assert found.user_id is None

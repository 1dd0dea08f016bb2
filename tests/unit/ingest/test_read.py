"""One message → an event or a rejection: ids, types, envelope, time, and what is kept of the rest."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapter.ingest.context import RequestContext
from adapter.ingest.dialect import BATCH, SDK_PATHS
from adapter.ingest.read import KEPT_BYTES, read_event, read_unchecked, unparseable
from adapter.ingest.sources import Source
from adapter.model import Event, JsonObject, Problem, Reason, Rejection, WarningKind
from tests.unit.ingest.schemas import event_validator

VALIDATOR = event_validator()
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SHOP = Source("shop", ())
IDENTIFYING = Source("shop", (), type="identify")
WEBHOOK_ARRIVAL = RequestContext(SHOP, NOW)
DIRECT = RequestContext(SHOP, NOW, SDK_PATHS["track"])
BATCHED = replace(DIRECT, dialect=BATCH)
OF_SOURCE = replace(WEBHOOK_ARRIVAL, source=IDENTIFYING)


def read(message: object, arrival: RequestContext = WEBHOOK_ARRIVAL) -> Event | Rejection:
    return read_event(message, arrival, validator=VALIDATOR, new_id=lambda: "made-1")


def event(message: object, arrival: RequestContext = WEBHOOK_ARRIVAL) -> Event:
    result = read(message, arrival)
    assert isinstance(result, Event), result
    return result


def rejection(message: object, arrival: RequestContext = WEBHOOK_ARRIVAL) -> Rejection:
    result = read(message, arrival)
    assert isinstance(result, Rejection), result
    return result


def track(**more: Any) -> JsonObject:
    return {"type": "track", "event": "A", "userId": "u", "messageId": "m", **more}


def test_a_webhooks_message_is_kept_as_sent() -> None:
    """What a platform already put in order is stored unchanged, and its timestamp taken as it stands."""
    message = track(timestamp="2026-11-23T06:00:00+01:00", version=2, traits=None, properties={"a": [None, {}]})
    stored = event(message)
    assert stored.body == message
    assert stored == Event(
        source="shop", message_id="m", type="track", user_id="u", anonymous_id=None,
        timestamp=datetime(2026, 11, 23, 5, 0, tzinfo=UTC), received_at=NOW, body=message,
    )  # fmt: skip


def test_a_write_key_is_not_stored() -> None:
    """A message may repeat the source's key: a credential has no place in the history."""
    assert "writeKey" not in event(track(writeKey="w"), DIRECT).body
    assert b"secret-key" not in rejection(track(writeKey="secret-key", event=[]), DIRECT).body


@pytest.mark.parametrize(
    ("given", "arrival", "kind"),
    [
        ("track", WEBHOOK_ARRIVAL, "track"), (" Track ", WEBHOOK_ARRIVAL, "track"), ("merge", WEBHOOK_ARRIVAL, "merge"),
        (None, DIRECT, "track"), ("", DIRECT, "track"), ("page", DIRECT, "page"),
        (None, OF_SOURCE, "identify"), (5, OF_SOURCE, "identify"), ("page", OF_SOURCE, "page"),
        (None, replace(DIRECT, source=IDENTIFYING), "track"), (None, replace(OF_SOURCE, dialect=BATCH), "identify"),
    ],
    ids=[
        "own", "any case", "unknown", "the path's", "blank, the path's", "own first",
        "the source's", "number, the source's", "own before the source's", "the path's before the source's", "batch",
    ],
)  # fmt: skip
def test_the_type_is_the_messages_own_else_the_paths(given: object, arrival: RequestContext, kind: str) -> None:
    """And where the path says none, the source's."""
    stored = event(track(type=given), arrival)
    assert (stored.type, stored.body["type"]) == (kind, kind)


@pytest.mark.parametrize("given", [None, 5, "", " ", {}, ["track"]], ids=repr)
@pytest.mark.parametrize("arrival", [WEBHOOK_ARRIVAL, BATCHED], ids=["webhook", "batch"])
def test_without_a_type_anywhere_it_is_no_message(given: object, arrival: RequestContext) -> None:
    """An envelope, or other JSON: no rule would match it, and the mistake would go unnoticed."""
    for message in (track(type=given), {"events": [], "type": given}):
        [problem] = rejection(message, arrival).problems
        missing = given is None or isinstance(given, str)
        assert (problem.pointer, problem.keyword) == ("/type", "required" if missing else "type")
        assert "track, identify, page" in problem.message
    [problem] = rejection({"data": {"type": "track"}}, arrival).problems
    assert (problem.pointer, problem.keyword) == ("/type", "required")


@pytest.mark.parametrize(("batch", "kind"), [(None, "null"), ("x", "text"), ({"0": {"type": "track"}}, "an object")])
def test_a_batch_that_is_no_list_is_named(batch: object, kind: str) -> None:
    """Not the type that an envelope never has."""
    [problem] = rejection({"batch": batch}, WEBHOOK_ARRIVAL).problems
    assert problem == Problem("/batch", "type", f"must be an array of messages, not {kind}")


@pytest.mark.parametrize("kind", ["track", "identify", "record"])
def test_without_a_user_only_the_common_schema_is_asked(kind: str) -> None:
    """A message without a user is stored, whatever else it lacks: it ends as unmatched, not as the sender's fault."""
    assert event({"type": kind, "messageId": "m", "userId": " ", "properties": 5}).user_id is None


def test_php_writes_empty_objects_as_arrays() -> None:
    """`[]` where an object belongs is an empty object in what is stored."""
    body = event(track(properties=[], traits=[], context=[], integrations=[])).body
    assert [body[name] for name in ("properties", "traits", "context", "integrations")] == [{}] * 4


@pytest.mark.parametrize("name", ["properties", "context", "integrations"])
def test_an_array_that_holds_something_is_no_empty_object(name: str) -> None:
    """It is refused, and kept as it was sent."""
    refused = rejection(track(**{name: [0]}))
    assert refused.problems[0].pointer == f"/{name}"
    assert orjson.loads(refused.body)[name] == [0]
    assert event(track(traits=[0])).body["traits"] == [0]


def test_an_envelope_lies_under_each_message() -> None:
    """A batch's context and integrations reach every message; its own come first."""
    envelope = {"context": {"ip": "1", "os": 1}, "integrations": {"All": True}, "userId": "not this"}
    arrival = replace(DIRECT, envelope=envelope)
    assert event(track(context={"ip": "2"}), arrival).body["context"] == {"ip": "2", "os": 1}
    bare = event(track(context=[]), arrival).body
    assert (bare["context"], bare["integrations"], bare["userId"]) == ({"ip": "1", "os": 1}, {"All": True}, "u")


def test_an_envelope_that_is_none_is_left_out() -> None:
    """Nonsense in the envelope is not laid under anything."""
    assert event(track(), replace(DIRECT, envelope={"context": "x", "integrations": None})).body.keys() == {
        "type", "event", "userId", "messageId", "timestamp", "receivedAt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("context", "arrival", "ip"),
    [
        (None, replace(DIRECT, peer="1.2.3.4", has_origin=True), "1.2.3.4"),
        ({"ip": "5.6.7.8"}, replace(DIRECT, peer="1.2.3.4", has_origin=True), "5.6.7.8"),
        ({"ip": None}, replace(DIRECT, peer="1.2.3.4", has_origin=True), None),
        ({"library": {"name": "analytics-android"}}, replace(DIRECT, peer="1.2.3.4"), "1.2.3.4"),
        ({"library": {"name": "analytics-ruby"}}, replace(DIRECT, peer="1.2.3.4"), None),
        ({}, replace(WEBHOOK_ARRIVAL, peer="1.2.3.4", has_origin=True), None),
        ({}, DIRECT, None),
    ],
    ids=["browser", "said already", "said to be unknown", "phone", "server", "webhook", "peer unknown"],
)
def test_the_peers_address_where_it_is_the_users(context: object, arrival: RequestContext, ip: str | None) -> None:
    """context.ip is filled from a browser's or phone's connection alone, never with a platform's address."""
    message = track() if context is None else track(context=context)
    assert (event(message, arrival).body.get("context") or {}).get("ip") == ip


def test_an_sdks_clock_is_corrected_and_the_original_kept() -> None:
    """A device 6 h slow said it sent 10 s after: so it happened 10 s before receipt."""
    message = track(timestamp="2026-11-23T01:00:00Z", sentAt="2026-11-23T01:00:10Z")
    stored = event(message, replace(DIRECT, has_origin=True))
    assert stored.timestamp == datetime(2026, 11, 23, 6, 59, 50, tzinfo=UTC)
    assert stored.body["timestamp"] == "2026-11-23T06:59:50.000Z"
    assert stored.body["originalTimestamp"] == "2026-11-23T01:00:00Z"
    assert stored.body["receivedAt"] == "2026-11-23T07:00:00.000Z"
    assert event(message).timestamp == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def test_a_batch_says_when_it_was_sent() -> None:
    """`sentAt` stands on the envelope where messages have none of their own."""
    arrival = replace(DIRECT, envelope={"sentAt": "2026-11-23T01:00:10Z"}, has_origin=True)
    own = track(timestamp="2026-11-23T01:00:00Z", sentAt="2026-11-23T01:00:05Z")
    assert event(track(originalTimestamp="2026-11-23T01:00:00Z"), arrival).timestamp.second == 50
    assert event(own, arrival).timestamp.second == 55


def test_timestamps_passed_over_are_warnings_of_the_event() -> None:
    """One that is no date in range is passed over for the next, and the message is stored."""
    stored = event(track(timestamp="0001-01-01T00:00:00Z", originalTimestamp={}))
    assert [(warning.kind, warning.field) for warning in stored.warnings] == [
        (WarningKind.TIME, "timestamp"),
        (WarningKind.TIME, "originalTimestamp"),
    ]
    assert stored.timestamp == NOW


@pytest.mark.parametrize("change", [{"sentAt": 2}, {"receivedAt": 2}, {"_metadata": {"retryCount": 1}}], ids=str)
def test_copies_without_an_id_are_known_by_what_they_say(change: JsonObject) -> None:
    """A retry differs in when it was sent; that makes it no other message."""
    message = {"type": "track", "event": "A", "userId": "u", "timestamp": "2026-11-23T06:00:00Z"}
    made = event(message).message_id
    assert event({**message, **change}).message_id == made == event(message).body["messageId"]
    assert event(dict(reversed(message.items()))).message_id == made
    assert event({**message, "event": "B"}).message_id != made


@pytest.mark.parametrize("blank", [None, "", " ", {}, True], ids=repr)
def test_without_id_and_timestamp_each_is_new(blank: object) -> None:
    """Two equal clicks that say not when are two clicks."""
    assert event(track(messageId=blank, sentAt="2026-11-23T06:00:00Z", timestamp=None)).message_id == "made-1"


def test_message_ids_are_text_of_bounded_length() -> None:
    """A number is its digits; what is longer than any SDK makes is stood for by its hash, so it still tells copies."""
    assert event(track(messageId=7.0)).message_id == "7"
    assert event(track(messageId="x" * 256)).message_id == "x" * 256
    long, longer = (event(track(messageId="x" * length)).message_id for length in (257, 258))
    assert len(long) == 32
    assert long != longer


@pytest.mark.parametrize("message", [5, "x", None, [], True], ids=repr)
def test_a_member_that_is_no_object_is_rejected(message: object) -> None:
    """An array may hold anything; what is no object is kept as what it was."""
    found = rejection(message)
    assert found.problems == (Problem("", "type", "a message must be an object"),)
    assert (found.reason, found.body, found.message_id) == (Reason.SCHEMA, orjson.dumps(message), None)


def test_a_rejection_keeps_what_reading_it_anew_needs() -> None:
    """An SDK's rejection is kept as it would have been stored: read again as a webhook's, it is corrected once."""
    message = {"userId": 7, "event": [], "messageId": "m", "timestamp": "2026-11-23T01:00:00Z"}
    arrival = replace(DIRECT, envelope={"sentAt": "2026-11-23T01:00:10Z", "context": {"ip": "1.2.3.4"}})
    found = rejection(message, arrival)
    assert found.problems == (Problem("/event", "type", "must be text or a number, not an array"),)
    assert (found.source, found.reason, found.message_id, found.received_at) == ("shop", Reason.SCHEMA, "m", NOW)
    assert event({**orjson.loads(found.body), "event": "A"}) == event({**message, "event": "A"}, arrival)


def test_too_large_a_message_is_rejected_and_cut() -> None:
    """Beyond the limit a message is kept in part only; at the limit it is stored."""
    message = track(properties={"a": "x" * 100_000})
    size = len(orjson.dumps(message))
    assert event(message, replace(DIRECT, max_message_bytes=size)).user_id == "u"
    found = rejection(message, replace(DIRECT, max_message_bytes=size - 1))
    assert (found.reason, len(found.body)) == (Reason.TOO_LARGE, KEPT_BYTES)
    assert found.problems[0].keyword == "maxLength"


def test_an_unparseable_body_is_kept_in_part() -> None:
    """What no message was found in is kept too, up to 64 KB."""
    problem = Problem("", "json", "…")
    assert unparseable(b"x" * 100_000, problem, source="shop", received_at=NOW) == Rejection(
        "shop", Reason.UNPARSEABLE, (problem,), b"x" * KEPT_BYTES, None, NOW
    )


def test_unchecked_reads_what_a_schema_would_refuse() -> None:
    """A mapping's tests and `explain` see the normalised message without its schema being asked."""
    found = read_unchecked({"type": "Track", "userId": 5.0}, source="test", received_at=NOW, new_id=lambda: "made-1")
    assert (found.type, found.user_id, found.message_id, found.timestamp) == ("track", "5", "made-1", NOW)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "context",
         "integrations", "properties", "traits", "writeKey", "receivedAt")  # fmt: skip
messages = st.dictionaries(st.sampled_from(NAMES), values) | values
arrivals = st.builds(
    RequestContext,
    source=st.just(SHOP),
    received_at=st.just(NOW),
    dialect=st.sampled_from([WEBHOOK_ARRIVAL.dialect, *SDK_PATHS.values()]),
    envelope=st.dictionaries(st.sampled_from(NAMES), values),
    peer=st.sampled_from([None, "1.2.3.4"]),
    has_origin=st.booleans(),
)


@settings(deadline=None, max_examples=300)
@given(messages, arrivals)
def test_whatever_comes_ends_in_one_of_the_two(message: Any, arrival: RequestContext) -> None:
    """Never an exception, never a change to what was handed in, and always something that can be stored."""
    before = orjson.dumps(message)
    result = read(message, arrival)
    assert orjson.dumps(message) == before
    if isinstance(result, Rejection):
        assert result.problems
        return
    orjson.dumps(result.body)
    assert result.message_id == result.body["messageId"]
    assert result.user_id is None or result.user_id == result.user_id.strip() != ""

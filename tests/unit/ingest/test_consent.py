"""What a sender objects to, and what becomes of its messages."""

from typing import Any

import pytest

from adapter.ingest.consent import OWN_NAME, Objections
from adapter.ingest.context import RequestContext
from adapter.ingest.dialect import SDK_PATHS
from adapter.ingest.read import read_event
from adapter.ingest.sources import Source
from adapter.model import DELETE, Event, JsonObject, Reason, Rejection
from tests.unit.ingest.schemas import event_validator
from tests.unit.ingest.test_read import NOW

VALIDATOR = event_validator()
INTEGRATIONS = Objections.of(["integrations"], [], name=lambda: OWN_NAME)
CONSENT = Objections.of(["consent"], ["Analytics", "C0002"], name=lambda: OWN_NAME)


def preferences(**categories: Any) -> JsonObject:
    return {"context": {"consent": {"categoryPreferences": categories}}}


def rudder(*denied: Any) -> JsonObject:
    return {"context": {"consentManagement": {"provider": "oneTrust", "deniedConsentIds": list(denied)}}}


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ({"All": False}, False), ({"all": "false"}, False), ({"All": False, "Browsee": False}, False),
        ({"All": True, "browsee": False}, False), ({"BROWSEE": "false"}, False),
        ({"All": False, "Segment.io": True}, False),
        ({"All": False, "Browsee": True}, True), ({"All": False, "browsee": {"a": 1}}, True), ({"All": True}, True),
        ({}, True), (None, True), ({"All": None}, True), ({"Mixpanel": False}, True), ([], True), ("x", True),
    ],
    ids=str,
)  # fmt: skip
def test_integrations(said: object, passes: bool) -> None:
    """Our own name decides; without it, All."""
    found = INTEGRATIONS.find({"integrations": said})
    assert (found is None) is passes
    assert found is None or (found.reason, found.text) == (Reason.INTEGRATIONS, "the sender switched Browsee off")


def test_the_name_is_that_of_the_mapping_at_work() -> None:
    """It is asked each time, for a mapping may be changed while the service runs."""
    names = iter(["Replay", "Other"])
    objections = Objections.of(["integrations"], [], name=lambda: next(names))
    assert objections.find({"integrations": {"replay": False}}) is not None
    assert objections.find({"integrations": {"replay": False}}) is None


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (preferences(Analytics=False), False), (preferences(analytics="false", Ads=True), False),
        (preferences(Analytics=True, C0002=False), False), (rudder("Ads", "c0002"), False),
        (preferences(Analytics=True), True), (preferences(Ads=False), True), (preferences(Analytics=None), True),
        (preferences(), True), (rudder("Ads", None, 5), True), (rudder(), True), ({}, True), ({"context": None}, True),
        ({"context": {"consent": []}}, True), ({"context": {"consent": {"categoryPreferences": "x"}}}, True),
        ({"context": {"consentManagement": {"deniedConsentIds": "Analytics"}}}, False),
        ({"context": {"consentManagement": {"deniedConsentIds": {"0": "Ads", "1": "analytics"}}}}, False),
        ({"context": {"consentManagement": {"deniedConsentIds": "Ads"}}}, True), ({"context": "x"}, True),
        ({"context": {"consentManagement": {"deniedConsentIds": 5}}}, True),
    ],
    ids=str,
)  # fmt: skip
def test_consent(body: JsonObject, passes: bool) -> None:
    """A category of ours that is refused; one that is not there lets pass."""
    found = CONSENT.find(body)
    assert (found is None) is passes
    assert found is None or found.reason is Reason.CONSENT


def test_only_what_the_settings_name_is_honoured() -> None:
    """One does not imply the other, and a list of categories alone does nothing."""
    assert INTEGRATIONS.find(preferences(Analytics=False)) is None
    assert CONSENT.find({"integrations": {"All": False}}) is None
    assert Objections.of([], ["Analytics"], name=lambda: OWN_NAME).find(preferences(Analytics=False)) is None


@pytest.mark.parametrize("more", [{}, {"event": []}, {"userId": "undefined"}], ids=str)
def test_nothing_of_the_message_is_kept_but_that_it_came(more: JsonObject) -> None:
    """Neither body nor ids; a message that its schema would refuse is not kept as a rejection either."""
    message = {"type": "track", "event": "A", "messageId": "m-1", "userId": "u", "integrations": {"All": False}, **more}
    arrival = RequestContext(Source("shop", (), objections=INTEGRATIONS), NOW, SDK_PATHS["track"], traceparent="t")
    found = read_event(message, arrival, validator=VALIDATOR, new_id=lambda: "made")
    assert isinstance(found, Event)
    assert (found.message_id, found.type, found.received_at, found.traceparent) == ("m-1", "track", NOW, "t")
    assert (found.user_id, found.anonymous_id, found.body, found.warnings) == (None, None, {}, ())
    assert found.dropped is not None
    assert found.dropped.reason is Reason.INTEGRATIONS


def test_a_message_without_objection_is_read_as_ever() -> None:
    """And a deletion request of a library is refused, whatever it says."""
    arrival = RequestContext(Source("shop", (), objections=INTEGRATIONS), NOW, SDK_PATHS["track"])
    message = {"event": "A", "messageId": "m-1", "userId": "u", "integrations": {"All": True}}
    found = read_event(message, arrival, validator=VALIDATOR, new_id=lambda: "made")
    assert isinstance(found, Event)
    assert (found.dropped, found.user_id) == (None, "u")
    refused = {**message, "type": DELETE, "integrations": {"All": False}}
    assert isinstance(read_event(refused, arrival, validator=VALIDATOR, new_id=lambda: "made"), Rejection)

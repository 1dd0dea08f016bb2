"""Guards that work before an event is stored: each once, whatever becomes of the file while the event waits."""

import json
from typing import Any

import pytest

from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Call, Calls, EventWarning, JsonObject, Privacy, PrivateEvent, Rendered, WarningKind
from tests.fakes import TRACEPARENT, make_event
from tests.unit.mapping.reading import read, ruleset

NOTHING = Privacy(frozenset(), frozenset(), "key-of-ann", None)
MAIL: JsonObject = {"named": ["email"], "do": ["lower", "hash"]}
CARD: JsonObject = {"named": ["card"], "do": "remove"}
IDS: JsonObject = {"fields": ["userId"], "do": ["hash"]}
PAID: JsonObject = {
    "type": "track",
    "event": "Paid",
    "messageId": "m-1",
    "userId": "ann@x.test",
    "anonymousId": "a-1",
    "properties": {"email": "Ann@x.test", "card": "4111", "total": 5},
}


def mapping(*guards: JsonObject, **words: Any) -> Ruleset:
    """A mapping with these guards that sends every message whole."""
    return ruleset(
        json.dumps({"version": 1, "privacy": list(guards), "rules": [{"track": "T", "copy": "raw"}], **words})
    )


def stored(message: JsonObject, *guards: JsonObject) -> PrivateEvent:
    """The message as a private source stores it that has these guards."""
    event, warnings = mapping(*guards).made_private(read(message), NOTHING)
    assert warnings == []
    return event


def only_call(rendered: Rendered) -> Call:
    assert isinstance(rendered, Calls)
    [call] = rendered.calls
    return call


def test_a_private_event_names_what_it_went_through() -> None:
    """Its ids and type are what the guards left, its keys stay; the event it was made of is not changed."""
    event = read(PAID)
    private, _ = mapping(MAIL, {"fields": ["raw.type", "userId"], "do": "remove"}).made_private(event, NOTHING)
    assert (private.type, private.user_id, private.anonymous_id, private.message_id) == ("", None, "a-1", "m-1")
    assert (len(private.privacy.guards), len(private.privacy.hashed), private.privacy.user_key) == (2, 1, "key-of-ann")
    assert event == read(PAID)


def test_a_private_event_keeps_its_trace() -> None:
    """It says nothing of the user, and what became of the event is to be found by it."""
    private, _ = mapping(MAIL).made_private(make_event(traceparent=TRACEPARENT), NOTHING)
    assert private.traceparent == TRACEPARENT


def test_a_step_that_fails_takes_the_field() -> None:
    """Fail closed: what a guard cannot judge is not stored, and the warning says where, not what."""
    message = {**PAID, "properties": {"email": {"secret": "ann"}}}
    private, warnings = mapping(MAIL).made_private(read(message), NOTHING)
    assert private.body["properties"] == {}
    assert warnings == [EventWarning(WarningKind.STEP, "privacy.0", "`lower`: an object is not text", "privacy")]


def test_a_guard_works_once() -> None:
    """What was hashed before it was stored is not hashed again at delivery."""
    sent = only_call(mapping(MAIL, IDS).render(read(PAID)))
    assert only_call(mapping(MAIL, IDS).render(stored(PAID, MAIL, IDS))) == sent


@pytest.mark.parametrize(
    "now",
    [
        [{"named": ["email", "mail"], "do": ["lower", "hash"]}, IDS],
        [{"fields": ["properties.email"], "do": ["trim", "lower", "hash"]}, {"fields": ["raw.userId"], "do": ["hash"]}],
        [IDS, MAIL],
        [{"named": ["email", "userId"], "do": ["hash"]}],
    ],
    ids=["another name", "by path, with a step more", "in another order", "as one"],
)
def test_an_edited_guard_does_not_hash_again(now: list[JsonObject]) -> None:
    """Events that wait while a guard is edited keep the hashes by which their users are known."""
    before = only_call(mapping(MAIL, IDS).render(read(PAID)))
    call = only_call(mapping(*now).render(stored(PAID, MAIL, IDS)))
    assert call.body["userId"] == before.body["userId"]
    assert call.body["properties"]["properties"] == before.body["properties"]["properties"]


def test_an_added_guard_works_on_what_waits() -> None:
    """What was stored before it came is guarded by it at delivery."""
    waits = stored(PAID, MAIL)
    assert waits.body["properties"]["card"] == "4111"
    assert "card" not in only_call(mapping(MAIL, CARD).render(waits)).body["properties"]["properties"]


def test_a_changed_remedy_works_on_top() -> None:
    """A guard that now takes away takes away, also what it only hashed before."""
    call = only_call(mapping({"named": ["email"], "do": "remove"}).render(stored(PAID, MAIL)))
    assert "email" not in call.body["properties"]["properties"]


def test_a_removed_guard_brings_nothing_back() -> None:
    """What was not stored cannot be sent; what it left is sent as it is."""
    call = only_call(mapping(MAIL).render(stored(PAID, MAIL, CARD)))
    assert call.body["properties"]["properties"].keys() == {"email", "total"}


def test_a_table_is_part_of_a_guard() -> None:
    """A guard is another when its table is, so that what waits goes through it again; other tables do not matter."""
    by_table = {"fields": ["properties.total"], "do": [{"lookup": {"in": "sizes", "else": "omit"}}]}
    names = [
        mapping(by_table, tables={"sizes": {"5": size}, "other": {"a": size}}).guards[0].name
        for size in ("S", "M", "S")
    ]
    assert names[0] == names[2] != names[1]
    others = [mapping(MAIL, by_table, tables={"sizes": {"5": 1}, "other": {"a": n}}).guards[0].name for n in (1, 2)]
    assert others[0] == others[1]


def test_consent_outlives_privacy() -> None:
    """A sender's `false` for Browsee still counts when a guard takes the integrations away."""
    rules = mapping({"fields": ["integrations"], "do": "remove"}, settings={"integration": "Browsee"})
    event = read({**PAID, "integrations": {"Browsee": False, "GA4": {"clientId": "c-1"}}})
    private, _ = rules.made_private(event, NOTHING)
    assert private.body["integrations"] == {"Browsee": False}
    assert rules.render(private) == rules.render(event)

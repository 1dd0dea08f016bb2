"""Private storage: what is kept of a message is what privacy left of it, and no guard works on it twice."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from msgspec.structs import replace

from adapter.console.revalidate import revalidate
from adapter.ingest.context import RequestContext
from adapter.ingest.read import read_event, read_unchecked
from adapter.ingest.sources import DigestOf, Source, plain_digest
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import (
    Call,
    Calls,
    Event,
    EventWarning,
    JsonObject,
    PrivateEvent,
    Refused,
    Rejection,
    Rendered,
    Secret,
    WarningKind,
)
from adapter.privacy.storage import MARK, Keyed, PrivateStore, is_withheld, mark_of, marked
from adapter.queue.codec import decode, encode
from tests.fakes import RECEIVED_AT, make_rejection
from tests.unit.ingest.schemas import event_validator
from tests.unit.mapping.reading import ruleset
from tests.unit.mapping.test_cases import FILES
from tests.unit.mapping.test_properties import MESSAGES

KEY = Secret("demo-key")
VALIDATOR = event_validator()
MAIL: JsonObject = {"named": ["email"], "do": ["lower", "hash"]}
CARD: JsonObject = {"named": ["card"], "do": "remove"}
IDS: JsonObject = {"fields": ["userId"], "do": ["hash"]}
TEXT = {"type": "track", "event": "Paid", "messageId": "m-1", "userId": "ann@x.test", "anonymousId": "a-1"}
PAID: JsonObject = {**TEXT, "properties": {"email": "Ann@x.test", "card": "4111", "total": 5}}
GUARDED = [pytest.param(ruleset(file.read_text()), id=file.stem) for file in FILES if "\nprivacy:" in file.read_text()]


def mapping(*guards: JsonObject, **words: Any) -> Ruleset:
    """A mapping with these guards that sends every message whole."""
    return ruleset(
        json.dumps({"version": 1, "privacy": list(guards), "rules": [{"track": "T", "copy": "raw"}], **words})
    )


def read(message: JsonObject) -> Event:
    return read_unchecked(message, source="shop", received_at=RECEIVED_AT, new_id=lambda: "new")


def store(rules: Ruleset, key: Secret = KEY) -> PrivateStore:
    return PrivateStore(hash_key=key, ruleset=lambda: rules)


def stored(message: JsonObject, *guards: JsonObject) -> PrivateEvent:
    """The message as a queue gives it back that a private source with these guards stored it in."""
    event = decode(encode(store(mapping(*guards)).event(read(message))))
    assert isinstance(event, PrivateEvent)
    return event


def only_call(rendered: Rendered) -> Call:
    assert isinstance(rendered, Calls)
    [call] = rendered.calls
    return call


@pytest.mark.parametrize("rules", GUARDED)
@given(message=MESSAGES)
@settings(max_examples=60, deadline=None)
def test_browsee_gets_the_same_either_way(rules: Ruleset, message: JsonObject) -> None:
    """Whether guards work before an event is stored or at delivery, its calls are the same, and so are they again."""
    try:
        orjson.dumps(message)
    except TypeError:
        assume(False)
    event = read({"messageId": "m-1", **message})
    rendered = rules.render(event)
    private = decode(encode(store(rules).event(event)))
    assert unwarned(rules.render(private)) == unwarned(rendered)


def unwarned(rendered: Rendered) -> Rendered:
    """Without warnings: those of guards are given when they work."""
    return replace(rendered, warnings=()) if isinstance(rendered, Calls | Refused) else rendered


def test_what_a_guard_takes_is_not_stored() -> None:
    """Neither in the body nor in an id nor in a key; lanes and deletions go by hashes that need our key."""
    event = stored(PAID, MAIL, CARD, IDS)
    kept = repr(encode(event))
    assert not [secret for secret in ("nn@x.test", "4111") if secret in kept]
    assert event.body["properties"].keys() == {"email", "total"}
    assert event.user_id == event.body["userId"] != event.privacy.user_key
    other = store(mapping(IDS), key=Secret("another")).event(read(PAID))
    assert other.privacy.user_key != event.privacy.user_key


def test_a_step_that_fails_takes_the_field() -> None:
    """Fail closed: what a guard cannot judge is not stored, and the warning says where, not what."""
    message = {**PAID, "properties": {"email": {"secret": "ann"}}}
    event = store(mapping(MAIL)).event(read(message))
    assert event.body["properties"] == {}
    assert event.warnings == (EventWarning(WarningKind.STEP, "privacy.0", "`lower`: an object is not text", "privacy"),)


def test_warnings_of_ingest_and_of_guards_stay_with_the_event() -> None:
    """Delivery warns of neither again."""
    early = EventWarning(WarningKind.TIME, "timestamp", "not a time")
    sent = read({**PAID, "properties": {"note": "from ann@x.test"}})
    found = store(mapping({"values": ["email"], "do": ["hash"]})).event(replace(sent, warnings=(early,)))
    assert [warned.kind for warned in found.warnings] == [WarningKind.TIME, WarningKind.PERSONAL, WarningKind.PERSONAL]


def test_a_made_message_id_needs_the_key() -> None:
    """The id of a message without one is a hash of what is in it: anybody could guess that, were it not keyed."""
    message = {name: held for name, held in PAID.items() if name != "messageId"} | {"timestamp": "2026-11-23T11:00:00Z"}
    ids = set()
    for digest in (plain_digest, store(mapping(MAIL)).keyed.of_message, Keyed(Secret("another")).of_message):
        ids |= {made_id(message, digest) for _ in range(2)}
    assert len(ids) == 3


def made_id(message: JsonObject, digest: DigestOf) -> str | None:
    context = RequestContext(Source("shop", (), digest=digest), RECEIVED_AT)
    read = read_event(message, context, validator=VALIDATOR, new_id=lambda: "new")
    return read.message_id


@pytest.mark.parametrize("do", ["remove", ["hash"]], ids=str)
def test_a_guarded_message_id_still_tells_copies(do: Any) -> None:
    """The id that is stored is the same for each copy, and not the one that was sent."""
    guard = {"fields": ["raw.messageId"], "do": do}
    one, other = (stored({**PAID, "messageId": ident}, guard) for ident in ("order-of-ann", "order-of-bob"))
    assert one.message_id == stored({**PAID, "messageId": "order-of-ann"}, guard).message_id != other.message_id
    assert "order-of-ann" not in repr(encode(one))


def test_of_a_rejection_size_and_hash_are_kept() -> None:
    """The body is not kept, problems are; it cannot be read again, and the output says so."""
    rejection = replace(make_rejection(), message_id="order-of-ann")
    kept = store(mapping(MAIL)).rejection(rejection)
    assert (kept.problems, kept.reason) == (rejection.problems, rejection.reason)
    assert is_withheld(kept.body)
    assert kept.body.startswith(b"16 bytes, keyed hash ")
    assert b"track" not in kept.body
    assert kept.message_id not in (None, "order-of-ann")
    again = revalidate(
        kept,
        validator=VALIDATOR,
        max_message_bytes=1000,
        new_id=str,
        is_withheld=is_withheld,
        source_of=lambda name: Source(name, ()),
    )
    assert isinstance(again, Rejection)
    assert "stores privately" in again.problems[0].message


# Through a file and back


def sent_again(event: PrivateEvent, mark: object, *guards: JsonObject, key: Secret = KEY) -> PrivateEvent:
    return store(mapping(*guards), key=key).event(read({**event.body, MARK: mark}))


def test_what_is_exported_and_sent_is_stored_as_it_was() -> None:
    """With the mark, through JSON, nothing is done twice, and the user's events are still found by the raw id."""
    event = stored(PAID, MAIL, CARD, IDS)
    mark = json.loads(json.dumps(mark_of(event, KEY)))
    assert sent_again(event, mark, MAIL, CARD, IDS) == event


def test_a_mark_of_somebody_else_counts_for_nothing() -> None:
    """A sender cannot get past the guards by saying that they have been; nor is what it says kept."""
    event = read(PAID)
    private = stored(PAID, MAIL, CARD)
    forged = [mark_of(private, None), mark_of(private, Secret("guessed")), {"seal": "x"}, 5, None]
    for mark in forged:
        assert store(mapping(MAIL, CARD)).event(read({**PAID, MARK: mark})) == store(mapping(MAIL, CARD)).event(event)
    widened = {**(mark_of(private, KEY) or {}), "guards": [each.name for each in mapping(MAIL, CARD, IDS).guards]}
    assert sent_again(private, widened, MAIL, CARD, IDS).user_id != private.user_id


def test_diff_and_explain_apply_what_is_left() -> None:
    """A line of `export` says what its message has been through."""
    event = stored(PAID, MAIL)
    again = marked(read(event.body), mark_of(event, None))
    assert mapping(MAIL, IDS).render(again) == mapping(MAIL, IDS).render(event)
    assert marked(read(PAID), None) == read(PAID)

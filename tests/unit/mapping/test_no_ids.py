"""Ids of calls: texts that are not ids are never sent, whatever set them."""

import json
from typing import Any

import pytest

from adapter.model import Calls, JsonObject, Refused, WarningKind
from adapter.wire.ids import NO_IDS, no_ids
from tests.unit.mapping.reading import event, ruleset

TRACK: JsonObject = {"name": "R", "track": "T"}


def mapping(**more: Any) -> str:
    return json.dumps({"version": 1, "rules": [{**TRACK, **more}]})


@pytest.mark.parametrize(
    ("given", "own"),
    [({"userId": "undefined"}, {"anonymousId": "a"}), ({"userId": "u", "anonymousId": "NULL"}, {"userId": "u"})],
)
def test_an_events_own_id_that_is_none_is_left_out(given: JsonObject, own: JsonObject) -> None:
    """Of events that were stored before ingest knew, too; the other id stays, and the event has a warning."""
    rendered = ruleset(mapping()).render(event(**given))
    assert isinstance(rendered, Calls)
    [call] = rendered.calls
    assert {name: value for name, value in call.body.items() if name in {"userId", "anonymousId"}} == own
    [warning] = rendered.warnings
    assert (warning.kind, warning.field in given) == (WarningKind.ID, True)


@pytest.mark.parametrize("word", ["userId", "anonymousId"])
def test_a_mapped_id_that_is_none_leaves_the_events_own(word: str) -> None:
    """As one that is absent does, but with a warning at the place in the mapping."""
    text = mapping(**{word: "traits.id"})
    rendered = ruleset(text).render(event(userId="u", anonymousId="a", traits={"id": " [object Object]"}))
    assert isinstance(rendered, Calls)
    [call] = rendered.calls
    assert (call.body["userId"], call.body["anonymousId"]) == ("u", "a")
    assert [(w.kind, w.field, w.rule) for w in rendered.warnings] == [(WarningKind.ID, f"rules.0.{word}", "R")]


@pytest.mark.parametrize("word", ["userId", "anonymousId"])
def test_a_mapped_number_that_lost_digits_leaves_the_events_own(word: str) -> None:
    """It would join users; the warning is at the place in the mapping."""
    rendered = ruleset(mapping(**{word: "traits.id"})).render(
        event(userId="u", anonymousId="a", traits={"id": 2.0**70})
    )
    assert isinstance(rendered, Calls)
    [call] = rendered.calls
    assert (call.body["userId"], call.body["anonymousId"]) == ("u", "a")
    assert [(w.kind, w.field, w.rule) for w in rendered.warnings] == [(WarningKind.ID, f"rules.0.{word}", "R")]


def test_an_id_that_a_guard_makes_is_judged_too() -> None:
    """Privacy may leave a text that is no id."""
    text = json.dumps(
        {
            "version": 1,
            "privacy": [{"fields": ["userId"], "do": [{"replace": {"find": "secret", "with": "null"}}]}],
            "rules": [TRACK],
        }
    )
    rendered = ruleset(text).render(event(userId="secret"))
    assert isinstance(rendered, Calls)
    assert "userId" not in rendered.calls[0].body


def test_nobody_is_left() -> None:
    """An event without a good id is refused, as one without any."""
    rendered = ruleset(mapping()).render(event(userId="none", anonymousId="nan"))
    assert isinstance(rendered, Refused)
    assert [warning.field for warning in rendered.warnings] == ["userId", "anonymousId"]


def test_the_texts_of_a_source_count() -> None:
    """As its settings say, for the event's own ids and for mapped ones; the version tells."""
    words = no_ids(not_ids=["guest"], is_id=["nan"])
    text = mapping(userId="properties.who")
    own, others = ruleset(text, no_ids=words), ruleset(text)
    for who, user in (("Guest", "u"), ("nan", "nan"), ("v", "v")):
        rendered = own.render(event(userId="u", properties={"who": who}))
        assert isinstance(rendered, Calls)
        assert rendered.calls[0].body["userId"] == user
    assert own.no_ids == words
    assert own.version != others.version == ruleset(text, no_ids=NO_IDS).version


@pytest.mark.parametrize("name", ["user_id", "anonymous_id"])
def test_a_refusal_says_that_other_names_are_not_read(name: str) -> None:
    """Exports of warehouses write them; the message says both ways out."""
    rendered = ruleset(mapping()).render(event(anonymousId=None, **{name: "u-9"}))
    assert isinstance(rendered, Refused)
    assert "`user_id` and `anonymous_id` are not read" in rendered.problems[0].message
    plain = ruleset(mapping()).render(event(anonymousId=None))
    assert isinstance(plain, Refused)
    assert "not read" not in plain.problems[0].message
    [call] = ruleset(mapping(userId=f"raw.{name}")).render(event(anonymousId=None, **{name: "u-9"})).calls  # type: ignore[union-attr]
    assert call.body["userId"] == "u-9"

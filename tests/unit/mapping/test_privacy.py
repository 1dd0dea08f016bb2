"""Privacy guards: what they take away is gone for rules, ids and tests; what they cannot judge goes as a whole."""

import copy
import json
from typing import Any

import pytest

from adapter.model import Calls, JsonObject, Refused
from tests.unit.mapping.reading import event, read, ruleset

MESSAGE: JsonObject = {
    "type": "track",
    "event": "E",
    "userId": "u@x.test",
    "anonymousId": "a",
    "timestamp": "2024-01-02T03:04:05Z",
    "properties": {"email": " A@B.test ", "card": {"no": 1}, "list": [{"email": "x", "n": 1}, {"email": "y"}, "email"]},
    "traits": {"email": "t", "phone": 5},
    "context": {"ip": "1.2.3.4", "traits": {"email": "c", "age": 7}},
}


def guarded(*guards: JsonObject, **words: Any) -> JsonObject:
    """The message as rules see it after these guards."""
    mapping = {"version": 1, "privacy": list(guards), "rules": [{"track": "T", "copy": "raw"}]}
    message = {**MESSAGE, **words}
    before = copy.deepcopy(message)
    rendered = ruleset(json.dumps(mapping)).render(read(message))
    assert isinstance(rendered, Calls)
    assert message == before
    return dict(rendered.calls[0].body["properties"])


def changed(*guards: JsonObject, **words: Any) -> JsonObject:
    """The members of the message that these guards changed."""
    seen = guarded(*guards, **words)
    return {name: seen.get(name) for name in MESSAGE if seen.get(name) != {**MESSAGE, **words}.get(name)}


def test_a_guard_changes_a_value_to_one_that_is_equal() -> None:
    """1 and true are equal in Python and not in JSON."""
    seen = guarded({"fields": ["properties.n"], "do": ["boolean"]}, properties={"n": 1, "m": 1})
    assert (seen["properties"]["n"], seen["properties"]["m"]) == (True, 1)
    assert seen["properties"]["n"] is True


def test_a_named_field_goes_wherever_it_is() -> None:
    """At the top, in objects, in members of lists; other fields and texts that say `email` stay."""
    assert changed({"named": ["email"], "do": "remove"}) == {
        "properties": {"card": {"no": 1}, "list": [{"n": 1}, {}, "email"]},
        "traits": {"phone": 5},
        "context": {"ip": "1.2.3.4", "traits": {"age": 7}},
    }


@pytest.mark.parametrize("path", ["traits.email", "context.traits.email", "raw.traits.email"])
def test_traits_are_guarded_in_both_places(path: str) -> None:
    """A guard on either spelling acts on both, so that a sender cannot choose the unguarded one."""
    assert changed({"fields": [path], "do": "remove"}) == {
        "traits": {"phone": 5},
        "context": {"ip": "1.2.3.4", "traits": {"age": 7}},
    }


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("properties.list[*].email", [{"n": 1}, {}, "email"]),
        ("properties.list[0].email", [{"n": 1}, {"email": "y"}, "email"]),
        ("properties.list[-1]", [{"email": "x", "n": 1}, {"email": "y"}]),
        ("properties.list[email=y].email", [{"email": "x", "n": 1}, {}, "email"]),
        ("properties.list[*]", []),
        ("properties.list[7]", MESSAGE["properties"]["list"]),
    ],
)
def test_a_path_reaches_into_lists(path: str, result: list[Any]) -> None:
    """A guard acts on every member that its path could mean."""
    assert guarded({"fields": [path], "do": "remove"})["properties"]["list"] == result


CARD = {"no": 4111, "kind": "visa"}
FORMS: dict[str, Any] = {
    "a list": [CARD, CARD],
    "one object": CARD,
    "an object as PHP writes lists": {"0": CARD, "1": CARD},
    "the text of a list": json.dumps([CARD, CARD]),
    "the text of an object": json.dumps(CARD),
    "text in text": json.dumps(json.dumps([CARD])),
    "lists in a list": [[CARD], [CARD]],
    "texts in a list": [json.dumps(CARD)],
}


@pytest.mark.parametrize("path", ["properties.cards.no", "properties.cards[*].no", "properties.cards[kind=visa].no"])
@pytest.mark.parametrize("form", FORMS)
def test_a_guard_reaches_a_field_in_whatever_form_its_list_arrives(path: str, form: str) -> None:
    """The author writes one path, and each sender another form of the list."""
    if "kind" in path and form in {"lists in a list", "texts in a list"}:
        return  # a member that is not an object has no kind
    left = json.dumps(guarded({"fields": [path], "do": "remove"}, properties={"cards": FORMS[form]})["properties"])
    assert ("visa" in left, "4111" in left) == (True, False)


def test_a_guard_by_position_reaches_only_that_member() -> None:
    """Written with a dot or in brackets, in a list and in its text."""
    for path in ("properties.cards.1.no", "properties.cards[1].no", "properties.cards[-1].no"):
        for cards in ([CARD, CARD], {"0": CARD, "1": CARD}):
            left = guarded({"fields": [path], "do": "remove"}, properties={"cards": cards})["properties"]["cards"]
            assert json.dumps(left).count("4111") == 1
    assert guarded({"fields": ["properties.cards.9.no"], "do": "remove"}, properties={"cards": [CARD]}) == {
        **MESSAGE, "properties": {"cards": [CARD]}
    }  # fmt: skip


def test_lists_nested_too_deep_to_look_at_are_removed() -> None:
    """In a message and in a text."""
    deep: Any = {"no": "4111"}
    for _ in range(300):
        deep = [deep]
    for cards in (deep, json.dumps(deep), "[" * 100_000):
        left = guarded({"fields": ["properties.cards.no"], "do": "remove"}, properties={"cards": cards, "a": 1})
        assert "4111" not in repr(left["properties"])
        assert left["properties"]["a"] == 1


def test_every_member_of_an_object() -> None:
    """`.*` guards all members of an object, whatever they are called."""
    assert "traits" not in changed({"fields": ["properties.*"], "do": "remove"})
    assert guarded({"fields": ["properties.*"], "do": "remove"})["properties"] == {}


def test_steps_run_on_what_is_there_and_remove_where_they_fail() -> None:
    """A step that fails removes; null stays null, because it holds nothing."""
    guard = {"named": ["email", "phone"], "do": ["trim", "lower", {"hash": "md5"}]}
    seen = guarded(guard, properties={"email": " A ", "o": {"email": {"x": 1}}, "n": {"email": None}})
    assert seen["properties"] == {"email": "0cc175b9c0f1b6a831c399e269772661", "o": {}, "n": {"email": None}}
    assert seen["traits"]["phone"] == "e4da3b7fbbce2345d7772b0674a318d5"


def test_guards_run_in_order() -> None:
    """The second guard sees what the first one left."""
    guards: list[JsonObject] = [
        {"named": ["phone"], "do": [{"mask": {"keep": 1}}]},
        {"fields": ["traits.phone"], "do": ["json"]},
    ]
    assert guarded(*guards, traits={"phone": "1234"})["traits"] == {"phone": '"***4"'}


def test_an_id_that_is_guarded_is_guarded_in_the_call_too() -> None:
    """A hashed user id is sent hashed; a removed one is not sent, and an event without any id is refused."""
    rules = [{"track": "T"}]

    def rendered(do: Any, **words: Any) -> Any:
        mapping = {"version": 1, "privacy": [{"fields": ["userId"], "do": do}], "rules": rules}
        return ruleset(json.dumps(mapping)).render(event(userId="a", **words))

    hashed = rendered([{"hash": "md5"}])
    assert hashed.calls[0].body["userId"] == "0cc175b9c0f1b6a831c399e269772661"
    assert "userId" not in rendered("remove").calls[0].body
    assert isinstance(rendered("remove", anonymousId=None), Refused)


def test_what_is_too_deep_to_look_at_goes() -> None:
    """A guard on names walks only so deep; what lies below is removed rather than let through unseen."""
    deep: Any = {"email": "secret"}
    for _ in range(200):
        deep = {"x": [deep]}
    seen = guarded({"named": ["email"], "do": "remove"}, properties={"deep": deep, "a": 1})
    assert seen["properties"]["a"] == 1
    assert "secret" not in repr(seen)


def test_untouched_branches_are_not_copied() -> None:
    """Copying the whole message for one field would cost more than everything else together."""
    message = read(MESSAGE)
    mapping = {"version": 1, "privacy": [{"fields": ["context.ip"], "do": "remove"}],
               "rules": [{"track": "T", "copy": "none", "properties": {"p": "properties.card"}}]}  # fmt: skip
    rendered = ruleset(json.dumps(mapping)).render(message)
    assert isinstance(rendered, Calls)
    assert rendered.calls[0].body["properties"]["p"] is message.body["properties"]["card"]

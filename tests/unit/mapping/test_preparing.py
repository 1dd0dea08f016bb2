"""`prepare` and `derived`: values that are put in order before the rules, and values that have a name."""

from typing import Any

import pytest

from adapter.errors import MappingError
from adapter.files.finding import Severity
from adapter.mapping.load import check
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Dropped, Refused
from tests.unit.mapping.reading import event, read, ruleset

SEEN = "rules: [{track: T, when: {properties.x: {exists: true}}}, {drop: no x}]\n"


def prepared(block: str, **properties: Any) -> tuple[dict[str, Any], list[str]]:
    """The properties of the call that is made, and the causes of warnings."""
    mapping = ruleset(f"version: 1\nprepare: [{block}]\nrules: [{{track: T}}]\n")
    rendered = mapping.render(event(properties=properties))
    assert isinstance(rendered, Calls)
    causes = [warned.cause for warned in rendered.warnings if warned.rule == "prepare"]
    return rendered.calls[0].body.get("properties", {}), causes


@pytest.mark.parametrize(
    ("block", "sent", "seen"),
    [
        ("{named: [price], do: [number]}", {"price": "5.50", "a": {"price": "1"}}, {"price": 5.5, "a": {"price": 1}}),
        ("{named: [price], do: [number]}", {"l": [{"price": "1"}, {"price": 2}]}, {"l": [{"price": 1}, {"price": 2}]}),
        ("{named: ['*_amount'], do: [number]}", {"taxAmount": "1", "tax": "2"}, {"taxAmount": 1, "tax": "2"}),
        ("{fields: ['properties.*'], do: [trim]}", {"a": " x ", "n": 5, "b": True, "o": {"c": " y "}, "z": None},
         {"a": "x", "n": 5, "b": True, "o": {"c": " y "}}),
        ("{fields: [properties.tags], do: [lower]}", {"tags": ["A", 1, "B"]}, {"tags": ["a", 1, "b"]}),
        ("{fields: [properties.p], do: [parse_json]}", {"p": '{"plan": "pro"}'}, {"p": {"plan": "pro"}}),
        ("{named: [price], do: [number]}", {"text": '{"price": "5"}'}, {"text": '{"price": "5"}'}),
    ],
)  # fmt: skip
def test_values_are_put_in_order_in_place(block: str, sent: dict[str, Any], seen: dict[str, Any]) -> None:
    """Wherever the names occur; what is no text stays as it is, and a JSON text is a text."""
    assert prepared(block, **sent) == (seen, [])


def test_what_a_step_cannot_read_stays() -> None:
    """With a warning, and the other fields go on."""
    seen, causes = prepared("{named: [price, cost], do: [number]}", price="n/a", cost="5")
    assert seen == {"price": "n/a", "cost": 5}
    assert causes == ["`number`: a text with letters is not a number"]


def test_conditions_and_dispatch_see_prepared_values() -> None:
    """An amount in text passes a comparison, and a name in another spelling is the event's."""
    mapping = ruleset(
        "version: 1\nprepare: [{named: [total], do: [number]}, {fields: [event], do: [trim, title]}]\n"
        "rules: [{when: {event: Order Completed, properties.total: {at_least: 100}}, track: LARGE}, {drop: small}]\n"
    )
    assert isinstance(mapping.render(event(event=" order completed", properties={"total": "250"})), Calls)
    assert isinstance(mapping.render(event(event="Order Completed", properties={"total": "9"})), Dropped)


def test_the_message_is_not_changed() -> None:
    """What was stored is what a requeue starts from."""
    sent = {"price": "5", "deep": [{"price": "6"}]}
    prepared("{named: [price], do: [number]}", **sent)
    assert sent == {"price": "5", "deep": [{"price": "6"}]}


def test_ids_are_prepared_too() -> None:
    """The call carries the id that the steps made."""
    mapping = ruleset("version: 1\nprepare: [{fields: [userId], do: [lower]}]\nrules: [{track: T}]\n")
    rendered = mapping.render(event(userId="U-1"))
    assert isinstance(rendered, Calls)
    assert rendered.calls[0].body["userId"] == "u-1"


DERIVED = """\
version: 1
tables: {engines: {google.com: x}}
derived:
  domain: {from: context.page.referrer, apply: [{url: domain}]}
  is_search: {value: true, when: {derived.domain: {in: engines}}}
  total: {from: properties.total, apply: [number]}
  parts: {from: properties.path, apply: [{split: /}]}
rules:
  - when: {derived.is_search: true}
    track: SEARCH
    properties: {domain: derived.domain, first: "derived.parts[0]", twice: {text: "{derived.total}{derived.total}"}}
  - when: {derived.total: {above: 5}}
    send:
      - {track: EACH, each: properties.items, properties: {total: derived.total}}
  - track: OTHER
"""


def _calls(mapping: Ruleset, **words: Any) -> list[dict[str, Any]]:
    rendered = mapping.render(event(**words))
    assert isinstance(rendered, Calls)
    return [call.body for call in rendered.calls]


def test_derived_values_are_read_like_paths() -> None:
    """In conditions, values and text, below them too, and within `each`."""
    mapping = ruleset(DERIVED)
    page = {"page": {"referrer": "https://www.google.com/search"}}
    [call] = _calls(mapping, context=page, properties={"path": "a/b", "total": "7"})
    assert call["event"] == "SEARCH"
    assert call["properties"] == {"path": "a/b", "total": "7", "domain": "google.com", "first": "a", "twice": "77"}
    calls = _calls(mapping, properties={"total": "7", "items": [{"n": 1}, {"n": 2}]})
    assert [call["properties"] for call in calls] == [{"n": 1, "total": 7}, {"n": 2, "total": 7}]
    assert _calls(mapping)[0]["event"] == "OTHER"


def test_a_derived_value_is_computed_once() -> None:
    """So it adds one warning, however often it is read, and none if it is never read."""
    mapping = ruleset(DERIVED)
    rendered = mapping.render(event(properties={"total": "n/a"}))
    assert isinstance(rendered, Calls)
    assert [warned.field for warned in rendered.warnings] == ["derived.total"]


def test_blank_texts_are_absent_where_blanks_are_omitted() -> None:
    """In fallbacks, defaults and texts; and empty lists and objects are not sent. Else they are values."""
    rule = (
        "rules: [{track: T, properties: {name: {from: [properties.name, properties.email]}, "
        "plan: {from: properties.plan, default: NA}, both: {text: '{properties.plan}{properties.email}'}}}]\n"
    )
    sent = {"name": " ", "email": "e", "plan": "", "list": [], "object": {}, "zero": 0}
    [omitted] = _calls(ruleset("version: 1\nsettings: {blanks: omit}\n" + rule), properties=sent)
    assert omitted["properties"] == {"email": "e", "zero": 0, "name": "e", "plan": "NA"}
    [kept] = _calls(ruleset("version: 1\n" + rule), properties=sent)
    assert kept["properties"] == {**sent, "both": "e"}


def test_an_event_can_be_rejected() -> None:
    """It becomes a dead letter with the rule's reason."""
    mapping = ruleset("version: 1\nrules: [{name: plan, when: {event: E}, reject: not planned}]\n")
    rendered = mapping.render(event())
    assert isinstance(rendered, Refused)
    assert (rendered.rule, rendered.problems[0].message) == ("plan", "not planned")


def test_a_sample_keeps_all_of_a_user() -> None:
    """The same share of the users as of events, each with all events or none; without the value an event is kept."""
    mapping = ruleset("version: 1\nrules: [{track: T, sample: {share: 0.3, by: userId}}]\n")
    fates = {
        user: {isinstance(mapping.render(event(userId=f"u-{user}", messageId=f"m-{n}")), Calls) for n in range(3)}
        for user in range(400)
    }
    assert all(len(fate) == 1 for fate in fates.values())
    assert 80 <= sum(fate == {True} for fate in fates.values()) <= 160
    assert isinstance(mapping.render(event()), Calls)


@pytest.mark.parametrize(
    ("address", "is_in"),
    [("10.255.0.1", True), (" 10.0.0.1 ", True), ("11.0.0.1", False), ("2001:db8::1", True), ("2001:db9::1", False),
     ("10.0.0.1, 11.0.0.1", False), ("text", False), ("", False), (10, False), (None, False), ("1" * 100, False)],
)  # fmt: skip
def test_addresses_are_found_in_networks(address: Any, is_in: bool) -> None:
    """Of both versions; what is no address is in none."""
    nets = "[10.0.0.0/8, '2001:db8::/32']"
    mapping = ruleset(f"version: 1\nrules: [{{when: {{context.ip: {{in_net: {nets}}}}}, drop: own}}, {{track: T}}]\n")
    assert isinstance(mapping.render(event(context={"ip": address})), Dropped) is is_in


def test_each_block_sees_what_those_before_it_made() -> None:
    """Values and traits, whatever was read of them before."""
    mapping = ruleset(
        "version: 1\nprepare: [{fields: [properties.rate], do: [number]}, "
        "{fields: [properties.a], do: [{times: properties.rate}, {plus: traits.n}]}, "
        "{fields: [traits.email], do: [lower]}]\n"
        "rules: [{track: T, when: {traits.email: a@b.test}}]\n"
    )
    [call] = _calls(mapping, properties={"a": 2, "rate": "3"}, context={"traits": {"n": 1, "email": "A@B.test"}})
    assert call["properties"] == {"a": 7, "rate": 3}


@pytest.mark.parametrize(
    ("do", "left"),
    [
        ("[{drop: [email]}]", {}),
        ("[{only: [plan]}]", {}),
        ("[{get: plan}]", {}),
        ("[json, {extract: plan}]", {}),
        ("[number]", {"u": {"email": "a@b.test"}}),
    ],
)
def test_what_is_emptied_on_purpose_is_gone(do: str, left: dict[str, Any]) -> None:
    """What was to be left out must not be sent because nothing else was there; a step that failed changes nothing."""
    seen, _ = prepared(f"{{fields: [properties.u], do: {do}}}", u={"email": "a@b.test"})
    assert seen == left


def test_names_are_reached_within_a_field_of_that_name() -> None:
    """What the outer one is not, the inner one may be; and a very long name is not looked at."""
    seen, _ = prepared("{named: [price, '*'], do: [number]}", price={"price": "5"}, **{"x" * 5_000: "7"})
    assert seen == {"price": {"price": 5}, "x" * 5_000: "7"}


def test_settings_may_read_derived_values() -> None:
    """As any other place."""
    mapping = ruleset(
        "version: 1\nsettings: {userId: derived.uid}\nderived: {uid: properties.id}\nrules: [{track: T}]\n"
    )
    assert _calls(mapping, properties={"id": "u-7"})[0]["userId"] == "u-7"


def test_the_longest_chain_of_derived_values_is_read() -> None:
    """As deep as the limit allows; one more is an error that says the limit."""
    chain = ["d0: properties.x"] + [
        f"d{n}: {{from: derived.d{n - 1}, default: 0, apply: [string]}}" for n in range(1, 50)
    ]
    rule = "{{track: T, properties: {{v: derived.d49}}}}"
    text = f"version: 1\nsettings: {{{{blanks: omit}}}}\nderived: {{{{{{}}}}}}\nrules: [{rule}]\n"
    assert _calls(ruleset(text.format(", ".join(chain))), properties={"x": 1})[0]["properties"]["v"] == "1"
    with pytest.raises(MappingError, match="at most 50 derived values, not 51"):
        ruleset(text.format(", ".join([*chain, "d50: type"])))


def test_tags_keep_their_name() -> None:
    """The one field that Browsee documents as a list."""
    mapping = ruleset("version: 1\nrules: [{identify: true, names: [snake], rename: {'*': 'x_*'}}]\n")
    assert _calls(mapping, type="identify", traits={"$tags": ["a"], "aB": 1})[0]["traits"] == {
        "$tags": ["a"],
        "x_aB": 1,
    }


def test_json_in_a_text_is_not_read_deeper_than_a_message() -> None:
    """What compares and writes it has bounds of its own."""
    mapping = ruleset(
        "version: 1\nprepare: [{fields: [properties.x, properties.y], do: [parse_json]}]\n"
        "rules: [{track: T, properties: {x: properties.y}}]\n"
    )
    deep = {"x": "[" * 1_000 + "]" * 1_000, "y": "[" * 1_000 + "1" + "]" * 1_000}
    assert _calls(mapping, properties=deep)[0]["properties"] == {"x": deep["y"], "y": deep["y"]}


def test_a_list_of_blanks_is_blank() -> None:
    """Also where lists are sent as text."""
    mapping = ruleset("version: 1\nsettings: {blanks: omit, lists: text}\nrules: [{track: T}]\n")
    assert _calls(mapping, properties={"l": [" "], "a": ["x"]})[0]["properties"] == {"a": "x"}


@pytest.mark.parametrize("name", ["when", "value", "text", "default", "apply", "get"])
def test_a_field_may_be_called_like_a_word(name: str) -> None:
    """Nothing is said of it."""
    fields = f"{{{name}: {{from: properties.a}}, x: {{fields: {{{name}: properties.a}}, apply: [json]}}}}"
    text = f"version: 1\nrules: [{{track: T, properties: {fields}}}]\n"
    assert [found.message for found in check(text, file="f", read=read) if found.severity is Severity.WARNING] == []

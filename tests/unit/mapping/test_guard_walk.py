"""Guards by name and by value: any spelling, any depth, also inside texts that are JSON."""

import json
from typing import Any

import pytest

from adapter.mapping.run.guard_walk import MAX_NAME_CHARS, fold_name, folded_globs, shown
from adapter.model import Calls, EventWarning, JsonObject, WarningKind
from tests.unit.mapping.reading import event, ruleset

MAIL: JsonObject = {"values": ["email"], "do": [{"mask": {"keep": 0}}]}


def guarded(properties: JsonObject, *guards: JsonObject, **words: Any) -> tuple[JsonObject, list[EventWarning]]:
    """The properties that these guards leave, and the warnings."""
    mapping = {"version": 1, "privacy": list(guards), "rules": [{"track": "T"}]}
    rendered = ruleset(json.dumps(mapping)).render(event(properties=properties, **words))
    assert isinstance(rendered, Calls)
    return rendered.calls[0].body.get("properties", {}), list(rendered.warnings)


@pytest.mark.parametrize(
    "name",
    ["user_email", "userEmail", "UserEmail", "USER_EMAIL", "user-email", "User Email", "user.email", "user__email"],
)
def test_a_name_is_guarded_in_every_spelling(name: str) -> None:
    """Same words, same order: how they are joined and which are capital does not matter."""
    for written in ("user_email", "userEmail", "*_email", "user_*", "User?Email"):
        assert guarded({name: 1, "x": 2}, {"named": [written], "do": "remove"})[0] == {"x": 2}


@pytest.mark.parametrize("name", ["useremails", "email_user", "user", "mail", "use_remail"])
def test_other_words_are_other_names(name: str) -> None:
    """A guard takes no more than it says."""
    assert guarded({name: 1}, {"named": ["user_email", "*_ip"], "do": "remove"})[0] == {name: 1}


def test_a_separator_at_the_end_of_a_glob_parts_words() -> None:
    """`*_ip` is the word ip at the end, and not the end of a word."""
    is_meant = folded_globs(["*_ip", "id_*"])
    assert [name for name in ("clientIp", "client IP", "zip", "ip", "idNumber", "idle") if is_meant(name)] == [
        "clientIp", "client IP", "idNumber"
    ]  # fmt: skip


def test_camel_case_is_split_beside_other_separators() -> None:
    """`Contact.userEmail` has three words."""
    assert fold_name("Contact.userEmail") == "contact_user_email"
    assert fold_name("🎉") == "🎉"


def test_a_name_is_guarded_inside_a_json_text() -> None:
    """Lists and objects that are sent as text hold names as well, and texts of texts do."""
    inner = json.dumps({"email": "a", "n": 1})
    text = json.dumps([{"Email": "a", "n": 1.5}, {"more": inner}])
    seen, _ = guarded({"list": text, "other": "[1, 2"}, {"named": ["email"], "do": "remove"})
    assert json.loads(seen["list"]) == [{"n": 1.5}, {"more": '{"n":1}'}]
    assert seen["other"] == "[1, 2"


@pytest.mark.parametrize("name", ["Ｅｍａｉｌ", "e\u200dmail", "\ufeffemail", "𝐞𝐦𝐚𝐢𝐥"])
def test_a_name_is_guarded_in_every_width(name: str) -> None:
    """Keyboards of East Asia write full-width letters, and files begin with a mark."""
    assert guarded({name: 1, "x": 2}, {"named": ["email"], "do": "remove"})[0] == {"x": 2}


def test_a_json_text_is_walked_however_it_is_wrapped() -> None:
    """Encoded twice, behind a byte order mark, among spaces that JSON does not know."""
    text = json.dumps({"email": "a", "n": 1})
    for wrapped in ("\ufeff" + text, f"\u00a0{text}\u00a0", "\v" + text):
        assert guarded({"t": wrapped}, {"named": ["email"], "do": "remove"})[0] == {"t": '{"n":1}'}
    twice = guarded({"t": json.dumps(json.dumps(text))}, {"named": ["email"], "do": "remove"})[0]["t"]
    assert json.loads(json.loads(twice)) == '{"n":1}'
    for plain in ('"', '""', '"{"', '"a" b', '"\\', json.dumps(json.dumps({"n": 1})), '"' * 50):
        assert guarded({"t": plain}, {"named": ["email"], "do": "remove"}, MAIL)[0] == {"t": plain}


def test_a_card_is_found_in_any_number() -> None:
    """JavaScript and pandas make floats of long numbers."""
    card: JsonObject = {"values": ["card"], "do": [{"mask": {"keep": 0}}]}
    seen, _ = guarded({"f": 4111111111111111.0, "n": -4111111111111111, "x": 4111111111111112.0, "y": 0.5}, card)
    assert seen == {"f": "*" * 16, "n": "-" + "*" * 16, "x": 4111111111111112.0, "y": 0.5}


def test_a_json_text_without_a_guarded_name_stays_as_it_was() -> None:
    """Blanks and large numbers are the sender's."""
    properties = {"a": '{ "n": 12345678901234567890123, "m": [1.10] }'}
    assert guarded(properties, {"named": ["email"], "do": "remove"}, MAIL)[0] == properties


@pytest.mark.parametrize(
    "text", ['{"x": {"email": "s3cr3t"}, "x": 1}', '{"email": "s3cr3t", "n": ' + "9" * 5000 + "}", "[" * 100_000 + "{"]
)
def test_a_json_text_that_cannot_be_judged_does_not_pass(text: str) -> None:
    """Of a name written twice only the last was looked at; a text that cannot be read in bounds goes as a whole."""
    seen, _ = guarded({"a": text}, {"named": ["email"], "do": "remove"})
    assert "s3cr3t" not in json.dumps(seen)


def test_a_lone_surrogate_in_a_json_text_can_be_sent() -> None:
    """What JSON can write and UTF-8 cannot must not stop the call."""
    seen, _ = guarded({"a": '{"email":1,"x":"\\ud800"}'}, {"named": ["email"], "do": "remove"})
    assert seen["a"].encode() == b'{"x":"?"}'


def test_a_field_with_an_endless_name_goes() -> None:
    """A name that is too long to be compared is not let through."""
    properties = {"x" * (MAX_NAME_CHARS + 1): 1, "x" * MAX_NAME_CHARS: 2}
    assert list(guarded(properties, {"named": ["email"], "do": "remove"})[0].values()) == [2]


def test_what_is_left_is_left_with_all_below() -> None:
    """`except` takes names out of a guard of names, and out of one of values."""
    names: JsonObject = {"named": ["*_name"], "except": ["product_name", "order"], "do": "remove"}
    properties = {"user_name": 1, "productName": 2, "order": {"user_name": 3, "note": "a@b.test"}, "note": "a@b.test"}
    assert guarded(properties, names)[0] == {name: properties[name] for name in ("productName", "order", "note")}
    seen, _ = guarded(properties, {**MAIL, "except": ["order"]})
    assert seen == {**properties, "note": "********"}


def test_a_value_is_guarded_wherever_it_is() -> None:
    """In lists, names of fields, JSON texts, event names and ids; numbers as long as a card's are looked at too."""
    properties = {
        "a": ["x", "to a@b.test"],
        "b@c.test": {"n": 1},
        "t": '["\\u0061\\u0040b.test"]',
        "n": 4111111111111111,
    }
    guards = (MAIL, {"values": ["card"], "do": [{"mask": {"keep": 4}}]})
    seen, _ = guarded(properties, *guards)
    assert seen == {"a": ["x", "to ********"], "********": {"n": 1}, "t": '["********"]', "n": "************1111"}
    call = ruleset(json.dumps({"version": 1, "privacy": [MAIL], "rules": [{"track": "{event}"}]})).render(
        event(event="From a@b.test", userId="a@b.test")
    )
    assert isinstance(call, Calls)
    assert (call.calls[0].body["event"], call.calls[0].body["userId"]) == ("From ********", "********")


def test_values_narrow_a_guard_of_names_or_fields() -> None:
    """With both, only what is found in those fields is changed."""
    properties = {"note": "a@b.test or c", "text": "a@b.test"}
    for narrowed in ({"named": ["note"]}, {"fields": ["properties.note"]}):
        assert guarded(properties, {**MAIL, **narrowed})[0] == {**properties, "note": "******** or c"}


def test_remove_takes_only_the_part() -> None:
    """The rest of the text says nothing about the person."""
    assert guarded({"a": "write to a@b.test!"}, {"values": ["email"], "do": "remove"})[0] == {"a": "write to !"}


def test_a_warning_names_the_field_and_quotes_nothing() -> None:
    """One for each field, however many members; a name that could be a value is not shown."""
    assert [shown(((None, "p"), name)) for name in ("4111 1111 1111 1111", "20 7946 0958", "call.20-79-46-09")] == [
        "p.*", "p.*", "p.*",
    ]  # fmt: skip
    assert [shown(((None, "p"), name)) for name in ("utm_2026", "line 2", "step_10_of_20")] == [
        "p.utm_2026", "p.line 2", "p.step_10_of_20",
    ]  # fmt: skip
    properties = {"list": [{"note": "a@b.test"}, {"note": "c@d.test"}], "4111111111111111": {"x": "a@b.test"}}
    _, warnings = guarded(properties, MAIL)
    cause = "an e-mail address in"
    assert [warned for warned in warnings if warned.kind is WarningKind.PERSONAL] == [
        EventWarning(WarningKind.PERSONAL, "privacy.0", f"{cause} `properties.list.note`", "privacy"),
        EventWarning(WarningKind.PERSONAL, "privacy.0", f"{cause} `properties.*.x`", "privacy"),
    ]


def test_many_fields_make_few_warnings() -> None:
    """A message of a thousand such fields fills no log."""
    _, warnings = guarded({f"f{n}": "a@b.test" for n in range(1000)}, MAIL)
    assert len(warnings) == 20

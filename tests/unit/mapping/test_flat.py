"""Flat values: lists as text, empty ones left out, labels a list of texts, and what is said of the rest."""

import json
from typing import Any

import pytest

from adapter.mapping.load import check
from adapter.model import Calls, EventWarning, JsonObject, WarningKind
from adapter.observe.ingest_telemetry import EventWarned
from tests.unit.mapping.reading import event, read, ruleset

SENT: JsonObject = {
    "s": ["S", 40, True, None],
    "o": [{"id": 1}, "x"],
    "e": [],
    "n": {},
    "in": {"e": {}, "t": [1.0]},
    "x": 1,
}


def sent(settings: JsonObject, rule: JsonObject | None = None, **words: Any) -> tuple[JsonObject, dict[str, str]]:
    """The fields of the one call, and the cause of each warning by its field."""
    mapping = {"version": 1, "settings": settings, "rules": [{"name": "R", **(rule or {"track": "T"})}]}
    done = ruleset(json.dumps(mapping)).render(event(**words))
    assert isinstance(done, Calls)
    body = done.calls[0].body
    fields: JsonObject = body.get("properties") or body.get("traits") or {}
    return fields, {warned.field: warned.cause for warned in done.warnings}


def test_nothing_changes_unless_the_file_says_so() -> None:
    """Without `flatten` and with `lists: keep` fields go out as they came; each that is not flat is a warning."""
    for settings in ({}, {"flatten": False, "lists": "keep"}):
        fields, causes = sent(settings, properties=SENT)
        assert fields == SENT
        assert set(causes) == {f"properties.{name}" for name in ("s", "o", "e", "n", "in")}
        assert causes["properties.in"] == "an object; Browsee documents flat values only"


@pytest.mark.parametrize("lists", ["keep", "text"])
@pytest.mark.parametrize(("kind", "word"), [("track", "properties"), ("identify", "traits")])
def test_flatten_leaves_nothing_empty(lists: str, kind: str, word: str) -> None:
    """For identify as for track."""
    rule: JsonObject = {"track": "T"} if kind == "track" else {"identify": True}
    fields, causes = sent({"flatten": "_", "lists": lists}, rule, **{word: SENT, "type": kind})
    if lists == "keep":
        assert fields == {"s": ["S", 40, True, None], "o": [{"id": 1}, "x"], "in_t": [1.0], "x": 1}
        assert set(causes) == {f"{word}.s", f"{word}.o", f"{word}.in_t"}
    else:
        assert fields == {"s": "S, 40, true", "o": '[{"id":1},"x"]', "in_t": "1", "x": 1}
        assert causes == {}


@pytest.mark.parametrize("name", ["a", "b" * 40, "b" * 41, "c" * 100, "c" * 101])
def test_a_warning_names_the_field(name: str) -> None:
    """Each time; a name that could be a value is not shown."""
    for sent_name in (name, "other", name):
        _, causes = sent({}, properties={sent_name: [1]})
        assert set(causes) == {f"properties.{sent_name if len(sent_name) <= 40 else '*'}"}


def test_lists_as_text_without_flatten() -> None:
    """Objects stay, empty ones are left out; a list that a rule sets becomes text as well."""
    rule: JsonObject = {"track": "T", "properties": {"made": {"list": ["event", "properties.x"]}}}
    fields, causes = sent({"lists": "text"}, rule, properties=SENT)
    assert fields["in"] == SENT["in"]
    assert (fields["made"], "e" in fields, "n" in fields) == ("E, 1", False, False)
    assert set(causes) == {"properties.in"}


def test_a_list_too_long_for_a_text_is_left_out_with_a_warning() -> None:
    """No field becomes longer than a step may make one."""
    fields, causes = sent({"lists": "text"}, properties={"l": ["x" * 40_000] * 2, "a": 1})
    assert (fields, list(causes)) == ({"a": 1}, ["properties.l"])


def test_names_of_senders_are_no_labels() -> None:
    """A sender that makes up a name for each event fills neither memory nor log; the event itself says which."""
    mapping = json.dumps({"version": 1, "rules": [{"track": "T"}]})
    found = set()
    for number in range(50):
        done = ruleset(mapping).render(event(properties={f"n{number}": {"a": 1}}))
        assert isinstance(done, Calls)
        assert [warned.field for warned in done.warnings] == [f"properties.n{number}"]
        found |= {EventWarned.of("s", "m", warned).field for warned in done.warnings}
    assert found == {"properties"}


@pytest.mark.parametrize(
    ("tags", "wanted", "kinds"),
    [
        (["a", "b"], ["a", "b"], []),
        ("vip", ["vip"], []),
        (7, ["7"], []),
        ([1, None, True, "x", 2.0], ["1", "true", "x", "2"], []),
        ([], [], []),
        ('["a"]', ["a"], ["not a list"]),
        ({"0": "a", "1": "b"}, ["a", "b"], ["not a list"]),
        (["a", {"b": 1}], ["a"], ["left out"]),
        ({"b": 1}, None, ["left out"]),
        (None, None, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("settings", [{}, {"lists": "text", "flatten": "_"}], ids=str)
def test_labels_are_a_list_of_texts(settings: JsonObject, tags: Any, wanted: Any, kinds: list[str]) -> None:
    """Whatever is sent as `$tags` of an identify becomes what Browsee takes; `lists` does not concern it."""
    mapping = {"version": 1, "settings": settings, "rules": [{"identify": True}]}
    done = ruleset(json.dumps(mapping)).render(event(type="identify", traits={"$tags": tags, "a": 1}))
    assert isinstance(done, Calls)
    assert done.calls[0].body["traits"] == {"a": 1, **({} if wanted is None else {"$tags": wanted})}
    assert [str(warned.kind) for warned in done.warnings] == kinds


def test_a_file_s_tests_tell_of_nested_values() -> None:
    """`check` says which field of which test is not flat, without keeping the file from working."""
    text = (
        "version: 1\nrules: [{when: {type: track}, track: T}]\ntests:\n"
        "  - {name: n, given: {type: track, properties: {o: {a: 1}}}, expect: [{track: T}]}\n"
    )
    notes = [finding for finding in check(text, file="f.yaml", read=read) if "flat values" in finding.message]
    assert [(note.line, note.severity, note.message) for note in notes] == [
        (4, "note", "n: `properties.o` is sent as an object; Browsee documents flat values only")
    ]


def test_lint_knows_which_lists_become_text() -> None:
    """W207 is for what is sent nested."""
    value = {"list": ["event"]}
    for lists, codes in (("keep", ["W207"]), ("text", [])):
        text = json.dumps(
            {"version": 1, "settings": {"lists": lists}, "rules": [{"track": "T", "properties": {"v": value}}]}
        )
        assert [finding.code for finding in check(text, file="f.yaml", read=read) if finding.code] == codes


REPLACED = "in place of the sender's own value under this name, which was another"


@pytest.mark.parametrize(
    ("rule", "properties", "warns"),
    [
        ({"properties": {"screen_name": {"first": ["name", "event"]}}}, {"screen_name": "Main"}, True),
        ({"properties": {"screen_name": {"first": ["name", "event"]}}}, {"screen_name": "E"}, False),
        ({"properties": {"screen_name": "event"}}, {"screen_name": None}, False),
        ({"properties": {"screen_name": "event"}}, {}, False),
        ({"properties": {"screen_name": "event"}, "except": ["screen_name"]}, {"screen_name": "Main"}, False),
        ({"properties": {"total": {"from": "properties.total", "apply": ["number"]}}}, {"total": "5"}, False),
        ({"properties": {"total": {"first": ["properties.revenue", {"text": "{properties.total}"}]}}},
         {"total": 1, "revenue": 2}, False),
        ({"properties": {"total": "properties.revenue"}}, {"total": 1, "revenue": 2}, True),
        ({"use": ["b"], "properties": {"x": "properties.x"}}, {"x": 1, "y": 2}, True),
        ({"properties": {"a_b": "properties.a.b"}, "flatten": "_"}, {"a": {"b": 1}}, False),
        ({"properties": {"b": {"from": "properties.a", "apply": ["string"]}}, "rename": {"a": "b"}}, {"a": 1}, False),
        ({"copy": "none", "properties": {"x": "properties.y"}}, {"x": 1, "y": 2}, False),
        ({"copy": "context", "properties": {"x": "properties.x"}}, {"x": 1}, False),
        ({"copy": "raw.properties", "properties": {"x": "event"}}, {"x": 1}, True),
    ],
    ids=str,
)  # fmt: skip
def test_a_replaced_field_is_reported(rule: JsonObject, properties: JsonObject, warns: bool) -> None:
    """A set field that takes the place of another value is a warning, unless it is made of that value."""
    mapping = {"version": 1, "shared": {"b": {"x": "properties.y"}}, "rules": [{"name": "R", "track": "T", **rule}]}
    if "use" not in rule:
        del mapping["shared"]
    done = ruleset(json.dumps(mapping)).render(event(properties=properties))
    assert isinstance(done, Calls)
    name = next(iter(rule["properties"]))
    field = f"rules.0.use.b.{name}" if "use" in rule else f"rules.0.properties.{name}"
    assert done.warnings == ((EventWarning(WarningKind.REPLACED, field, REPLACED, "R"),) if warns else ())


def test_names_that_clash_are_reported() -> None:
    """The first of two names that flatten to one stays, and the other is said to be left out."""
    mapping = {"version": 1, "settings": {"flatten": "_"}, "rules": [{"name": "R", "track": "T"}]}
    done = ruleset(json.dumps(mapping)).render(event(properties={"a": {"b": 1}, "a_b": 2}))
    assert isinstance(done, Calls)
    assert done.calls[0].body["properties"] == {"a_b": 1}
    assert [(warned.kind, warned.field) for warned in done.warnings] == [(WarningKind.LEFT_OUT, "rules.0.flatten")]

"""Calls: the order of shaping, fan-out, ids and time, limits, outcomes."""

import json
from typing import Any

import pytest

from adapter.model import Calls, Dropped, JsonObject, Problem, Reason, Refused, Rendered, Unmatched, WarningKind
from tests.unit.mapping.reading import calls_of, event, ruleset


def rendered(
    *rules: JsonObject, settings: JsonObject | None = None, tables: Any = None, options: Any = None, **words: Any
) -> Rendered:
    blocks = {"settings": settings, "tables": tables}
    mapping = {"version": 1, "rules": list(rules), **{name: block for name, block in blocks.items() if block}}
    return ruleset(json.dumps(mapping), **(options or {})).render(event(**words))


def fields(rule: JsonObject, **words: Any) -> JsonObject:
    """The properties of the one call that a rule makes."""
    (call,) = calls_of({"rules": [{"track": "T", **rule}]}, **words)
    return dict(call.body.get("properties", {}))


def test_a_call_is_what_browsee_takes() -> None:
    """Name, fields, both ids and the time; no word that is absent, and no host or key."""
    (call,) = calls_of({"rules": [{"name": "R", "track": "T"}]}, userId="u", properties={"a": 1},
                       timestamp="2024-05-01T10:00:00.5+02:00")  # fmt: skip
    assert call.body == {
        "event": "T",
        "properties": {"a": 1},
        "userId": "u",
        "anonymousId": "a",
        "timestamp": "2024-05-01T08:00:00.500Z",
    }
    assert (call.key, call.kind, call.rule) == ("track/T/0", "track", "R")


def test_shaping_has_one_order() -> None:
    """copy, only, except, flatten, rename, use, properties, nulls: each sees what the one before left."""
    rule = {
        "properties": {"late": {"value": "own"}, "c_d": "properties.gone"},
        "use": ["block"],
        "rename": {"c_d": "e", "late": "f"},
        "flatten": "_",
        "except": ["b"],
        "only": ["a", "b", "c", "late"],
    }
    mapping = {
        "shared": {"block": {"late": {"value": "shared"}, "used": {"value": 1}, "a": "properties.nothing"}},
        "rules": [{"track": "T", **rule}],
    }
    (call,) = calls_of(mapping, properties={"a": None, "b": 1, "c": {"d": 2}, "late": 3, "x": 4, "nothing": None})
    assert call.body["properties"] == {"e": 2, "f": 3, "late": "own", "used": 1}


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        ({"copy": "none"}, {}),
        ({"copy": "context.page"}, {"url": "/"}),
        ({"copy": ["context.page", "traits", "event"]}, {"url": "t", "plan": "p"}),
        ({"only": ["o.x"]}, {"o": {"x": 1}}),
        ({"except": ["o.*", "n"]}, {"a": 1}),
        ({"rename": {"a": "n"}}, {"n": 1, "o": {"x": 1}}),
        ({"flatten": "."}, {"a": 1, "o.x": 1}),
    ],
    ids=str,
)
def test_where_fields_come_from(rule: JsonObject, result: JsonObject) -> None:
    """Every word of shaping on the same event."""
    words = {
        "properties": {"a": 1, "n": None, "o": {"x": 1}},
        "traits": {"url": "t", "plan": "p"},
        "context": {"page": {"url": "/"}},
    }
    assert fields(rule, **words) == result


def test_nulls_are_kept_where_the_file_says_so() -> None:
    """`nulls: keep` sends null, so that a trait can be reset."""
    done = rendered({"identify": True}, settings={"nulls": "keep"}, type="identify", traits={"plan": None})
    assert isinstance(done, Calls)
    assert done.calls[0].body["traits"] == {"plan": None}


@pytest.mark.parametrize(
    ("blanks", "sent"), [("keep", {"a": "", "b": " ", "c": "x", "n": 0}), ("omit", {"c": "x", "n": 0})]
)
def test_blank_texts_are_left_out_where_the_file_says_so(blanks: str, sent: JsonObject) -> None:
    """`blanks: omit` takes copied and set texts alike that show nothing, and nothing else."""
    rule = {"track": "T", "properties": {"b": {"value": " "}, "n": {"value": 0}}}
    done = rendered(rule, settings={"blanks": blanks}, properties={"a": "", "c": "x"})
    assert isinstance(done, Calls)
    assert done.calls[0].body["properties"] == sent


@pytest.mark.parametrize(
    ("value", "kept", "omitted"),
    [
        ({"from": "traits.plan", "apply": ["trim"]}, None, "pro"),
        ({"from": "traits.plan", "apply": ["trim", "upper"]}, None, "pro"),
        ({"from": "traits.text", "apply": ["parse_json"]}, None, "pro"),
        ({"from": "traits.text", "apply": ["parse_json", "trim", {"plus": 1}]}, None, "pro"),
        ({"from": "traits.text", "apply": [{"lookup": "plans"}]}, None, "pro"),
        ({"from": "traits.plan", "apply": ["trim"], "default": "free"}, "free", "free"),
        ({"first": [{"from": "traits.plan", "apply": ["trim"]}, "traits.n"]}, 1, 1),
        ({"list": [{"from": "traits.plan", "apply": ["trim"]}, "traits.n"]}, [1], [1]),
        ({"fields": {"x": {"from": "traits.plan", "apply": ["trim"]}, "n": "traits.n"}}, {"x": None, "n": 1}, {"n": 1}),
        ({"from": "traits.n", "apply": [{"plus": {"from": "traits.plan", "apply": ["number"], "default": 2}}]}, 3, 3),
    ],
    ids=str,
)
def test_a_null_passes_steps(value: Any, kept: Any, omitted: Any) -> None:
    """With `nulls: keep` a trait can be reset through steps too; with `omit` such a value sets nothing."""
    rule = {"identify": True, "traits": {"old": value}}
    words: JsonObject = {"type": "identify", "traits": {"plan": None, "text": "null", "old": "pro", "n": 1}}
    tables = {"plans": {"null": None}}
    for nulls, wanted in (("keep", kept), ("omit", omitted)):
        done = rendered(rule, settings={"nulls": nulls}, tables=tables, **words)
        assert isinstance(done, Calls)
        assert done.calls[0].body["traits"]["old"] == wanted
        assert {warned.kind for warned in done.warnings} <= {WarningKind.REPLACED, WarningKind.NOT_FLAT}


@pytest.mark.parametrize("nulls", ["keep", "omit"])
def test_a_null_is_not_enough_for_required(nulls: str) -> None:
    """Required means that there is something to send."""
    value = {"from": "traits.plan", "apply": ["trim"], "required": True}
    done = rendered(
        {"identify": True, "traits": {"plan": value}}, settings={"nulls": nulls}, type="identify", traits={"plan": None}
    )
    assert isinstance(done, Refused)


def test_flatten_of_settings_is_every_calls_own() -> None:
    """A call's own `flatten` wins over that of `settings`, also when it is false."""
    rules: list[JsonObject] = [{"send": [{"track": "A"}, {"track": "B", "flatten": False}]}]
    done = rendered(*rules, settings={"flatten": "_"}, properties={"o": {"x": 1}})
    assert isinstance(done, Calls)
    assert [call.body["properties"] for call in done.calls] == [{"o_x": 1}, {"o": {"x": 1}}]


EACH: JsonObject = {
    "track": "P",
    "each": "properties.l",
    "when": {"item.skip": {"not": True}},
    "properties": {"at": "index", "n": "properties.n"},
}


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ([{"id": 1}, {"skip": True}, None, {"id": 2}], [{"id": 1, "at": 0, "n": 9}, {"id": 2, "at": 3, "n": 9}]),
        ({"id": 1}, [{"id": 1, "at": 0, "n": 9}]),
        ('[{"id": 1}]', [{"id": 1, "at": 0, "n": 9}]),
    ],
)
def test_one_call_for_each_member(members: Any, result: list[JsonObject]) -> None:
    """Members are copied and can be asked; a single object is a list of one; null members make no call."""
    made = calls_of({"rules": [{"send": [EACH]}]}, properties={"l": members, "n": 9})
    assert [call.body["properties"] for call in made] == result
    assert [call.key for call in made] == [f"track/P/{number}" for number in range(len(result))]


@pytest.mark.parametrize("members", [None, [], [{"skip": True}]])
def test_no_call_left_is_dropped(members: Any) -> None:
    """An empty list and conditions that are all false end as dropped: no calls."""
    done = rendered({"name": "R", "send": [EACH]}, properties={"l": members})
    assert done == Dropped(Reason.NO_CALLS, "R", "every condition was false or the list empty")


@pytest.mark.parametrize(("limit", "members"), [(2, 2), (2, 5), (None, 500), (None, 501), (5000, 600)])
def test_more_than_max_calls_refuse_the_event(limit: int | None, members: int) -> None:
    """Nothing is half delivered: all calls up to the limit, none beyond, and the reason has both numbers."""
    rule = {"name": "R", "send": [{"track": "P", "each": "properties.l"}, {"track": "Q", "when": {"event": "X"}}]}
    settings = {"max_calls": limit} if limit else None
    done = rendered(rule, settings=settings, properties={"l": [{}] * members})
    allowed = limit or 500
    if members <= allowed:
        assert isinstance(done, Calls)
        assert len(done.calls) == members
    else:
        text = f"{members} calls are more than the {allowed} that `settings.max_calls` allows an event"
        assert done == Refused("R", (Problem("", "max_calls", text),))


def test_max_calls_counts_calls_of_all_blocks() -> None:
    """Also of blocks that make one call each."""
    rule = {"name": "R", "send": [{"track": name} for name in "PQS"]}
    text = "3 calls are more than the 2 that `settings.max_calls` allows an event"
    assert rendered(rule, settings={"max_calls": 2}) == Refused("R", (Problem("", "max_calls", text),))
    assert isinstance(rendered(rule, settings={"max_calls": 3}), Calls)


def test_keys_count_the_calls_of_one_name() -> None:
    """Of a name and kind, whichever block makes them."""
    rule = {"send": [{"track": "P", "each": "properties.l"}, {"track": "Q"}, {"track": "P"}, {"identify": True}]}
    done = rendered(rule, properties={"l": [{}] * 3})
    assert isinstance(done, Calls)
    keys = ["track/P/0", "track/P/1", "track/P/2", "track/Q/0", "track/P/3", "identify//0"]
    assert [call.key for call in done.calls] == keys


def test_one_reason_is_said_once() -> None:
    """An order of three products without anybody's id lacks one thing, not four."""
    rule = {"name": "R", "send": [{"track": "O"}, {"track": "P", "each": "properties.l"}]}
    done = rendered(rule, anonymousId=None, properties={"l": [{}, {}, {}]})
    assert isinstance(done, Refused)
    assert [problem.pointer for problem in done.problems] == ["/userId"]


@pytest.mark.parametrize(
    ("value", "result"),
    [("properties.id", "x"), ("properties.n", "5"), ("properties.o", "u"), ("properties.gone", "u"), (True, "u")],
)
def test_ids_can_be_overridden(value: Any, result: str) -> None:
    """An id is text or a number; anything else, and what is absent, leaves the message's own."""
    words = {"userId": "u", "properties": {"id": " x ", "n": 5.0, "o": {}}}
    (call,) = calls_of({"rules": [{"track": "T", "userId": value, "anonymousId": value}]}, **words)
    assert call.body["userId"] == result
    assert call.body["anonymousId"] == (result if result != "u" else "a")


IDS = {"userId": {"from": ["context.ids[type=b].id", "properties.id"]}, "anonymousId": "properties.anonymous"}


@pytest.mark.parametrize(
    ("own", "words", "result"),
    [
        ({}, {"context": {"ids": [{"type": "b", "id": 7}]}}, ("7", "a")),
        ({}, {"properties": {"id": "x", "anonymous": "y"}}, ("x", "y")),
        ({}, {"properties": {"id": {}}}, ("u", "a")),
        ({}, {"properties": {"id": "undefined"}}, ("u", "a")),
        ({"userId": "properties.other"}, {"properties": {"id": "x", "other": "z"}}, ("z", "a")),
        ({"userId": "properties.other"}, {"properties": {"id": "x"}}, ("x", "a")),
        ({"userId": "properties.other"}, {}, ("u", "a")),
    ],
    ids=str,
)
def test_one_id_for_all_rules(own: JsonObject, words: JsonObject, result: tuple[str, str]) -> None:
    """Identify, track and every call of an `each` have the same ids; a call's own goes before, the message's after."""
    sent: JsonObject = {"send": [
        {"identify": True, "copy": "none", **own}, {"track": "P", "each": "context.l", "copy": "none", **own},
    ]}  # fmt: skip
    words = {**words, "context": {"l": [{"id": 1}, {"id": 2}], **words.get("context", {})}}
    done = rendered(sent, settings=IDS, userId="u", **words)
    assert isinstance(done, Calls)
    assert [(call.body["userId"], call.body["anonymousId"]) for call in done.calls] == [result] * 3


def test_nobody_is_refused() -> None:
    """Browsee needs one of the two ids; an event without any is refused, not sent."""
    assert rendered({"name": "R", "track": "T"}, anonymousId=None) == Refused(
        "R", (Problem("/userId", "required", "neither `userId` nor `anonymousId` is there"),)
    )


@pytest.mark.parametrize(
    ("value", "result", "warns"),
    [("2024-01-02", "2024-01-02T00:00:00.000Z", False), ("soon", "2024-01-02T12:00:00.000Z", True),
    (None, "2024-01-02T12:00:00.000Z", False)],
)  # fmt: skip
def test_the_time_can_be_overridden(value: Any, result: str, warns: bool) -> None:
    """A date replaces the event's own instant; something else does not, and warns unless it is nothing."""
    done = rendered({"track": "T", "timestamp": "properties.at"}, properties={"at": value})
    assert isinstance(done, Calls)
    assert done.calls[0].body["timestamp"] == result
    assert bool(done.warnings) is warns


def test_one_refused_call_refuses_the_event() -> None:
    """`required` in the second call keeps the first one back, and every missing field is reported."""
    second = {"track": "B", "properties": {name: {"from": f"properties.{name}", "required": True} for name in "xy"}}
    done = rendered({"name": "R", "send": [{"track": "A"}, second]})
    assert isinstance(done, Refused)
    assert [(problem.pointer, problem.keyword) for problem in done.problems] == [
        ("/properties/x", "required"),
        ("/properties/y", "required"),
    ]


@pytest.mark.parametrize("name", [None, "", "  ", {}, []])
def test_an_event_name_is_never_empty(name: Any) -> None:
    """An absent, blank or structured name refuses the event."""
    done = rendered({"track": {"from": "properties.name"}}, properties={"name": name})
    assert isinstance(done, Refused)
    assert "event name" in done.problems[0].message


def test_a_very_long_event_name_is_cut_with_a_warning() -> None:
    """Nothing is silent, also what is cut."""
    done = rendered({"track": "{event}"}, event="x" * 600)
    assert isinstance(done, Calls)
    assert done.calls[0].body["event"] == "x" * 500
    assert [warned.cause for warned in done.warnings] == ["event name cut after 500 characters"]


def test_the_first_rule_that_fits_decides() -> None:
    """Order is the file's order, also where dispatch by name could find another rule first."""
    rules: list[JsonObject] = [
        {"when": {"event": {"like": "Order *"}, "properties.test": True}, "drop": "a test"},
        {"when": {"event": "Order Completed"}, "track": "DONE"},
        {"when": {"type": "track", "event": {"like": "Order *"}}, "track": "ORDER"},
        {"when": {"type": ["track", "page"]}, "track": "OTHER"},
    ]

    def name(**words: Any) -> Any:
        done = rendered(*rules, **words)
        return done.calls[0].body["event"] if isinstance(done, Calls) else done

    assert name(event="Order Completed", properties={"test": True}) == Dropped(Reason.BY_RULE, "rule 1", "a test")
    assert name(event="Order Completed") == "DONE"
    assert name(event="Order Completed", type="page") == "DONE"
    assert name(event="Order Updated") == "ORDER"
    assert name(event="Other") == "OTHER"
    assert name(event=["Other"]) == "OTHER"
    assert name(type="page", event=None) == "OTHER"
    assert name(type="group", event="Other") == Unmatched()
    assert name(type=7, event="Other") == Unmatched()


def test_sampling_is_decided_by_the_message() -> None:
    """About the share is kept; the same message always has the same fate; no later rule takes the rest."""
    rules: list[JsonObject] = [{"name": "R", "sample": 0.25, "track": "T"}, {"track": "LATER"}]
    text = ruleset(json.dumps({"version": 1, "rules": rules}))
    first = [text.render(event(messageId=f"m-{number}")) for number in range(400)]
    assert first == [text.render(event(messageId=f"m-{number}")) for number in range(400)]
    kept = [done for done in first if isinstance(done, Calls)]
    assert 60 < len(kept) < 140
    assert all(call.calls[0].body["event"] == "T" for call in kept)
    assert {done for done in first if isinstance(done, Dropped)} == {
        Dropped(Reason.SAMPLED, "R", "not in the 0.25 that are kept")
    }


@pytest.mark.parametrize(
    ("integrations", "dropped"),
    [({"Browsee": False}, True), ({"All": False}, False), ({"Browsee": {}}, False), ({"Browsee": 0}, False),
    (None, False)],
    ids=str,
)  # fmt: skip
def test_a_sender_can_switch_browsee_off(integrations: Any, dropped: bool) -> None:
    """Only `false` under that very name drops; `All: false` alone comes with replays and never does."""
    done = rendered({"track": "T"}, settings={"integration": "Browsee"}, integrations=integrations)
    assert isinstance(done, Dropped) is dropped
    assert not dropped or (isinstance(done, Dropped) and done.reason is Reason.INTEGRATIONS)


def test_identify_can_be_switched_off() -> None:
    """Identify calls are taken out; what is left keeps its keys, and nothing left is dropped with that reason."""
    both: JsonObject = {"name": "R", "send": [{"identify": True}, {"track": "T"}, {"identify": True}]}
    on, off = rendered(both), rendered(both, options={"identify": False})
    assert isinstance(on, Calls)
    assert isinstance(off, Calls)
    assert [call.key for call in on.calls] == ["identify//0", "track/T/0", "identify//1"]
    assert off.calls == (on.calls[1],)
    only = rendered({"name": "R", "identify": True}, options={"identify": False})
    assert isinstance(only, Dropped)
    assert (only.reason, only.rule) == (Reason.IDENTIFY_OFF, "R")


def test_vars_are_overridden_by_the_settings() -> None:
    """The server's value wins in the rules; the version tells the two apart."""
    rule = {"track": "{vars.name}"}
    text = json.dumps({"version": 1, "vars": {"name": "A"}, "rules": [rule]})
    own, other = ruleset(text), ruleset(text, vars={"name": "B"})
    done = other.render(event())
    assert isinstance(done, Calls)
    assert done.calls[0].body["event"] == "B"
    assert own.version != other.version


def test_the_version_is_what_the_mapping_does() -> None:
    """Comments, layout and tests do not count; a rule does."""
    text = "version: 1\nrules:\n  - track: T\n"
    other = "# why\nrules: [{track: T}]\nversion: 1\ntests: [{name: n, given: {}, expect: [{track: T}]}]\n"
    assert ruleset(text).version == ruleset(other).version
    assert len(ruleset(text).version) == 12
    assert ruleset(text.replace("T\n", "U\n")).version != ruleset(text).version


def test_warnings_and_refusals_name_the_field_as_its_author_does() -> None:
    """The place says rule and field, through shared blocks as well; a refusal names the field, not the fallback."""
    mapping: JsonObject = {
        "version": 1,
        "shared": {"amounts": {"tax": {"from": "properties.tax", "apply": ["number"]}}},
        "rules": [{"name": "R", "send": [{"track": "T", "use": ["amounts"]}]}],
    }
    done = ruleset(json.dumps(mapping)).render(event(properties={"tax": "x"}))
    assert isinstance(done, Calls)
    assert [(warned.rule, warned.field) for warned in done.warnings] == [("R", "rules.0.send.0.use.amounts.tax")]
    needed = {"first": [{"from": "properties.a", "required": True}]}
    refused = rendered({"track": "T", "properties": {"total": needed}})
    assert isinstance(refused, Refused)
    assert refused.problems[0].message == "`total` is required and absent (read from properties.a)"


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["a", " b "], {"a": 1, "b": {"c": 2}}), ("a", {"a": 1}), (["b.c", 5, None], {"b": {"c": 2}}),
        (["?"], {"a": 1, "b": {"c": 2}}),
        (["x"], {}), ([], {}), (None, {}), ({"a": 1}, {}), (["["], {}), ([""], {}), (["."], {}),
        (["a"] * 201, {}), (["a" + "*" * 100], {}),
    ],
)  # fmt: skip
def test_only_can_read_its_names(names: Any, kept: JsonObject) -> None:
    """From a table, for example. Names that cannot be read keep nothing: a plan lets nothing through by mistake."""
    rules = [{"track": "T", "only": {"from": "context.names"}}]
    sent = calls_of({"rules": rules}, properties={"a": 1, "b": {"c": 2}}, context={"names": names})
    assert sent[0].body.get("properties", {}) == kept

"""Values: paths, text, fallbacks, defaults; missing is not null, and empty is not missing."""

import json
from typing import Any

import pytest

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import json_of, same
from adapter.model import Refused
from tests.unit.mapping.reading import calls_of, event, ruleset, value_of

PROPERTIES = {
    "a": {"b": {"c": 1}, "d": "x", "list": [[1, 2], [3]]},
    "a.b": 2,
    "Order ID": "o-1",
    "zero": 0,
    "empty": "",
    "no": False,
    "null": None,
    "l": [{"id": 1, "t": "x"}, {"t": "y"}, {"id": 3, "t": "y"}, 5],
    "n": 5.0,
    "o": {"p": 1, "q": 2},
    "ids": [{"type": 7, "id": "seven"}],
    "php": {"0": {"id": "a"}, "1": {"id": "b"}},
}


ODD = {"properties.l[*].t.0": "a text with letters is not a list", "properties.n.0": "a number is not a list"}
"""Causes of warnings, by path."""


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("properties.a.b.c", 1), ('properties."a.b"', 2), ("properties.Order ID", "o-1"),
        ("properties.a.d.length", ABSENT),
        ("properties.null", None), ("properties.null.x", ABSENT), ("properties.gone", ABSENT),
        ("properties.a.__class__", ABSENT),
        ("properties.l[0].id", 1), ("properties.l[-1]", 5), ("properties.l[9]", ABSENT), ("properties.l[-9]", ABSENT),
        ("properties.l[*].id", [1, 3]), ("properties.l[*].gone", []), ("properties.a[*].d", ["x"]),
        ("properties.a[0].d", "x"), ("properties.a[d=x].d", "x"),
        ("properties.l.0.id", 1), ("properties.l.3", 5), ("properties.l.9.id", ABSENT), ("properties.php.1.id", "b"),
        ("properties.l[*].t.0", []), ("properties.n.0", ABSENT), ("properties.o.0", ABSENT),
        ("properties.l[t=y].id", ABSENT), ('properties.l[t="x"].id', 1), ("properties.ids[type=7].id", "seven"),
        ("properties.o.*", [1, 2]), ("properties.l.*", ABSENT), ("properties.a.list[*][*]", [1, 2, 3]),
        ("event", "E"), ("raw.event", "E"), ("messageId", "m-1"), ("traits", ABSENT), ("context.gone.more", ABSENT),
    ],
)  # fmt: skip
def test_paths(path: str, result: Any) -> None:
    """A path reads members of objects and lists, and nothing else; what is not there is absent."""
    found, warnings = value_of(path, properties=PROPERTIES)
    assert same(found, result) or found is result
    assert warnings == [cause for place, cause in ODD.items() if path == place]


@pytest.mark.parametrize(
    "path", ["properties.l.id", "properties.deep.l.id", "properties.deep.l.id.x", "properties.l.01"]
)
def test_a_name_below_a_list_is_absent_and_says_how_to_read_the_members(path: str) -> None:
    """The most common wrong path; a list that spread by itself would hide a typo."""
    found, [warning] = value_of(path, properties={**PROPERTIES, "deep": PROPERTIES})
    assert found is ABSENT
    name = "01" if path.endswith("01") else "id"
    assert warning == f"a list has no `{name}`; `{path[: path.index('l.') + 1]}[*].{name}` reads that of every member"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{properties.zero}/{properties.n}", "0/5"), ("{properties.no}", "false"), ("{properties.empty}!", "!"),
        ("{properties.null}!", ABSENT), ("{properties.gone}!", ABSENT), ("{properties.o}", ABSENT),
        ("{properties.l}x", ABSENT), ("{{{properties.zero}}}", "{0}"), ("plain", "plain"), ("", ""),
        ('{properties."a.b"} {properties.Order ID}', "2 o-1"), ("{{}}", "{}"),
    ],
)  # fmt: skip
def test_texts(text: str, result: Any) -> None:
    """Placeholders are filled in as they print; one that is absent, null, a list or an object makes no text."""
    found, _ = value_of({"text": text}, properties=PROPERTIES)
    assert same(found, result) or found is result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"from": ["properties.gone", "properties.null", "properties.zero", "properties.n"]}, 0),
        ({"from": ["properties.null"]}, ABSENT), ({"from": "properties.null"}, None),
        ({"first": [{"text": "{properties.gone}"}, {"value": False}]}, False),
        ({"list": ["properties.gone", "properties.null", "properties.zero"]}, [0]),
        ({"list": ["properties.null"]}, ABSENT),
        ({"list": ["properties.gone"]}, ABSENT),
        ({"fields": {"z": "properties.zero", "g": "properties.gone"}}, {"z": 0}),
        ({"fields": {"g": "properties.gone"}}, ABSENT),
        ({"value": None}, None), ({"value": {"a": [1]}}, {"a": [1]}), (5, 5), (True, True),
        ({"from": "properties.null", "default": 0}, 0), ({"from": "properties.gone", "default": ""}, ""),
        ({"from": "properties.gone", "default": None}, None), ({"from": "properties.zero", "default": 7}, 0),
        ({"from": "properties.empty", "default": 7}, ""),
        ({"from": "properties.a.d", "apply": ["number"], "default": 0}, 0),
        ({"value": 1, "when": {"event": "X"}}, ABSENT), ({"value": 1, "when": {"event": "X"}, "default": 2}, 2),
        ({"from": "properties.zero", "required": True}, 0), ({"from": "properties.gone", "required": False}, ABSENT),
    ],
    ids=str,
)  # fmt: skip
def test_fallbacks(value: Any, result: Any) -> None:
    """Fallbacks skip null and what is missing, never 0, false or an empty text."""
    found, _ = value_of(value, properties=PROPERTIES)
    assert same(found, result) or found is result


@pytest.mark.parametrize(
    ("own", "remembered", "kind", "result"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, "track", {"a": 1, "b": 3}),
        (None, {"b": 3}, "identify", {"b": 3}),
        ({"a": 1}, None, "page", {"a": 1}),
        ({"a": 1}, {"b": 3}, "group", {"a": 1}),
        (None, {"b": 3}, "group", None),
    ],
)
def test_traits_are_read_in_both_places(own: Any, remembered: Any, kind: str, result: Any) -> None:
    """`traits` is `context.traits` overlaid by `traits`; a group's traits are the group's alone."""
    found, _ = value_of("traits", type=kind, traits=own, context={"traits": remembered})
    assert found == result


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("1,234.50", "`v` is required: `number`: a text with a comma is not a number (read from properties.x)"),
        (None, "`v` is required and absent (read from properties.x)"),
        ("", "`v` is required: `number`: an empty text is not a number (read from properties.x)"),
    ],
)
def test_a_required_value_that_was_sent_is_not_called_absent(sent: Any, why: str) -> None:
    """The reason names the step that could not use it, and what it found."""
    value = {"from": "properties.x", "apply": ["number"], "required": True}
    rules = ruleset(json.dumps({"version": 1, "rules": [{"track": "T", "properties": {"v": value}}]}))
    done = rules.render(event(properties={"x": sent}))
    assert isinstance(done, Refused)
    assert [problem.message for problem in done.problems] == [why]


@pytest.mark.parametrize(
    "path",
    ["name", "properties.a", "properties.o.a", "properties.o.p.a", "traits.a", "traits.o.a", "raw.properties.a",
     "item.a", "item.o.a", "derived.d", "derived.o.a", "vars.v", "properties.l[0]", "properties.l[0].a",
     "properties.o[*].a"],
)  # fmt: skip
@pytest.mark.parametrize("blank", ["", " ", "\u2003\n"])
def test_blank_text_at_any_path_is_absent_where_blanks_are_omitted(path: str, blank: str) -> None:
    """Whatever way leads there a default takes its place; a list of blanks is a list. Else blank text is a value."""
    leaf = {"a": blank, "o": {"a": blank, "p": {"a": blank}}}
    members: list[Any] = [blank] if path == "properties.l[0]" else [{"a": blank, "o": {"a": blank}}]
    sent = {"name": blank, "properties": {**leaf, "l": members, "b": blank}, "traits": leaf}
    mapping = {
        "vars": {"v": blank},
        "derived": {"d": "properties.b", "o": "properties.o"},
        "rules": [
            {
                "track": "T",
                "copy": "none",
                **({"each": "properties.l"} if path.startswith("item") else {}),
                "properties": {"v": {"from": path, "default": "default"}, "used": {"value": 1}},
            }
        ],
    }
    (omitted,) = calls_of({"settings": {"blanks": "omit"}, **mapping}, **sent)
    (kept,) = calls_of(mapping, **sent)
    is_list = "*" in path
    assert omitted.body["properties"] == {"v": [blank] if is_list else "default", "used": 1}
    assert kept.body["properties"] == {"v": [blank] if is_list else blank, "used": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (-0.0, "0"),
        (10.05, "10.05"),
        (9007199254740991.0, "9007199254740991"),
        (9007199254740992.0, "9007199254740992.0"),
        (True, "true"),
        ("5.0", '"5.0"'),
        ([{"price": 19.0, "was": 19.5, "id": "1.0"}, [0.05, 2.0]], '[{"price":19,"was":19.5,"id":"1.0"},[0.05,2]]'),
        ({"n": [None, {"1.0": 1}]}, '{"n":[null,{"1.0":1}]}'),
    ],
)
def test_a_whole_float_is_written_as_an_integer(value: Any, text: str) -> None:
    """At every depth, up to the last number that a float holds exactly; texts and keys that look alike stay."""
    assert json_of(value) == text

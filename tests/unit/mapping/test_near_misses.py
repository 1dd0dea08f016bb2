"""An event that no rule takes, and a test that fails: what the event itself says about it."""

import json
from typing import Any

import pytest

from adapter.mapping.load import check
from adapter.model import Unmatched
from tests.unit.mapping.reading import event, read, ruleset

NEAR = [
    ({"properties.v": {"above": 100}}, "150", "is a text, and numbers are compared with numbers"),
    ({"properties.v": 5}, "5.0", "with `number`"),
    ({"properties.v": [1, 5]}, "5", "with `number`"),
    ({"properties.v": True}, "true", "with `boolean`"),
    ({"properties.v": False}, "no", "with `boolean`"),
    ({"properties.v": "5"}, 5, "without quotes"),
    ({"properties.v": {"in": ["pro", "team"]}}, "Pro ", "case or white space"),
    ({"properties.v": "a"}, ["a", "b"], "write `contains`"),
    ({"properties.v.price": {"above": 1}}, [{"price": 5}], "`properties.v[*].price`"),
    ({"properties.v.length": {"above": 1}}, [1, 2], "the step `count`"),
    ({"any": [{"properties.w": 1}, {"properties.v": 5}]}, "5", "with `number`"),
]
"""A condition, the value of `properties.v`, and the words of the hint."""

FAR = [
    ({"properties.v": {"above": 100}}, 50), ({"properties.v": {"above": 100}}, "many"), ({"properties.v": "a"}, "b"),
    ({"properties.v": True}, "no"), ({"properties.v": None}, "x"), ({"properties.v": {"like": "a*"}}, "b"),
    ({"not": {"properties.v": 5}}, 5), ({"properties.v": {"exists": False}}, "x"), ({"properties.gone.x": 1}, 1),
]  # fmt: skip


def hint(when: Any, value: Any) -> str:
    rules = {"version": 1, "rules": [{"name": "near", "when": {"event": "E", **when}, "track": "T"}]}
    mapping, asked = ruleset(json.dumps(rules)), event(properties={"v": value})
    assert isinstance(mapping.render(asked), Unmatched)
    return mapping.hint(asked)


@pytest.mark.parametrize(("when", "value", "helps"), NEAR)
def test_the_hint_of_an_unmatched_event_names_what_nearly_fits(when: Any, value: Any, helps: str) -> None:
    """With its rule, and without the value."""
    said = hint(when, value)
    assert said.startswith("'near' (line 1): `properties.v")
    assert helps in said


@pytest.mark.parametrize(("when", "value"), FAR)
def test_what_is_far_from_a_rule_has_no_hint(when: Any, value: Any) -> None:
    """Advice that leads astray costs more than none."""
    assert hint(when, value) == "'near' (line 1) has this name; another line of it does not match"


def test_a_hint_sees_the_event_as_rules_do() -> None:
    """After `privacy` and `prepare`."""
    rules = {"version": 1, "prepare": [{"fields": ["properties.v"], "do": ["number"]}],
             "rules": [{"when": {"properties.v": {"above": 100}}, "track": "T"}]}  # fmt: skip
    assert ruleset(json.dumps(rules)).hint(event(properties={"v": "50"})) == ""


@pytest.mark.parametrize(
    ("rule", "expect", "helps"),
    [
        ("when: {properties.v: {above: 9}}\n    track: T", "[{track: T}]", "convert it in `prepare`"),
        ("track: T\n    properties: {w: {from: properties.v, apply: [{times: properties.gone}]}}",
         "[{properties: {v: '12', w: 12}}]", "properties.w: `times`: a text is not a number"),
        ("track: T\n    timestamp: {value: 5}", "[{timestamp: x}]", "timestamp: "),
    ],
)  # fmt: skip
def test_a_failed_test_says_what_the_event_says(rule: str, expect: str, helps: str) -> None:
    """The reason stands behind the difference."""
    test = f"  - {{name: n, given: {{event: E, properties: {{v: '12'}}}}, expect: {expect}}}\n"
    findings = check(f"version: 1\nrules:\n  - {rule}\ntests:\n{test}", file="f.yaml", read=read)
    [failed] = [found.message for found in findings if found.blocks]
    assert helps in failed

"""Conditions: what each check takes, and that nothing equals what only looks like it."""

import json
from typing import Any

import pytest

from adapter.model import Calls, JsonObject
from tests.unit.mapping.reading import event, read, ruleset

MISSING = object()
TABLES: JsonObject = {"names": {"a": 1, "5": 2}}


def holds(check: Any, value: Any) -> bool:
    """Whether `properties.v: check` holds for a value."""
    return condition_holds({"properties.v": check}, properties={} if value is MISSING else {"v": value})


def condition_holds(condition: Any, **words: Any) -> bool:
    rules = [{"when": condition, "track": "T"}, {"when": {"event": {"in": "names"}}, "drop": True}]
    text = {"version": 1, "tables": TABLES, "rules": rules}
    return isinstance(ruleset(json.dumps(text)).render(event(**words)), Calls)


@pytest.mark.parametrize(
    ("check", "fitting", "others"),
    [
        (5, [5, 5.0], ["5", True, None, MISSING, [5], float("1e400")]),
        (1, [1], [True, "1"]),
        ("5", ["5"], [5, None, MISSING]),
        (True, [True], [1, "true", False]),
        (None, [None], [MISSING, 0, "", False]),
        (["a", 5, None], ["a", 5, None], ["5", MISSING, "b", ["a"]]),
        ({"is": 0}, [0, 0.0], [False, "", None]),
        ({"in": ["a", 5]}, ["a", 5], ["5"]),
        ({"in": "names"}, ["a", "5"], [5, "b", MISSING]),
        ({"not": 5}, ["5", None, MISSING, True], [5, 5.0]),
        ({"not": ["a", "b"]}, ["c", MISSING], ["a", "b"]),
        ({"like": "a*d"}, ["ad", "abcd", "a\nd"], ["abcde", "Ad", 5, None, MISSING]),
        ({"like": ["a?", "*z"]}, ["ab", "z"], ["a", "abc", ["ab"]]),
        ({"like": "a.b"}, ["a.b"], ["axb"]),
        ({"regex": "^[0-9]+$"}, ["12"], ["1a", 12, MISSING]),
        ({"contains": "b"}, ["abc", ["b"]], ["B", ["bc"], {"b": 1}, 5, MISSING]),
        ({"contains": [5, "x"]}, [[5.0], "axe"], [["5"], "5", 5]),
        ({"exists": True}, [0, "", False, []], [None, MISSING]),
        ({"exists": False}, [None, MISSING], [0, "", False]),
        ({"above": 5}, [5.1], [5, "6", True, None, MISSING]),
        ({"at_least": 5}, [5, 6], [4.9, "5"]),
        ({"below": 5}, [4], [5, False, "4"]),
        ({"at_most": 5}, [5, -1], [5.1, None]),
        ({"above": 1, "below": 5}, [3], [1, 5]),
    ],
    ids=str,
)
def test_checks(check: Any, fitting: list[Any], others: list[Any]) -> None:
    """A check takes exactly these; of kinds other than its own it takes none."""
    assert [value for value in fitting if not holds(check, value)] == []
    assert [value for value in others if holds(check, value)] == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"type": "track", "event": "E"}, True),
        ({"type": "track", "event": "E", "properties.a": 1}, True),
        ({"type": "track", "event": "E", "properties.a": 2}, False),
        ({"any": [{"event": "X"}, {"properties.a": 1}]}, True),
        ({"any": [{"event": "X"}, {"properties.a": 2}]}, False),
        ({"all": [{"event": "E"}, {"properties.a": 1}]}, True),
        ({"not": {"properties.b": 1}}, True),
        ({"not": {"event": "E", "properties.a": 1}}, False),
        ({"not": {"any": [{"event": "X"}, {"not": {"type": "page"}}]}}, False),
        ({"type": "page"}, False),
        ({"properties.l[*].x": {"contains": 2}}, True),
        ({"properties.l[-1].x": 2}, True),
        ({"properties.l[x=2].x": {"exists": True}}, True),
        ({"traits.plan": "pro"}, True),
        ({"raw.properties.a": 1}, True),
    ],
    ids=str,
)
def test_lines_are_anded_and_words_nest(condition: JsonObject, expected: bool) -> None:
    """Lines of one block all have to hold; any, all and not nest freely, and not is the exact complement."""
    words = {"properties": {"a": 1, "l": [{"x": 1}, {"x": 2}]}, "context": {"traits": {"plan": "pro"}}}
    assert condition_holds(condition, **words) is expected
    assert condition_holds({"not": condition}, **words) is not expected


def test_the_whole_message_can_be_asked() -> None:
    """Every root reads its own member of the message."""
    message = {"type": "track", "event": "E", "groupId": "g", "channel": "web", "anonymousId": "a"}
    text = "version: 1\nrules:\n  - when: {groupId: g, channel: web, raw.channel: web}\n    track: T\n"
    assert isinstance(ruleset(text).render(read(message)), Calls)

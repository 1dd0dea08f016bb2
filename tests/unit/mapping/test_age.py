"""How old an event is at its receipt: the condition `age`, and the limit of a source."""

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from adapter.mapping.load import check
from adapter.model import Calls, Dropped, Event, JsonObject, Reason
from tests.unit.mapping.reading import event, read, ruleset

RULES = """
version: 1
rules:
  - name: History
    when: {age: {over: 7d}}
    drop: old
  - name: Rest
    track: T
"""


def aged(**age: float) -> Event:
    found = event()
    return replace(found, timestamp=found.received_at - timedelta(**age))


@pytest.mark.parametrize(
    ("age", "is_old"),
    [
        ({"days": 7}, False),
        ({"days": 7, "seconds": 1}, True),
        ({}, False),
        ({"days": -1}, False),
        ({"days": 99}, True),
    ],
)
def test_an_age_is_that_at_receipt(age: dict[str, float], is_old: bool) -> None:
    """Receipt less the time of the event, so that it is the same at every try and in `explain`."""
    found = ruleset(RULES).render(aged(**age))
    assert isinstance(found, Dropped if is_old else Calls)


def test_an_age_stands_beside_other_lines() -> None:
    """With `not`, `any`, another line, and in calls and values."""
    when: JsonObject = {"type": "track", "not": {"age": {"over": "1h"}}}
    rule = {
        "when": when,
        "send": [
            {"track": "Old", "when": {"any": [{"age": {"over": "30m"}}, {"event": "never"}]}},
            {"track": "New", "properties": {"late": {"value": True, "when": {"age": {"over": "90s"}}}}},
        ],
    }
    mapping = ruleset(json.dumps({"version": 1, "rules": [rule, {"drop": "rest"}]}))

    def names(found: Event) -> list[tuple[str, Any]]:
        rendered = mapping.render(found)
        calls = rendered.calls if isinstance(rendered, Calls) else ()
        return [(call.body["event"], call.body.get("properties")) for call in calls]

    assert names(aged(minutes=1)) == [("New", None)]
    assert names(aged(minutes=31)) == [("Old", None), ("New", {"late": True})]
    assert names(aged(minutes=61)) == []


@pytest.mark.parametrize(
    ("age", "code"),
    [
        ({"over": "7"}, "E131"), ({"over": 7}, "E131"), ({"over": "0d"}, "E131"), ({"over": ""}, "E131"), ({}, "E108"),
        ("7d", "E131"), ({"over": "7d", "under": "8d"}, "E130"), ({"above": "7d"}, "E130"),
        ({"over": "999999999999d"}, "E131"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_age_is_an_error(age: Any, code: str) -> None:
    """With the place, and with what is allowed."""
    text = json.dumps({"version": 1, "rules": [{"when": {"age": age}, "track": "T"}]})
    assert code in [finding.code for finding in check(text, file="test.yaml", read=read)]


def test_a_tests_event_is_received_when_it_happened() -> None:
    """Or when `receivedAt` says: a file's tests give the same answer for ever."""
    tests = [
        {"name": "new", "given": {"event": "E"}, "expect": [{"track": "T"}]},
        {"name": "old", "given": {"timestamp": "2024-01-01", "receivedAt": "2024-01-09"}, "expect": {"drop": "old"}},
        {
            "name": "not old",
            "given": {"timestamp": "2024-01-01", "receivedAt": "2024-01-08"},
            "expect": [{"track": "T"}],
        },
    ]
    assert check(RULES + f"tests: {json.dumps(tests)}\n", file="test.yaml", read=read) == []


def test_a_source_has_a_limit_of_age() -> None:
    """Beyond it an event makes no call, whatever the rules say; the version tells that there is one."""
    text = json.dumps({"version": 1, "rules": [{"track": "T"}]})
    limited, free = ruleset(text, max_age_s=30 * 86_400.0), ruleset(text)
    found = limited.render(aged(days=30, seconds=1))
    assert isinstance(found, Dropped)
    assert found.reason is Reason.TOO_OLD
    assert isinstance(limited.render(aged(days=30)), Calls)
    assert isinstance(free.render(aged(days=900)), Calls)
    assert limited.version != free.version


@pytest.mark.parametrize("said", [{"browsee": False}, {"Browsee": "false"}, {"BROWSEE": " False "}], ids=str)
def test_a_mappings_integration_is_compared_without_case(said: JsonObject) -> None:
    """As libraries write it; `All` is for platforms to judge."""
    mapping = ruleset(json.dumps({"version": 1, "settings": {"integration": "Browsee"}, "rules": [{"track": "T"}]}))
    assert isinstance(mapping.render(event(integrations=said)), Dropped)
    assert isinstance(mapping.render(event(integrations={"All": False, "browsee": {}})), Calls)

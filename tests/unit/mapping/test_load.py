"""Loading: in-file tests keep a broken file from going live, and dispatch keeps many rules cheap."""

import json
import timeit
from functools import partial
from typing import Any

import pytest

from adapter.errors import MappingError
from adapter.files.document import read_document
from adapter.mapping.load import check, load
from adapter.mapping.schema import refusals_of
from adapter.model import Calls
from tests.unit.mapping.reading import event, read, ruleset

PAGE = """version: 1
rules:
  - name: A page
    when: {type: page}
    track: PAGE_VIEWED
    properties:
      url: {from: properties.url, apply: [strip_query]}
tests:
  - name: query is cut
    given: {type: page, properties: {url: "https://a.test/x?y=1"}}
    expect: [{track: PAGE_VIEWED, properties: {title: Home, url: "https://a.test/x?y=1"}}]
"""


def test_a_failing_test_points_at_the_expectation() -> None:
    """Place, test, call and field; what was expected and what came; and the file is not used."""
    (failed,) = [finding for finding in check(PAGE, file="page.yaml", read=read) if finding.blocks]
    assert failed.headline == (
        "page.yaml:11:55: test failed: query is cut: call 1, properties: title: expected 'Home', got '(absent)'; "
        "url: expected 'https://a.test/x?y=1', got 'https://a.test/x'"
    )
    with pytest.raises(MappingError, match="query is cut"):
        load(PAGE, file="page.yaml", read=read, hash_key=None)


@pytest.mark.parametrize(
    ("given", "expect", "words"),
    [
        ({"type": "page"}, [{"track": "X"}], "call 1, track: expected 'X', got 'PAGE_VIEWED'"),
        ({"type": "page"}, [{"identify": True}], "expected true, got '(absent)'"),
        ({"type": "page"}, [{"track": "PAGE_VIEWED"}] * 2, "expected 2 calls, got 1 call (PAGE_VIEWED)"),
        ({"type": "page"}, {"drop": True}, "expected drop, got 1 call (PAGE_VIEWED)"),
        ({"type": "page"}, {"unmatched": True}, "expected unmatched"),
        ({"type": "group"}, [{"track": "T"}], "expected 1 call, got unmatched: no rule takes it"),
        (
            {"type": "page", "anonymousId": None},
            {"reject": "total"},
            "expected 'total' in the reason, got rejected: neither",
        ),
        ({"type": "page"}, [{"timestamp": "x"}], "expected 'x', got '2024-01-02T03:04:05.678Z'"),
        ({"type": "page", "userId": "u"}, [{"userId": None}], "expected null, got 'u'"),
        ({"type": "page", "properties": {"n": True}}, [{"properties": {"n": 1}}], "n: expected 1, got true"),
    ],
    ids=str,
)
def test_every_way_a_test_can_fail(given: Any, expect: Any, words: str) -> None:
    """The text says what was expected and what came instead."""
    text = PAGE[: PAGE.index("tests:")] + "tests: " + json.dumps([{"name": "n", "given": given, "expect": expect}])
    (failed,) = [finding for finding in check(text, file="f.yaml", read=read) if finding.blocks]
    assert words in failed.message


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ({"type": "page"}, [{"track": "PAGE_VIEWED"}]),
        ({"type": "page", "userId": "u"}, [{"userId": "u", "anonymousId": "test-anon"}]),
        ({"type": "page"}, [{"properties": {}, "userId": None}]),
        ({"type": "page", "properties": {"n": 5.0}}, [{"properties": {"n": 5}}]),
        ({"type": "page", "anonymousId": None}, {"reject": "userId"}),
        ({"type": "group"}, {"unmatched": True}),
    ],
    ids=str,
)
def test_keys_that_are_not_written_are_not_looked_at(given: Any, expect: Any) -> None:
    """What is written is compared exactly; null stands for an id that is not there."""
    text = PAGE[: PAGE.index("tests:")] + "tests: " + json.dumps([{"name": "n", "given": given, "expect": expect}])
    assert [finding for finding in check(text, file="f.yaml", read=read) if finding.blocks] == []


def test_notes_say_what_no_test_reaches_and_no_rule_takes() -> None:
    """Notes are for the author and block nothing."""
    notes = [finding.message for finding in check(PAGE.replace("title: Home, ", ""), file="f.yaml", read=read)]
    assert "no rule handles: track, identify, screen, group, alias" in notes
    text = "version: 1\nrules:\n  - {name: R, track: T}\ntests: [{name: n, given: {}, expect: [{track: T}]}]\n"
    assert check(text, file="f.yaml", read=read) == []
    text = text.replace("{name: R", "{when: {type: page}, name: R").replace("[{track: T}]}]", "{unmatched: true}}]")
    unreached = check(text, file="f.yaml", read=read)
    assert "no test reaches 'R'" in [finding.message for finding in unreached]


def test_the_schema_is_the_net_under_the_compiler() -> None:
    """What the schema refuses is reported with its place, even if the compiler had overlooked it."""
    document = read_document("version: 1\nrules:\n  - track: 5\n", file="f.yaml")
    assert [(finding.code, finding.line) for finding in refusals_of(document)] == [("E109", 3)]


def rules_for(count: int, *, check: str = '"Event {number}"') -> str:
    events = [json.loads(check.replace("{number}", str(number))) for number in range(count)]
    rules: list[Any] = [{"when": {"type": "track", "event": event}, "track": "E"} for event in events]
    return json.dumps({"version": 1, "rules": [*rules, {"when": {"type": "track", "event": "Order"}, "track": "O"}]})


@pytest.mark.parametrize(
    "check",
    ['"Event {number}"', '{"like": "Event {number}: *"}', '{"like": "* of event {number}"}',
     '{"like": ["{number}*", "*{number}"]}'],
    ids=["names", "beginnings", "ends", "both"],
)  # fmt: skip
def test_a_thousand_rules_cost_what_ten_cost(check: str) -> None:
    """Rules that pin type and name are found by look-up: at most half as much again for a hundred times the rules."""
    few, many = (ruleset(rules_for(count, check=check)) for count in (10, 1000))
    order = event(event="Order")
    assert isinstance(many.render(order), Calls)
    # Interleaved minima, because other work on the machine comes and goes.
    times = [[timeit.timeit(partial(rules.render, order), number=500) for rules in (few, many)] for _ in range(15)]
    assert min(time[1] for time in times) <= 1.5 * min(time[0] for time in times)

"""Conditions: what each check takes, and that nothing equals what only looks like it."""

import json
import re
from itertools import product
from typing import Any

import pytest

from adapter.mapping.run.ruleset import Ruleset
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


def _id(value: Any) -> str:
    """The id of a parameter: the same in every process, which the address of `MISSING` is not."""
    return re.sub(r"<object object at 0x[0-9a-f]+>", "MISSING", str(value))


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
    ids=_id,
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


SPELLINGS = [
    "Order Completed",
    "order completed",
    "order_completed",
    "orderCompleted",
    "ORDER-COMPLETED",
    " Order Completed ",
]


@pytest.mark.parametrize(
    "check",
    [
        "Order Completed", ["Order Completed", "x"], {"is": "order_completed"}, {"in": ["orderCompleted"]},
        {"in": "events"}, {"in": "events", "ignore_case": True}, {"in": "events", "like": "*"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("nested", [False, True], ids=["dispatched", "asked"])
def test_folded_names_are_compared_by_their_words(check: Any, nested: bool) -> None:
    """`names: folded` decides about the path `event`, whether dispatch answers or the condition is asked."""
    rules = ruleset(json.dumps({
        "version": 1, "settings": {"names": "folded"}, "tables": {"events": {"Order Completed": 1, "5": 2}},
        "rules": [{"when": {"any": [{"event": check}]} if nested else {"event": check}, "track": "T"},
                  {"when": {"event": {"in": "events"}}, "drop": True}],
    }))  # fmt: skip
    for name in SPELLINGS:
        assert isinstance(rules.render(event(event=name)), Calls), name
    for other in ["ordercompleted", "Completed Order", "Order", "", None, 5, ["Order Completed"]]:
        assert not isinstance(rules.render(event(event=other)), Calls), other


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"event": {"like": "Order Completed"}}, {"event": "order_completed"}),
        ({"event": {"regex": "^Order Completed$"}}, {"event": "order_completed"}),
        ({"event": {"contains": "Order Completed"}}, {"event": "order_completed"}),
        ({"name": "Order Completed"}, {"name": "order_completed"}),
        ({"raw.event": "Order Completed"}, {"event": "order_completed"}),
        ({"properties.event": {"in": ["Order Completed"]}}, {"properties": {"event": "order_completed"}}),
    ],
    ids=str,
)
def test_nothing_else_is_folded(condition: Any, words: JsonObject) -> None:
    """Patterns and all other paths see the text as it was sent."""
    text = {"version": 1, "settings": {"names": "folded"}, "rules": [{"when": condition, "track": "T"}]}
    assert not isinstance(ruleset(json.dumps(text)).render(event(**words)), Calls)


def test_names_are_exact_unless_the_file_says_otherwise() -> None:
    """What was accepted keeps its meaning."""
    assert not condition_holds({"event": "Order Completed"}, event="order_completed")


def test_the_complement_of_a_folded_name_is_exact() -> None:
    """`not` leaves out every spelling of a name."""
    text = {"version": 1, "settings": {"names": "folded"}, "rules": [{"when": {"event": {"not": "A B"}}, "track": "T"}]}
    rules = ruleset(json.dumps(text))
    assert [isinstance(rules.render(event(event=name)), Calls) for name in ("a_b", "ab", 5)] == [False, True, True]


def test_the_first_rule_of_a_folded_name_decides() -> None:
    """Dispatch keeps the order of the file among all spellings of a name."""
    rules = ruleset(json.dumps({
        "version": 1, "settings": {"names": "folded"},
        "rules": [{"when": {"event": "A B", "properties.x": 1}, "track": "ONE"},
                  {"when": {"event": "a_b"}, "track": "TWO"}, {"track": "THREE"}],
    }))  # fmt: skip
    names = [rules.render(event(event=name, properties={"x": x})) for name in ("aB", "A B", "a_b") for x in (1, 2)]
    assert [done.calls[0].body["event"] for done in names if isinstance(done, Calls)] == ["ONE", "TWO"] * 3


@pytest.mark.parametrize(
    ("value", "steps", "wanted"),
    [
        ("event", [{"lookup": "t"}], "Yes"),
        (["event"], [{"lookup": {"in": "t", "else": "omit"}}], "Yes"),
        ("event", ["trim", {"lookup": {"in": "t", "else": {"value": "no"}}}], "no"),
        ("properties.event", [{"lookup": {"in": "t", "else": {"value": "no"}}}], "no"),
        (["event", "name"], [{"lookup": {"in": "t", "else": {"value": "no"}}}], "no"),
    ],
    ids=str,
)
def test_a_lookup_of_the_event_name_is_folded(value: Any, steps: Any, wanted: str) -> None:
    """Only where the path `event` itself is looked up."""
    rules = ruleset(json.dumps({
        "version": 1, "settings": {"names": "folded"},
        "tables": {"t": {"Order Completed": "Yes", "orderCompleted": "Yes"}},
        "rules": [{"track": {"from": value, "apply": steps}}],
    }))  # fmt: skip
    done = rules.render(event(event="ORDER_COMPLETED", properties={"event": "ORDER_COMPLETED"}))
    assert isinstance(done, Calls)
    assert done.calls[0].body["event"] == wanted


@pytest.mark.parametrize(
    ("check", "fitting", "others"),
    [
        (
            {"contains": ["bot", "HEADLESS"]},
            ["SemrushBot/7", "YandexBot", "HeadlessChrome", ["BOT"]],
            ["Chrome", ["bots"], 5],
        ),
        ({"is": "Pro"}, ["pro", "PRO"], ["pros", MISSING, 5]),
        ({"in": ["Pro", 5]}, ["pro", 5], ["5"]),
        ({"in": "names"}, ["A"], ["b"]),
        ({"not": ["Pro"]}, ["free", MISSING, 5], ["PRO"]),
        ({"like": "*@Shop.test"}, ["ADA@SHOP.TEST"], ["ada@shop.test.x"]),
        ({"regex": "^straße [a-z]$"}, ["STRAßE B"], ["straße 5"]),
    ],
    ids=_id,
)
def test_case_can_be_ignored(check: Any, fitting: list[Any], others: list[Any]) -> None:
    """`ignore_case` concerns every operator on text beside it, and nothing else about a check."""
    ignoring = {**check, "ignore_case": True}
    assert [value for value in fitting if not holds(ignoring, value)] == []
    assert [value for value in others if holds(ignoring, value)] == []
    strict = [value for value in fitting if holds({**check, "ignore_case": False}, value) != holds(check, value)]
    assert strict == []


NAMES = ("ab", "AB", "a b", "A b", "ba", "abb", "", 5, None)
CHECKS: tuple[Any, ...] = (
    "ab", ["a b", "ba"], {"is": "AB"}, {"not": {"like": "a*"}}, {"regex": "^a"},
    *({"like": glob} for glob in ("ab", "a*", "ab*", "*b", "*bb", "a*b", "?b", "b?", "*", "*a*")),
    {"like": ["ab*", "*a"]}, {"like": ["ab*", "*a*"]}, {"like": "a*", "not": "abb"},
    {"like": "a*", "ignore_case": True}, {"like": "*B", "ignore_case": False},
)  # fmt: skip


@pytest.mark.parametrize("each", [7, pytest.param(1, marks=pytest.mark.long)], ids=["some pairs", "all pairs"])
@pytest.mark.parametrize("spelling", ["exact", "folded"])
def test_dispatch_finds_the_rule_that_asking_each_finds(spelling: str, each: int) -> None:
    """For pairs of conditions on a name and every name; for all pairs in the long form.

    Inside `all` nothing is looked up, every rule is asked.
    """

    def mapping(*conditions: JsonObject) -> Ruleset:
        rules = [{"when": condition, "drop": f"{number}"} for number, condition in enumerate(conditions)]
        return ruleset(json.dumps({"version": 1, "settings": {"names": spelling}, "rules": rules}))

    pairs = list(product(CHECKS, repeat=2))[::each]
    # Every condition is the first of a pair, and the second of one.
    assert all(sum(pair[place] == check for pair in pairs) for place in (0, 1) for check in CHECKS)
    for first, second in pairs:
        conditions: list[JsonObject] = [{"event": first, "type": "track"}, {"event": second}]
        looked_up, asked = mapping(*conditions), mapping(*({"all": [condition]} for condition in conditions))
        for message in (event(event=name, type=kind) for name in NAMES for kind in ("track", "page")):
            assert looked_up.render(message) == asked.render(message), (first, second, message.body)


MEMBERS = [{"c": "Games", "p": 5, "t": ["a"]}, {"c": "Toys", "p": 500}, {"c": None}, {}]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("Games", True), ("Books", False), (["Books", "Toys"], True), ({"like": "T*"}, True), ({"regex": "^B"}, False),
        ({"not": "Games"}, False), ({"not": "Books"}, True), ({"not": {"like": "G*"}}, False),
        ({"contains": "Games"}, True), ({"contains": "Game"}, False), ({"exists": True}, True),
        ({"is": "games", "ignore_case": True}, True), (None, True), (True, False),
        ({"like": "G*", "not": "Toys"}, False), ({"like": "G*", "contains": "Toys"}, True),
    ],
)  # fmt: skip
def test_one_member_that_a_path_finds_has_to_match(check: Any, expected: bool) -> None:
    """`not` is the complement: no member may match. A list as a whole is for `contains` and `exists`."""
    for path, lines in (("properties.l[*].c", MEMBERS), ("properties.o.*.c", None)):
        words = {"l": lines, "o": dict(zip("abcd", MEMBERS, strict=True))}
        assert condition_holds({path: check}, properties=words) is expected, path


def test_checks_beside_each_other_have_to_match_the_same_member() -> None:
    """No member is between 10 and 100, although one is above 10 and another below 100."""
    for check, expected in (({"above": 10, "below": 100}, False), ({"above": 1, "below": 100}, True)):
        assert condition_holds({"properties.l[*].p": check}, properties={"l": MEMBERS}) is expected


@pytest.mark.parametrize("lines", [[], None, "text", 5])
def test_without_members_none_matches(lines: Any) -> None:
    """And `not` holds, as for a missing field."""
    assert not condition_holds({"properties.l[*].c": "Games"}, properties={"l": lines})
    assert condition_holds({"properties.l[*].c": {"not": "Games"}}, properties={"l": lines})

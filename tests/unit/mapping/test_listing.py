"""Lists as senders write them, read alike wherever the language reads a list."""

import json
from typing import Any

import pytest

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.listing import FROM_KEYS, FROM_TEXT, read_list
from adapter.mapping.run.scalars import same
from adapter.model import Calls, Dropped, EventWarning, JsonObject, Rendered, WarningKind
from tests.unit.mapping.reading import event, ruleset

ONE, TWO = {"id": "a", "n": 1}, {"id": "b", "n": 2}
ELEVEN = [{"id": str(number), "n": number} for number in range(11)]
LISTS = {
    "a list": ([ONE, TWO], [ONE, TWO], ""),
    "an empty list": ([], [], ""),
    "a single object": (ONE, [ONE], ""),
    "an empty object": ({}, [], ""),
    "JSON text": (json.dumps([ONE, TWO]), [ONE, TWO], FROM_TEXT),
    "JSON text with white space": ("\n [] ", [], FROM_TEXT),
    "keys": ({"0": ONE, "1": TWO}, [ONE, TWO], FROM_KEYS),
    "one key": ({"0": ONE}, [ONE], FROM_KEYS),
    "eleven keys in the order of their text": (
        {key: ELEVEN[int(key)] for key in sorted(map(str, range(11)))}, ELEVEN, FROM_KEYS,
    ),
    "keys with a gap": ({"0": ONE, "2": TWO}, [{"0": ONE, "2": TWO}], ""),
    "keys that are not canonical": ({"0": ONE, "01": TWO}, [{"0": ONE, "01": TWO}], ""),
    "keys from 1": ({"1": ONE}, [{"1": ONE}], ""),
}  # fmt: skip
NONE = {
    "an array of Java": ("[Lcom.example.Product;@36db3d6", "a text with letters is not a list"),
    "a text": ("abc", "a text with letters is not a list"),
    "the JSON text of an object": ('{"id": 1}', "a text with letters is not a list"),
    "an empty text": ("", "an empty text is not a list"),
    "a cut JSON text": ('[{"id": 1', "a text with letters is not a list"),
    "a nest": ("[" * 3000, "a text is not a list"),
    "a number": (7, "a number is not a list"),
    "a boolean": (True, "true or false is not a list"),
}


@pytest.mark.parametrize(("value", "members", "odd"), LISTS.values(), ids=LISTS)
def test_what_a_list_is(value: Any, members: list[Any], odd: str) -> None:
    """What is a list by intent is read as one; what had to be read into one is said."""
    assert read_list(value) == (members, odd)


@pytest.mark.parametrize(("value", "odd"), NONE.values(), ids=NONE)
def test_what_no_list_is(value: Any, odd: str) -> None:
    """Anything else is no list, and is named by kind and shape, not by its value."""
    assert read_list(value) == (None, odd)


READERS: dict[str, tuple[Any, Any]] = {
    "[*]": ("properties.l[*].id", lambda members: [member["id"] for member in members]),
    "[0]": ("properties.l[0].id", lambda members: members[0]["id"] if members else ABSENT),
    "[k=v]": ("properties.l[id=b].n", lambda members: next((m["n"] for m in members if m["id"] == "b"), ABSENT)),
    **{
        str(step): ({"from": "properties.l", "apply": [step]}, result)
        for step, result in [
            ("count", len),
            ("first", lambda members: members[0] if members else ABSENT),
            ("last", lambda members: members[-1] if members else ABSENT),
            ("unique", list),
            ({"map": {"k": "item.id"}}, lambda members: [{"k": member["id"]} for member in members]),
            ({"where": {"item.n": {"above": 1}}}, lambda members: [m for m in members if m["n"] > 1]),
            ({"collect": "item.n"}, lambda members: [member["n"] for member in members]),
        ]
    },
    **{
        str(step): ({"from": "properties.l", "apply": [{"collect": "item.n"}, step]}, result)
        for step, result in [
            ("sum", lambda members: sum(m["n"] for m in members) if members else ABSENT),
            ("min", lambda members: min((m["n"] for m in members), default=ABSENT)),
            ("max", lambda members: max((m["n"] for m in members), default=ABSENT)),
            ({"join": "-"}, lambda members: "-".join(str(m["n"]) for m in members) if members else ABSENT),
        ]
    },
}
USUAL = [name for name in LISTS if "gap" not in name and "canonical" not in name and "from 1" not in name]


def of_lists(done: Calls) -> list[EventWarning]:
    """The warnings but for those of nested values, which some of these tests send on purpose."""
    return [warned for warned in done.warnings if warned.kind is not WarningKind.NOT_FLAT]


def rendered(value: Any, given: Any, **rule: Any) -> Rendered:
    fields = {"v": value, "used": {"value": 1}}
    mapping = {"version": 1, "rules": [{"name": "R", "track": "T", "copy": "none", "properties": fields, **rule}]}
    return ruleset(json.dumps(mapping)).render(event(properties={"l": given}))


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize(("value", "wanted"), READERS.values(), ids=READERS)
def test_every_reader_reads_alike(value: Any, wanted: Any, name: str) -> None:
    """Paths and steps see the same members; one warning tells what was read into a list."""
    given, members, odd = LISTS[name]
    done = rendered(value, given)
    assert isinstance(done, Calls)
    found = done.calls[0].body["properties"].get("v", ABSENT)
    result = wanted(members)
    assert found is result or same(found, result)
    assert of_lists(done) == ([EventWarning(WarningKind.LIST, "properties.l", odd, "R")] if odd else [])


@pytest.mark.parametrize(("given", "odd"), NONE.values(), ids=NONE)
@pytest.mark.parametrize("value", [value for value, _ in READERS.values()], ids=READERS)
def test_what_is_no_list_is_absent(value: Any, given: Any, odd: str) -> None:
    """With one warning, whatever reads it."""
    done = rendered(value, given)
    assert isinstance(done, Calls)
    assert "v" not in done.calls[0].body["properties"]
    assert of_lists(done) == [EventWarning(WarningKind.LIST, "properties.l", odd, "R")]


@pytest.mark.parametrize("given", [None, ABSENT])
@pytest.mark.parametrize("value", [value for value, _ in READERS.values()], ids=READERS)
def test_nothing_is_nothing_to_warn_about(value: Any, given: Any) -> None:
    """A list that was not sent is absent, silently."""
    fields = {"v": value, "used": {"value": 1}}
    mapping = {"version": 1, "rules": [{"track": "T", "copy": "none", "properties": fields}]}
    done = ruleset(json.dumps(mapping)).render(event(properties={} if given is ABSENT else {"l": given}))
    assert isinstance(done, Calls)
    assert (done.calls[0].body["properties"], done.warnings) == ({"used": 1}, ())


# One call for each member


EACH: JsonObject = {"track": "P", "each": "properties.l", "properties": {"at": "index"}}


def made(given: Any, **rule: Any) -> tuple[list[Any], list[str]]:
    """The properties of each call, and the causes of the warnings."""
    mapping = {"version": 1, "rules": [{"name": "R", "send": [{"track": "O", "copy": "none"}, {**EACH, **rule}]}]}
    done = ruleset(json.dumps(mapping)).render(event(properties={"l": given, "t": "x"}))
    assert isinstance(done, Calls)
    warnings = of_lists(done)
    assert all((warned.field, warned.rule, warned.kind) == ("properties.l", "R", "not a list") for warned in warnings)
    return [call.body["properties"] for call in done.calls[1:]], [warned.cause for warned in warnings]


@pytest.mark.parametrize(("given", "members", "odd"), LISTS.values(), ids=LISTS)
def test_each_reads_the_same_lists(given: Any, members: list[Any], odd: str) -> None:
    """A call for each member, and the warning that paths and steps give."""
    assert made(given) == ([{**member, "at": at} for at, member in enumerate(members)], [odd] if odd else [])


@pytest.mark.parametrize(("given", "odd"), NONE.values(), ids=NONE)
def test_each_of_no_list_makes_no_call(given: Any, odd: str) -> None:
    """Nothing is invented, and one warning says why there is nothing."""
    assert made(given) == ([], [odd])


MIXED = [None, {"id": "a"}, "b", 7, {}]
SKIPPED = ["2 of 5 members are not objects and make no call"]


@pytest.mark.parametrize(
    ("rule", "places", "causes"),
    [
        ({}, [1, 4], SKIPPED),
        ({"copy": "item"}, [1, 4], SKIPPED),
        ({"copy": ["properties", "item"], "only": ["t"]}, [1, 4], SKIPPED),
        ({"copy": "none", "properties": {"at": "index", "id": "item.id"}}, [1, 4], SKIPPED),
        ({"copy": "none", "properties": {"at": "index", "x": {"text": "{item.id} {item}"}}}, [1, 4], SKIPPED),
        ({"copy": "none", "when": {"item.id": {"not": "x"}}}, [1, 4], SKIPPED),
        ({"copy": "none", "userId": "item.id"}, [1, 4], SKIPPED),
        ({"copy": "none"}, [1, 2, 3, 4], []),
        ({"copy": "none", "properties": {"at": "index", "x": "item"}}, [1, 2, 3, 4], []),
        ({"properties": {"at": "index", "x": "item"}}, [1, 2, 3, 4], []),
        ({"copy": "none", "properties": {"at": "index",
          "x": {"from": "item", "apply": [{"where": {"item.y": 1}}, "count"], "when": {"index": {"above": 9}}}}},
         [1, 2, 3, 4], []),
    ],
    ids=str,
)  # fmt: skip
def test_a_member_that_is_no_object_makes_no_call_of_objects(rule: JsonObject, places: list[int], causes: Any) -> None:
    """Where a call reads fields of `item` or copies it; a call that only takes `item` itself is made of texts too."""
    found, warned = made(MIXED, **{"properties": {"at": "index"}, **rule})
    if "only" not in rule:
        assert [fields["at"] for fields in found if "at" in fields] == places
    assert len(found) == len(places)
    assert warned == causes


def test_a_rule_without_any_call_tells_why() -> None:
    """The warnings of an event that ends as dropped are kept."""
    done = rendered({"value": 1}, "abc", each="properties.l")
    assert isinstance(done, Dropped)
    assert [warned.cause for warned in done.warnings] == ["a text with letters is not a list"]

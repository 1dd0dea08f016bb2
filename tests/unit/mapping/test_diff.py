"""What a change of a mapping would do, event by event and in short."""

import pytest

from adapter.mapping.diff import MAX_CHARS, MAX_KINDS, Change, Summary, compare
from adapter.mapping.suggest import suggest
from adapter.model import Event
from tests.unit.mapping.reading import event, ruleset

OLD = ruleset("""version: 1
rules:
  - when: {type: track}
    track: {from: event, apply: [snake, upper]}
    properties: {total: {from: properties.total, required: true}}
""")
NEW = ruleset("""version: 1
rules:
  - when: {type: track, event: Noise}
    drop: noise
  - when: {type: track}
    track: {from: event, apply: [snake, upper]}
    rename: {currency: currencyCode}
  - when: {type: page}
    send: [{track: PAGE}, {track: SEEN}]
""")


def gone(name: str, value: str) -> Change:
    return Change(1, f"properties.{name}", value, None)


def come(name: str, value: str, *, call: int = 1) -> Change:
    return Change(call, f"properties.{name}", None, value)


def changes(message: Event) -> list[str]:
    return [str(change) for change in compare(OLD, NEW, message)]


def test_the_same_is_no_change() -> None:
    """Events that come out alike have nothing to tell."""
    assert changes(event(properties={"total": 1})) == []


def test_fields_that_differ_are_reported_with_their_values() -> None:
    """Call, place, before and after, as JSON."""
    assert changes(event(properties={"total": 1, "currency": "EUR"})) == [
        'call 1 properties.currency: "EUR" -> (absent)',
        'call 1 properties.currencyCode: (absent) -> "EUR"',
    ]


def test_outcomes_that_differ_are_reported_with_their_calls() -> None:
    """What was rejected and is sent now, and the reverse."""
    assert changes(event(event="Order Completed")) == [
        "- rejected: `total` is required and absent (read from properties.total)\n+ sent",
        "+ call 1: track ORDER_COMPLETED",
    ]
    assert changes(event(event="Noise", properties={"total": 1})) == [
        "- sent\n+ dropped: by rule: noise",
        "- call 1: track NOISE",
    ]
    assert changes(event(type="page", event=None))[1:] == ["+ call 1: track PAGE", "+ call 2: track SEEN"]


def test_a_summary_groups_what_is_alike() -> None:
    """Equal changes of many events are reported once, with a count and the values of the first; a field with a new name
    is a renaming.
    """
    summary = Summary()
    for number in range(412):
        message = event(messageId=f"m-{number}", properties={"total": number, "currency": "EUR"})
        summary.add(message, compare(OLD, NEW, message))
    for message in (event(messageId="n-1", event="Noise", properties={"total": 1}), event(properties={"total": 1})):
        summary.add(message, compare(OLD, NEW, message))
    assert "\n".join(summary.lines()) == SUMMARY
    assert summary.as_json()["changes"][1] == {
        "events": 1,
        "what": "call 1: track NOISE → no call",
        "of": "track Noise",
        "examples": ["n-1"],
        "first": [{"call": 1, "place": "", "before": "track NOISE", "after": None}],
    }
    assert {key: summary.as_json()[key] for key in ("events", "same", "different", "beyond")} == {
        "events": 414,
        "same": 1,
        "different": 413,
        "beyond": 0,
    }


SUMMARY = """\
412 events: call 1 properties.currency → currencyCode
    m-0  track E
      call 1 properties.currency: "EUR" -> (absent)
      call 1 properties.currencyCode: (absent) -> "EUR"
    also m-1, m-2
1 event: call 1: track NOISE → no call
    n-1  track Noise
      - call 1: track NOISE
1 event: sent → dropped: by rule: noise
    n-1  track Noise
      - sent
      + dropped: by rule: noise
414 events: 1 the same, 413 different"""


def kinds(*changes: Change) -> list[str]:
    """The kinds of change that one event with these changes is counted under."""
    summary = Summary()
    summary.add(event(), changes)
    return [group.what for group in summary.ordered()]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([gone("a", "1"), come("c", "1")], ["call 1 properties.a → c"]),
        ([gone("a", "1"), gone("b", "1"), come("c", "1")], ["call 1 properties.a → c", "call 1 properties.b gone"]),
        (
            [gone("a", "1"), gone("b", "1"), come("c", "1"), come("d", "1")],
            ["call 1 properties.a → c", "call 1 properties.b → d"],
        ),
        ([gone("a", "1"), come("c", "2")], ["call 1 properties.a gone", "call 1 properties.c added"]),
        ([gone("a", "1"), come("c", "1", call=2)], ["call 1 properties.a gone", "call 2 properties.c added"]),
        ([gone("a.b", "1"), come("c.d", "1")], ["call 1 properties.a.b → c.d"]),
        ([Change(1, "userId", '"u"', None), come("user", '"u"')], ["call 1 userId → properties.user"]),
        ([Change(1, "timestamp", '"x"', '"y"')], ["call 1 timestamp changed"]),
    ],
    ids=["one", "fewer", "two alike", "another value", "another call", "dotted", "out of the ids", "changed"],
)
def test_a_renaming_pairs_one_field_with_one(changes: list[Change], found: list[str]) -> None:
    """What has gone is reported as renamed once at most, in the order of the fields."""
    assert kinds(*changes) == found


def test_a_summary_stays_small_whatever_senders_send() -> None:
    """Names that are never the same twice and values without end fill no memory, and what is left out is counted."""
    summary = Summary()
    for number in range(MAX_KINDS + 7):
        summary.add(event(event="x" * 10_000), [gone(f"{number} {'long' * 100}", "x" * 1_000)])
    assert len(summary.groups) == MAX_KINDS
    assert summary.beyond == 7
    assert f"7 changes more, of other kinds than these {MAX_KINDS}" in summary.lines()
    assert max(map(len, summary.lines())) <= 3 * MAX_CHARS


def test_names_that_no_rule_names_are_suggested() -> None:
    """Counted, most frequent first, less those that a rule names; the mapping to start from works as it is."""
    seen = [event(event=name) for name in ["Sign Up", "true", "Sign Up", 'a"b: #c\x85', "Noise", " ", "🎉"]]
    suggestion = suggest([*seen, event(type="group"), event(event=None)], NEW)
    assert suggestion.names == [("Sign Up", 2), ('a"b: #c\x85', 1), ("true", 1), ("🎉", 1)]
    assert suggestion.types == [("group", 1)]
    rules = ruleset(suggestion.mapping())
    assert all(
        str(rules.render(message)).startswith("Calls")
        for message in seen
        if message.body["event"] not in {"Noise", " "}
    )
    assert suggest(seen).names[0] == ("Sign Up", 2)
    assert suggest([event(event=f"id {number}") for number in range(1005)]).uncounted == 5
    assert suggest([event(event="x" * 301), event(event="\ud800")]).uncounted == 2
    assert suggest([]).mapping() == ""
    assert len(suggest([event(type=f"kind {number}", event=None) for number in range(1005)], NEW).types) == 1000

"""What a change of a mapping would do, event by event and in short."""

from adapter.mapping.diff import Summary, compare
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


def changes(message: Event) -> list[str]:
    return [str(change) for change in compare(OLD, NEW, message)]


def test_the_same_is_no_change() -> None:
    """Events that come out alike have nothing to tell."""
    assert changes(event(properties={"total": 1})) == []


def test_fields_that_differ_are_told_with_their_values() -> None:
    """Call, place, before and after, as JSON."""
    assert changes(event(properties={"total": 1, "currency": "EUR"})) == [
        'call 1 properties.currency: "EUR" -> (absent)',
        'call 1 properties.currencyCode: (absent) -> "EUR"',
    ]


def test_outcomes_that_differ_are_told_with_their_calls() -> None:
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
    """Equal changes over many events are one line with a count; a field under a new name is a renaming."""
    summary = Summary()
    for number in range(412):
        message = event(messageId=f"m-{number}", properties={"total": number, "currency": "EUR"})
        summary.add(message, compare(OLD, NEW, message))
    for message in (event(messageId="n-1", event="Noise", properties={"total": 1}), event(properties={"total": 1})):
        summary.add(message, compare(OLD, NEW, message))
    assert list(summary.lines()) == [
        "412 events: call 1 properties.currency → currencyCode  (m-0, m-1, m-2)",
        "1 event: call 1: track NOISE → no call  (n-1)",
        "1 event: sent → dropped: by rule: noise  (n-1)",
        "414 events: 1 the same, 413 different",
    ]


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

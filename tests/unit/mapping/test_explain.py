"""What `explain` says of each outcome."""

import json
from pathlib import Path

from adapter.mapping import explain
from adapter.model import JsonObject
from tests.unit.mapping.reading import event, read, ruleset
from tests.unit.mapping.test_cases import ROOT

ORDER: JsonObject = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "timestamp": "2024-05-01T10:00:00Z",
    "properties": {
        "order_id": "o-1",
        "revenue": "49.90",
        "currency": "EUR",
        "products": [
            {"product_id": "p1", "price": 9.9, "quantity": 1},
            {"product_id": "p2", "price": "n/a", "quantity": 2},
        ],
    },
}


def mapping(name: str) -> str:
    return Path(ROOT / "tests/cases/mapping" / name).read_text()


def test_sent_shows_rule_calls_fields_and_warnings() -> None:
    """Each call with its ids and fields as JSON; a step that could not do its work is named with rule and field."""
    rendered = ruleset(mapping("01-order-completed.yaml")).render(read(ORDER))
    assert explain.as_text(rendered).split("\n") == [
        "sent  by 'A finished order'",
        "  track ORDER_COMPLETED  userId=u1 anonymousId=- timestamp=2024-05-01T10:00:00.000Z",
        '    orderId          "o-1"',
        '    revenue          "49.90"',
        '    currency         "EUR"',
        "    total            49.9",
        "    item_count       3",
        "  track PRODUCT_PURCHASED  userId=u1 anonymousId=- timestamp=2024-05-01T10:00:00.000Z",
        '    product_id       "p1"',
        "    price            9.9",
        "    quantity         1",
        '    order_id         "o-1"',
        '    currency         "EUR"',
        "    position         0",
        "    line_total       9.9",
        "  track PRODUCT_PURCHASED  userId=u1 anonymousId=- timestamp=2024-05-01T10:00:00.000Z",
        '    product_id       "p2"',
        '    price            "n/a"',
        "    quantity         2",
        '    order_id         "o-1"',
        '    currency         "EUR"',
        "    position         1",
        "  warning: rules.0.send.1.properties.line_total: `number`: a text with letters is not a number",
    ]


def test_the_other_outcomes_say_why() -> None:
    """Dropped and rejected name rule and reason; unmatched gives a hint where a name is near."""
    order, noise = ruleset(mapping("01-order-completed.yaml")), ruleset(mapping("04-drop-noise.yaml"))
    refused = order.render(read({**ORDER, "properties": {}}))
    assert explain.as_text(refused) == (
        "rejected  by 'A finished order'\n"
        "  `total` is required and absent (read from properties.total, properties.revenue)"
    )
    dropped = noise.render(read({"type": "track", "event": "A Ping", "anonymousId": "a"}))
    assert explain.as_text(dropped) == "dropped  by 'Heartbeats'\n  by rule: too frequent"
    lower = read({**ORDER, "event": "order completed"})
    assert explain.as_text(order.render(lower), order.hint(lower)) == (
        "unmatched\n  no rule takes it\n  'Order Completed' of 'A finished order' (line 10) is near"
    )


def test_of_names_as_near_the_first_by_letters_is_the_hint() -> None:
    """The same after every start, though a set of texts has another order then."""
    names = [f"Order {letter}" for letter in "HGFEDCBA"]
    order = ruleset(json.dumps({"version": 1, "rules": [{"name": "R", "when": {"event": names}, "track": "T"}]}))
    assert order.hint(event(event="Order X")).startswith("'Order A' of 'R'")


def test_json_says_the_same_as_data() -> None:
    """Every outcome is plain JSON with its own `outcome` word."""
    order = ruleset(mapping("01-order-completed.yaml"))
    sent = explain.as_json(order.render(read(ORDER)))
    assert (sent["outcome"], len(sent["calls"]), sent["warnings"][0]["cause"]) == (
        "sent",
        3,
        "`number`: a text with letters is not a number",
    )
    refused = explain.as_json(order.render(read({**ORDER, "properties": {}})))
    assert (refused["outcome"], refused["problems"][0]["pointer"]) == ("rejected", "/properties/total")
    unmatched = explain.as_json(order.render(read({**ORDER, "type": "page"})), "a hint")
    assert unmatched == {"outcome": "unmatched", "hint": "a hint", "warnings": []}
    noise = ruleset(mapping("04-drop-noise.yaml"))
    dropped = explain.as_json(noise.render(read({"type": "track", "event": "A Ping", "anonymousId": "a"})))
    assert dropped == {
        "outcome": "dropped",
        "rule": "Heartbeats",
        "reason": "by rule",
        "text": "too frequent",
        "warnings": [],
    }
    assert json.dumps([sent, refused, unmatched, dropped])


def test_derived_values_that_were_read_are_shown() -> None:
    """With null where there is none: that is why a rule did not take the event."""
    text = (
        "version: 1\nderived: {domain: {from: context.page.referrer, apply: [{url: domain}]}, other: type}\n"
        "rules: [{when: {derived.domain: a.test}, track: T}, {when: {derived.other: page}, drop: x}]\n"
    )
    mapping = ruleset(text)
    rendered, derived = mapping.explain(event(context={"page": {"referrer": "https://www.a.test/x"}}))
    assert explain.as_text(rendered, derived=derived).split("\n")[-1] == '  derived.domain   "a.test"'
    rendered, derived = mapping.explain(event())
    assert explain.as_text(rendered, derived=derived).split("\n")[-2:] == [
        "  derived.domain   null",
        '  derived.other    "track"',
    ]

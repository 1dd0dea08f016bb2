"""What holds of every event and every file: generated ones, not chosen ones.

The long form generates more of them: `make test-long TESTS=tests/unit/mapping/test_properties.py`.
"""

import copy
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.files.document import read_document
from adapter.mapping import schema
from adapter.mapping.compile.document import compile_document
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.load import check
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Dropped, Event, JsonObject, Refused, Unmatched
from tests.unit.mapping.reading import parsed, read, ruleset
from tests.unit.mapping.test_cases import FILES

LONG = pytest.mark.long
NAMES = st.sampled_from(
    ["a", "a.b", "email", "to_email", "phone", "products", "total", "revenue", "price", "quantity", "traits", "page",
     "url", "ip", "name", "card", "x", "$tags", "plan", "type", "id", "externalId", "library"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", " ", "5", "19.99", "1e999", "-1", "true", "a@b.test", "2024-01-02", "1704164645", "https://a.test/p?q#f",
     "https://[::1", "?a=%ff&a=1", "31/12/24 23:59", "0001-01-01T00:00:00Z", "10.0.0.1", "::1", "{",
     "Order Completed", "Video Heartbeat", "\ud800", "é\u0000", "[" * 300, "9" * 400]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 5.7, 1e308, -1e308, 2**63, 10**400, 1704164645123, 0.1, 1e-7])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)
TYPES = st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "delete", "", "Track"])
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | JSON,
        "event": TEXTS | JSON,
        "name": JSON,
        "userId": JSON,
        "anonymousId": JSON,
        "properties": st.dictionaries(NAMES, JSON, max_size=6) | JSON,
        "traits": st.dictionaries(NAMES, JSON, max_size=6) | JSON,
        "context": st.dictionaries(NAMES, JSON, max_size=6) | JSON,
        "integrations": st.dictionaries(st.just("Browsee"), SCALARS) | JSON,
        "timestamp": JSON,
    },
)


OF_ALL_WORDS: dict[str, Any] = {
    "names": "folded", "lists": "text", "flatten": "_", "userId": {"from": ["properties.id", "traits.id"]},
}  # fmt: skip


def every_step(**words: Any) -> str:
    """A mapping that puts every step on the same field, alone and on a list of it."""
    fields: dict[str, Any] = {}
    for name, facts in STEPS.items():
        step: Any = facts.example[1] if name != "lookup" else {"lookup": {"in": "t", "else": "omit"}}
        fields[name] = {"from": "properties.x", "apply": [step]}
        fields[f"{name} of many"] = {"from": "properties.products[*].price", "apply": [step, "json"]}
    rules: list[Any] = [
        {"when": {"any": [{"event": {"in": "t"}}, {"name": {"contains": "D", "ignore_case": True}}]}, "drop": True},
        {"send": [
            {"track": "{event}", "flatten": "_", "properties": fields, "rename": {"a": "b", "email": "a"}},
            {"track": {"first": ["event", {"value": "E"}]}, "each": "properties.products", "except": ["*.email", "a.b"],
             "properties": {"n": {"from": "index", "apply": [{"plus": {"from": "item.price"}}]}}},
            {"identify": True, "copy": ["traits", "raw"], "only": ["properties.*", "na*", "email"],
             "timestamp": "timestamp"},
        ]}
    ]  # fmt: skip
    return json.dumps(
        {"version": 1, "settings": {"nulls": "keep", **words}, "tables": {"t": {"5": None}}, "rules": rules}
    )


PREPARED = """\
version: 1
settings: {blanks: omit, nulls: keep}
tables: {t: {"5": {x: 1, y: text}, a@b.test: {x: 2}}}
privacy: [{named: [card], do: [trim]}]
prepare:
  - {named: [total, price, "*_email"], do: [number, {divided_by: {from: properties.x}}]}
  - {fields: ["properties.*", event, userId, traits.page], do: [trim, {truncate: 20}]}
  - {fields: [properties.x, "properties.products[*]"], do: [parse_json]}
derived:
  a: {from: [properties.x, properties.url], apply: [{url: {query: a}}]}
  b: {first: [derived.a, {from: properties.x, apply: [{get: {from: event}}]}], apply: [{sort: {by: item.price}}]}
  c: {from: timestamp, apply: [{since: {from: [properties.x, context.x], in: weeks}}]}
  d: {from: properties.x, apply: [{date: {as: "%G-%V %p %j %y", zone: Pacific/Kiritimati}}]}
  e: {from: properties.x, apply: [{date: {from: "%d/%m/%y %H:%M", as: epoch_ms, zone: America/New_York}}]}
  f: {from: properties.x, apply: [{lookup: {in: t, get: x, else: none}}, {divided_by: 1e-300}, {times: 1e300}]}
  g: {from: properties, apply: [keys, {sort: {down: true}}, {get: -1}]}
rules:
  - {when: {context.ip: {in_net: [10.0.0.0/8, "::/0"]}}, reject: an address}
  - {when: {derived.c: {above: 1000}, type: {not: {like: "x*"}}}, drop: old}
  - when: {any: [{type: track}, {derived.g: {exists: true}}]}
    sample: {share: 0.9, by: {first: [derived.a, derived.b, userId]}}
    track: {first: [event, {value: E}]}
    names: [trim, snake, upper]
    rename: {"*_email": "mail_*", a: b, "*": "all_*"}
    properties:
      {a: derived.a, b: "derived.b[0]", c: derived.c, d: derived.d, e: derived.e, f: derived.f, g: "derived.g"}
"""


RULESETS = [pytest.param(ruleset(file.read_text()), id=f"{file.parent.name}/{file.stem}") for file in FILES]
RULESETS.append(pytest.param(ruleset(every_step()), id="every step"))
RULESETS.append(pytest.param(ruleset(PREPARED), id="every block"))
RULESETS.append(pytest.param(ruleset(every_step(**OF_ALL_WORDS)), id="every setting"))


def event_of(message: JsonObject) -> Event:
    """An event as ingest would hold it, but unjudged: any JSON in any place."""
    event = read({"messageId": "m", **message})
    return Event("s", "m", event.type, event.user_id or "u", event.anonymous_id, INSTANT, INSTANT, event.body)


INSTANT = datetime(2024, 1, 2, 3, 4, 5, 678_000, UTC)


def leaves(value: Any) -> Iterator[Any]:
    """Every value inside a value, itself included."""
    yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(member)


@pytest.mark.parametrize("examples", [20, pytest.param(60, marks=LONG)])
@pytest.mark.parametrize("rules", RULESETS)
def test_any_event_ends_in_one_of_four_outcomes(rules: Ruleset, examples: int) -> None:
    """Rendering never raises, never changes the event, gives the same twice, and makes only what JSON can carry."""

    @given(message=MESSAGES)
    @settings(max_examples=examples, deadline=None)
    def each(message: JsonObject) -> None:
        _ends_in_an_outcome(rules, message)

    each()


def _ends_in_an_outcome(rules: Ruleset, message: JsonObject) -> None:
    event = event_of(message)
    before = copy.deepcopy(event.body)
    rendered = rules.render(event)
    assert event.body == before
    assert rules.render(event) == rendered
    assert isinstance(rendered, Calls | Dropped | Unmatched | Refused)
    if isinstance(rendered, Calls):
        assert rendered.calls
        assert len({call.key for call in rendered.calls}) == len(rendered.calls)
        made = {id(leaf): leaf for call in rendered.calls for leaf in leaves(call.body)}.values()
        assert all(leaf is None or isinstance(leaf, bool | int | float | str | list | dict) for leaf in made)
        assert all(math.isfinite(leaf) for leaf in made if isinstance(leaf, float))


PRIVATE = """
version: 1
privacy:
  - {fields: [traits.card, context.ip], do: remove}
  - {named: [email, "*_email"], do: remove}
  - {named: [phone], do: [hash]}
rules:
  - track: ALL
    copy: [properties, traits, context, raw]
    properties: {event: event, everything: {from: raw, apply: [json]}}
"""


def test_nothing_that_privacy_removed_is_in_a_call() -> None:
    """Whatever way the rules read the event, a removed name is in no output and a raw value of a hashed one neither."""
    private = ruleset(PRIVATE)

    @given(message=MESSAGES)
    @settings(max_examples=150, deadline=None)
    def each(message: JsonObject) -> None:
        marked = json.loads(json.dumps(message), object_hook=_with_secrets)
        rendered = private.render(event_of(marked))
        assert isinstance(rendered, Calls)
        assert "s3cr3t" not in json.dumps(rendered.calls[0].body)

    each()


def _with_secrets(fields: JsonObject) -> JsonObject:
    """Every guarded name holds the marker, in one shape or another."""
    shapes = {"email": "s3cr3t", "to_email": ["s3cr3t"], "phone": {"a": "s3cr3t"}}
    return {name: shapes.get(name, value) for name, value in fields.items()}


# Files


DOCUMENTS = [parsed(file.read_text()) for file in FILES] + [
    json.loads(every_step()),
    json.loads(every_step(**OF_ALL_WORDS)),
    parsed(PRIVATE),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


WORDS = st.sampled_from(
    ["track", "identify", "when", "send", "from", "value", "apply", "tests", "expect", "item", "properties.a", "trim",
     "lookup", "drop", "named", "fields", "none", "", "*", "{a}", "_", "is", "like", "default", "vars.x"]
)  # fmt: skip
REPLACEMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 600) | st.floats(-1, 1) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """One of the good files with one to three things changed, added, taken away or misspelt."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))))
        if not path:
            continue
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        change = draw(st.sampled_from(["replace", "remove", "add", "misspell"]))
        if change == "remove":
            del parent[path[-1]]
        elif change == "replace" or isinstance(parent, list):
            parent[path[-1]] = draw(REPLACEMENTS)
        elif change == "add":
            parent[draw(WORDS)] = draw(REPLACEMENTS)
        else:
            parent[f"{path[-1]}x"] = parent.pop(path[-1])
    return document


@pytest.mark.parametrize("examples", [100, pytest.param(400, marks=LONG)])
def test_what_the_schema_refuses_the_compiler_refuses_with_a_place(examples: int) -> None:
    """A mutated file never crashes the loader; refused by the schema means refused by the compiler, at a line."""

    @given(data=mutated(), message=MESSAGES)
    @settings(max_examples=examples, deadline=None)
    def each(data: Any, message: JsonObject) -> None:
        _is_refused_with_a_place(data, message)

    each()


def _is_refused_with_a_place(data: Any, message: JsonObject) -> None:
    text = json.dumps(data, indent=1)
    document = read_document(text, file="f.yaml")
    compiled = compile_document(document, hash_key="k")
    blocking = [finding for finding in (*document.findings, *compiled.findings) if finding.blocks]
    assert blocking or jsonschema_rs.is_valid(schema.build(), document.data)
    assert all(1 <= finding.line <= len(document.lines) and finding.column >= 1 for finding in blocking)
    check(text, file="f.yaml", read=read)
    if not blocking:
        compiled.ruleset.render(event_of(message))

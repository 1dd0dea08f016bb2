"""The schemas of events: what they take, what they refuse, and that both validators think alike."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.ingest.validate import Validator, pointer
from adapter.model import JsonObject, Problem
from tests.unit.ingest.schemas import event_schemas, event_validator

VALIDATOR = event_validator()
TYPES = ("track", "identify", "page", "screen", "group", "alias")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("track", {"event": "Order Completed", "userId": 42, "properties": {"a": None}, "version": 2}),
        ("track", {"event": " x ", "userId": None, "context": None, "integrations": [], "version": "1.1"}),
        ("track", {"event": "x", "userId": {}, "anonymousId": True, "messageId": 5, "timestamp": {}, "sentAt": 1}),
        ("track", {"event": "x", "integrations": {"All": False, "Webhook": {"a": 1}}, "email": "stray"}),
        ("identify", {"traits": None, "context": {"traits": {"id": 1}}}),
        ("page", {"name": None, "category": None, "properties": []}),
        ("screen", {"event": "Home", "name": None}),
        ("page", {"name": 404, "category": {}}),
        ("group", {"groupId": None}),
        ("group", {"groupId": 7, "traits": {}}),
        ("alias", {"previousId": "a"}),
        ("delete", {"context": None, "integrations": [], "userId": "u"}),
        ("merge", {"mergeProperties": [{"type": "a", "value": "b"}]}),
        ("", {}),
    ],
)
def test_what_senders_send_is_taken(kind: str, message: JsonObject) -> None:
    """Nulls, PHP's empty arrays, numeric ids, unknown keys and types: all seen on the wire, none refused."""
    assert VALIDATOR.problems(kind, {"type": kind, **message}) == ()


@pytest.mark.parametrize(
    ("kind", "message", "problems"),
    [
        ("track", {}, [Problem("/event", "required", "is required")]),
        ("track", {"event": ""}, [Problem("/event", "pattern", "must be text that is not blank")]),
        ("track", {"event": " \n"}, [Problem("/event", "pattern", "must be text that is not blank")]),
        ("track", {"event": {}}, [Problem("/event", "type", "must be text or a number, not an object")]),
        ("track", {"event": None}, [Problem("/event", "type", "must be text or a number, not null")]),
        (
            "track",
            {"event": "x", "properties": "secret", "context": ["secret"]},
            [
                Problem("/context", "maxItems", "must be an object; only an empty array is taken for one"),
                Problem("/properties", "type", "must be an object or null, not text"),
            ],
        ),
        ("identify", {"traits": 1.5}, [Problem("/traits", "type", "must be an object or null, not a number")]),
        ("delete", {"context": {}, "integrations": True},
         [Problem("/integrations", "type", "must be an object or null, not a boolean")]),
    ],
)  # fmt: skip
def test_what_is_refused_is_worded_without_the_value(kind: str, message: JsonObject, problems: list[Problem]) -> None:
    """Each problem says where, what was found and what is allowed, and never quotes the sender."""
    assert set(VALIDATOR.problems(kind, message)) == set(problems)


def test_a_message_that_is_no_object_is_refused() -> None:
    """Whatever its type, a message is an object."""
    assert VALIDATOR.problems("track", []) == (Problem("", "type", "must be an object, not an array"),)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"maxItems": 2}, ["s", "s", "s"], "must have at most 2 members, not more"),
        ({"type": "integer"}, {}, "must be integer, not an object"),
        ({"minimum": 3}, 1, "must satisfy minimum: 3"),
        ({"enum": ["a", "b"]}, "secret", 'must satisfy enum: ["a", "b"]'),
        ({"not": {}}, "secret", "must satisfy not: {}"),
    ],
    ids=["maxItems", "integer", "minimum", "enum", "not"],
)
def test_any_keyword_is_worded_from_the_schema(schema: JsonObject, value: object, message: str) -> None:
    """A schema may grow: its new keywords have a plain wording from the start."""
    validator = Validator({"common": {"properties": {"a~/b": schema}}})
    assert validator.problems("", {"a~/b": value}) == (Problem("/a~0~1b", next(iter(schema)), message),)


def test_a_pointer_is_escaped() -> None:
    """RFC 6901: ~ is ~0 and / is ~1; the whole is the empty text."""
    assert pointer(()) == ""
    assert pointer(("a/b", 0, "~")) == "/a~1b/0/~0"


def test_every_property_is_described() -> None:
    """The schemas are read by users: each property says what it is."""
    schemas = event_schemas()
    assert set(schemas) == {"common", *TYPES}
    for schema in schemas.values():
        assert schema["description"]
        assert all(held["description"] for held in schema["properties"].values())


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("event", "properties", "traits", "context", "integrations", "name", "category", "userId", "groupId", "type")
messages = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), values, max_size=8) | values


@settings(deadline=None, max_examples=400)
@given(st.sampled_from((*TYPES, "delete", "")), messages)
def test_both_validators_think_alike(kind: str, message: Any) -> None:
    """The fast verdict is the authority's: valid where jsonschema finds nothing, and only there."""
    assert (VALIDATOR.problems(kind, message) == ()) is (VALIDATOR.explain(kind, message) == ())

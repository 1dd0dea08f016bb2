"""The sandbox takes what Browsee documents, and says what is wrong with anything else."""

from typing import Any

import orjson
import pytest

from adapter.bundled import bundled
from adapter.model import Kind
from adapter.sandbox.checks import Checks

KINDS: tuple[Kind, ...] = ("track", "identify")
CHECKS = Checks({kind: orjson.loads(bundled(f"schemas/browsee/{kind}.json").read_bytes()) for kind in KINDS})
TRACK = {"apiKey": "k", "event": "CLICKED", "userId": "u"}
IDENTIFY = {"apiKey": "k", "anonymousId": "a"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("track", TRACK, id="least-track"),
        pytest.param("track", TRACK | {"properties": {"price": 1, "deep": {"a": [None]}}}, id="properties"),
        pytest.param("track", TRACK | {"anonymousId": "a", "timestamp": "2021-12-02T00:30:08.276Z"}, id="both-ids"),
        pytest.param("track", TRACK | {"timestamp": "2021-12-02T00:30:08+05:30"}, id="offset"),
        pytest.param("track", TRACK | {"undocumented": 1}, id="what-is-not-forbidden"),
        pytest.param("identify", IDENTIFY, id="least-identify"),
        pytest.param("identify", IDENTIFY | {"traits": {"name": "N", "$tags": ["a", "b"]}}, id="traits"),
    ],
)
def test_a_documented_call_is_taken(kind: Kind, body: dict[str, Any]) -> None:
    """Every field that Browsee's pages name, in the form they name."""
    assert CHECKS.problem(kind, body) is None


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("track", None, "the body must be an object"),
        ("track", [], "the body must be an object"),
        ("track", {}, "apiKey is required"),
        ("track", {"apiKey": "k", "userId": "u"}, "event is required"),
        ("track", {"apiKey": "k", "event": "A"}, "at least one of userId and anonymousId is required"),
        ("track", TRACK | {"apiKey": ""}, "apiKey must not be empty"),
        ("track", TRACK | {"event": 7}, "event must be a string"),
        ("track", TRACK | {"userId": 7}, "userId must be a string"),
        ("track", TRACK | {"properties": [1]}, "properties must be an object"),
        ("track", TRACK | {"timestamp": "yesterday"}, "timestamp must be an ISO-8601 date and time"),
        ("track", TRACK | {"timestamp": "2021-13-02T00:30:08Z"}, "timestamp must be an ISO-8601 date and time"),
        ("track", TRACK | {"timestamp": 1638405008}, "timestamp must be a string"),
        ("identify", {"apiKey": "k"}, "at least one of userId and anonymousId is required"),
        ("identify", IDENTIFY | {"traits": "x"}, "traits must be an object"),
        ("identify", IDENTIFY | {"traits": {"$tags": "x"}}, "traits/$tags must be a list"),
        ("identify", IDENTIFY | {"traits": {"$tags": [1]}}, "traits/$tags/0 must be a string"),
    ],
)
def test_a_wrong_call_is_refused_in_words(kind: Kind, body: Any, problem: str) -> None:
    """The message names the field and what it must be, and quotes no value."""
    assert CHECKS.problem(kind, body) == problem

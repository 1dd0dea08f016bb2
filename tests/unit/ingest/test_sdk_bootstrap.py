"""What pages ask for with GET: pixels in every spelling, and the settings of browser SDKs."""

import base64
import json

import pytest

from adapter.ingest.decode import MAX_DEPTH, Body
from adapter.ingest.sdk_bootstrap import GIF, pixel_body, rudder_source_config, segment_settings
from adapter.model import Problem

MESSAGE = {"event": "Opened ✉", "userId": "u-1", "properties": {"a": "??>"}}


def in_base64(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ([("data", in_base64(json.dumps(MESSAGE).encode()))], MESSAGE),
        ([("data", in_base64(json.dumps(MESSAGE).encode()).rstrip("="))], MESSAGE),
        ([("data", base64.urlsafe_b64encode(json.dumps(MESSAGE, ensure_ascii=False).encode()).decode())], MESSAGE),
        ([("data", in_base64(json.dumps(MESSAGE, ensure_ascii=False).encode()).replace("+", " "))], MESSAGE),
        ([("writeKey", "k"), ("userId", "u"), ("event", "A")], {"userId": "u", "event": "A"}),
        ([("properties.a.b", "1"), ("properties.c", "2")], {"properties": {"a": {"b": "1"}, "c": "2"}}),
        ([("a", "1"), ("a.b", "2")], {"a": {"b": "2"}}),
        ([("a.b", "1"), ("a", "2")], {"a": "2"}),
        ([(".a", "1"), ("b.", "2")], {"": {"a": "1"}, "b": {"": "2"}}),
        ([], {}),
    ],
    ids=["base64", "without padding", "for URLs", "+ as a space", "names", "paths", "path beyond text",
         "text over path", "empty parts", "nothing"],
)  # fmt: skip
def test_a_pixel_says_its_message_in_its_query(query: list[tuple[str, str]], message: object) -> None:
    """JSON in base64 in any alphabet, or names with dots; the last of two that clash wins."""
    _, body = pixel_body(query)
    assert isinstance(body, Body)
    assert (body.messages[0], body.is_single) == (message, True)


@pytest.mark.parametrize(
    ("query", "keyword"),
    [
        ([("data", "!")], "base64"),
        ([("data", "x")], "base64"),
        ([("data", "é")], "base64"),
        ([("data", in_base64(b"{"))], "json"),
        ([(".".join("a" * (MAX_DEPTH + 1)), "1")], "depth"),
    ],
    ids=["no base64", "one digit", "not ASCII", "no JSON", "too deep"],
)
def test_a_pixel_that_says_nothing_is_a_problem(query: list[tuple[str, str]], keyword: str) -> None:
    """Nothing raises, however long the path; what is kept of it holds no key."""
    kept, problem = pixel_body([*query, ("writeKey", "secret-key")])
    assert isinstance(problem, Problem)
    assert problem.keyword == keyword
    assert b"secret-key" not in kept


def test_the_deepest_path_is_still_read() -> None:
    """A path of as many parts as a body may have levels."""
    assert isinstance(pixel_body([(".".join("a" * MAX_DEPTH), "1")])[1], Body)


def test_the_pixel_is_an_image_of_one_by_one() -> None:
    """Width and height stand in bytes 6 to 9 of a GIF."""
    assert GIF.startswith(b"GIF89a\x01\x00\x01\x00")


def test_analytics_js_gets_what_it_needs() -> None:
    """One integration, pointed at us, and no metrics: a second would load code of Segment's."""
    assert segment_settings(key="k", host="cdp.example") == {
        "integrations": {"Segment.io": {"apiKey": "k", "apiHost": "cdp.example/v1"}},
        "metrics": {"sampleRate": 0},
    }


def test_rudder_sdk_js_gets_what_it_needs() -> None:
    """Id, config, destinations and enabled: without one of them it stops."""
    source = rudder_source_config(key="k", source="shop")["source"]
    assert (source["id"], source["enabled"], source["config"], source["destinations"]) == ("shop", True, {}, [])
    assert source["writeKey"] == "k"

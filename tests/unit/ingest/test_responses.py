"""Answers: only words that all senders understand."""

import orjson
import pytest

from adapter.http.responses import Reply, Response, respond
from adapter.ingest.cors import cors, preflight
from adapter.model import Problem

ALL = [respond(reply) for reply in Reply]


@pytest.mark.parametrize("found", ALL, ids=[reply.value for reply in Reply])
def test_every_situation_is_reported_in_words_all_senders_understand(found: Response) -> None:
    """JSON, never empty, `success` always; an error has `code` and `message`, or a Python SDK sends it again."""
    said = orjson.loads(found.body)
    assert found.headers["Content-Type"] == "application/json"
    # 417 is for what no sender writes: `Expect` with another value than 100-continue.
    assert found.status in {200, 400, 401, 404, 405, 413, 417, 429, 503}
    assert said["success"] is (found.status == 200)
    assert found.status == 200 or (said["code"] == found.reply.value and said["message"])


def test_success_is_exactly_this() -> None:
    """Some SDKs want 200 and no other, and JSON that is not empty."""
    stored = respond(Reply.STORED)
    assert (stored.status, stored.body) == (200, b'{"success":true}')


@pytest.mark.parametrize(
    ("retry_after_s", "seconds"),
    [(0.0, "1"), (0.2, "1"), (1.1, "2"), (299.5, "300"), (86_400.0, "300"), (None, "1")],
    ids=str,
)
def test_retry_after_is_whole_seconds(retry_after_s: float | None, seconds: str) -> None:
    """Browsers parse whole seconds only and wait 300 at most; older ones read X-RateLimit-Reset."""
    headers = respond(Reply.LIMITED, retry_after_s=retry_after_s).headers
    assert (headers["Retry-After"], headers["X-RateLimit-Reset"]) == (seconds, seconds)


def test_only_what_may_be_tried_again_says_when() -> None:
    """429 and 503 carry Retry-After, nothing else does."""
    assert {made.status for made in ALL if "Retry-After" in made.headers} == {429, 503}
    assert all("Retry-After" in made.headers for made in ALL if made.status in {429, 503})


def test_problems_are_reported_as_pointers() -> None:
    """What is wrong with an event is said where it is wrong."""
    found = respond(Reply.INVALID, problems=[Problem("/event", "required", "is required")])
    assert orjson.loads(found.body)["problems"] == [
        {"pointer": "/event", "keyword": "required", "message": "is required"}
    ]


def test_a_wrong_method_names_the_right_ones() -> None:
    """405 without Allow is no answer."""
    assert respond(Reply.WRONG_METHOD, allow="POST").headers["Allow"] == "POST"


def test_pages_may_read_answers() -> None:
    """The origin is named, not `*`, so that it also works with credentials; nothing is added for others."""
    headers = cors("https://shop.example")
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Expose-Headers"] == "Retry-After, X-RateLimit-Reset"
    assert headers["Vary"] == "Origin"
    assert cors(None) == {}


@pytest.mark.parametrize(
    ("requested", "allowed"),
    [("authorization,x-mine", "authorization,x-mine"), (None, "authorization")],
    ids=["what it asks for", "what SDKs send"],
)
def test_a_preflight_allows_headers_by_name(requested: str | None, allowed: str) -> None:
    """`*` does not cover Authorization, which browsers' SDKs send."""
    headers = preflight("https://shop.example", methods="POST, OPTIONS", requested_headers=requested)
    assert headers["Access-Control-Allow-Headers"].startswith(allowed)
    assert "*" not in headers["Access-Control-Allow-Headers"]
    assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert headers["Access-Control-Max-Age"] == "86400"

"""The sandbox's stand-in as the console shows it and changes it, over real sockets."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.integration.test_api import Asking, a_shop
from tests.openapi import shaped
from tests.operated import api_alone, service, settings_in

HOSTILE = "<img src=x onerror=alert(1)>"
DOWN = "- when: {event: ORDER_COMPLETED}\n  status: 503\n"


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asking]:
    with service(settings_in(a_shop(tmp_path), sandbox=True)) as url:
        yield Asking(url)


def send(ask: Asking, user: str, total: str = "27.50") -> None:
    event = {"type": "track", "event": "Order Completed", "userId": user, "properties": {"total": total}}
    assert ask("POST", "/webhooks/shop/a-key-of-shop", body=event, token=None).status == 200


def calls(ask: Asking, query: str = "", *, n: int = 1) -> list[dict[str, Any]]:
    """The calls that the stand-in got, once there are `n`."""
    deadline = time.monotonic() + 20
    while True:
        found = shaped(ask("GET", f"/api/sandbox/calls{query}").json, "SandboxCalls")["calls"]
        if len(found) >= n or time.monotonic() > deadline:
            return list(found)
        time.sleep(0.02)


def test_it_shows_what_the_stand_in_got_and_answered(ask: Asking) -> None:
    """Newest first, in pages, by user and by name, without a key; values are as they were sent."""
    for user in ("u-1", "u-2", HOSTILE):
        send(ask, user)
        calls(ask, f"?user={quote(user)}")
    found = calls(ask, n=3)
    assert [call["user"] for call in found] == [HOSTILE, "u-2", "u-1"]
    assert {(call["kind"], call["event"], call["status"], call["message"]) for call in found} == {
        ("track", "ORDER_COMPLETED", 200, None)
    }
    assert "apiKey" not in found[0]["body"]
    page = ask("GET", "/api/sandbox/calls?limit=2").json
    assert [call["user"] for call in page["calls"]] == [HOSTILE, "u-2"]
    rest = ask("GET", f"/api/sandbox/calls?limit=2&before={page['next']}").json
    assert ([call["user"] for call in rest["calls"]], rest["next"]) == (["u-1"], None)
    assert [call["user"] for call in calls(ask, "?user=u-2&event=ORDER_COMPLETED")] == ["u-2"]
    assert calls(ask, "?event=OTHER", n=0) == []


def test_a_script_a_limit_and_a_clear_count_from_now_on(ask: Asking) -> None:
    """What is left out stays; null takes it away."""
    assert shaped(ask("GET", "/api/sandbox").json, "SandboxState") == {
        "calls": 0, "statuses": {}, "limit": None, "script": ""
    }  # fmt: skip
    state = ask("PUT", "/api/sandbox", body={"script": DOWN}).json
    assert (state["script"], state["limit"]) == (DOWN, None)
    send(ask, "u-1")
    assert calls(ask)[0]["status"] == 503
    state = ask("PUT", "/api/sandbox", body={"limit": "1200/m", "script": None}).json
    assert (state["script"], state["limit"], state["statuses"].keys()) == ("", "1200/m", {"503"})
    state = ask("PUT", "/api/sandbox", body={"clear": True, "limit": ""}).json
    assert (state["calls"], state["limit"]) == (0, None)


def test_a_connection_that_was_closed_has_no_status(ask: Asking) -> None:
    """Rather than one that HTTP does not have."""
    ask("PUT", "/api/sandbox", body={"script": "- drop: true\n"})
    send(ask, "u-1")
    assert calls(ask)[0]["status"] is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "at least one of them"),
        ({"limits": "1/s"}, "limit, script, clear"),
        ({"limit": "fast"}, "20/s"),
        ({"limit": 5}, "limit: text of at most 20"),
        ({"limit": "1" * 21}, "limit: text of at most 20"),
        ({"script": "- status: 700\n"}, "script:1:11: expected: an HTTP status, 200 to 599"),
        ({"script": "\t- ["}, "script:1:1"),
        ({"script": "x" * 65_537}, "script: text of at most 65536"),
        ({"limit": "1/s", "script": "- {}"}, "script:1:3"),
        ({"clear": 1}, "clear: true or false"),
    ],
)
def test_what_cannot_be_read_changes_nothing(ask: Asking, body: dict[str, Any], says: str) -> None:
    """And is said with its line."""
    answered = ask("PUT", "/api/sandbox", body=body)
    assert (answered.status, answered.json["code"]) == (400, "invalid_request")
    assert says in answered.json["message"]
    assert ask("GET", "/api/sandbox").json["limit"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=x", "before=-1", f"user={'u' * 501}", "status=200"])
def test_queries_that_ask_for_nothing_known_are_refused(ask: Asking, query: str) -> None:
    """As those of the other lists."""
    assert ask("GET", f"/api/sandbox/calls?{query}").status == 400


def test_elsewhere_there_is_no_sandbox(tmp_path: Path) -> None:
    """A service that delivers to Browsee says so, whatever is asked."""
    with api_alone(settings_in(a_shop(tmp_path))) as url:
        ask = Asking(url)
        answers = [
            ask("GET", "/api/sandbox"),
            ask("GET", "/api/sandbox/calls"),
            ask("PUT", "/api/sandbox", body={"clear": True}),
        ]
    assert [(answer.status, orjson.loads(answer.body)["code"]) for answer in answers] == [(404, "no_sandbox")] * 3

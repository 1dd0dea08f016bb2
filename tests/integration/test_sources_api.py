"""Sources, keys, settings in force and event names over HTTP: what is shown, and what never is."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.integration.test_api import Asking, a_shop
from tests.openapi import shaped
from tests.operated import TOKEN, api_alone, service, settings_in
from tests.unit.cli.queues import Ended, an_order, fill

KEY = "a-key-of-shop"
SECRET = "browsee-key-of-shop"
SETTINGS = f"""\
queue: sqlite:///queue.db
retention: {{dead: 14d}}
browsee: {{rate: 20/s}}
sources:
  shop: {{keys: [{KEY}], mapping: shop.yaml, browsee_api_key: {SECRET}, limit: 50/s, vars: {{currency: EUR}}}}
"""
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asking]:
    with service(settings_in(a_shop(tmp_path, SETTINGS), sandbox=True)) as url:
        yield Asking(url)


def send(ask: Asking, key: str = KEY, **event: object) -> int:
    return ask("POST", f"/webhooks/shop/{key}", body={"type": "track", "userId": "u", **event}, token=None).status


def test_a_source_says_what_came_and_what_was_refused(ask: Asking) -> None:
    """Its last event, the last use of its key, and requests with a wrong key; never a key."""
    [before] = shaped(ask("GET", "/api/sources").json, "Sources")["sources"]
    assert (before["lastEvent"], before["refused"], before["keys"][0]["lastUsed"]) == (None, [], None)
    assert send(ask, event=HOSTILE) == 200
    assert [send(ask, key="wrong", event="x") for _ in range(2)] == [401, 401]
    answered = ask("GET", "/api/sources")
    [source] = shaped(answered.json, "Sources")["sources"]
    assert (source["name"], source["limitPerS"], source["order"], source["signing"]) == ("shop", 50, "user", False)
    assert (source["lastEvent"]["event"], source["lastEvent"]["type"]) == (HOSTILE, "track")
    assert [(each["code"], each["count"]) for each in source["refused"]] == [("key_unknown", 2)]
    assert source["keys"][0]["lastUsed"] is not None
    assert KEY.encode() not in answered.body


async def test_a_source_that_fell_silent_says_its_last_event(tmp_path: Path) -> None:
    """However many others came since: one look at the queue does not go that far down."""
    both = f"{SETTINGS}  busy: {{keys: [another-key], mapping: shop.yaml, browsee_api_key: other}}\n"
    queue = a_shop(tmp_path, both) / "queue.db"
    await fill(queue, [Ended(an_order("old")), Ended(replace(an_order("new"), source="busy"))])
    with closing(sqlite3.connect(queue)) as connection, connection:
        connection.execute("UPDATE message SET seq = 450000 WHERE message_id = 'new'")
    with api_alone(settings_in(tmp_path)) as url:
        found = shaped(Asking(url)("GET", "/api/sources").json, "Sources")["sources"]
    assert {source["name"]: source["lastEvent"]["id"] for source in found} == {"shop": "1", "busy": "450000"}


def test_a_key_is_shown_for_the_token_alone(ask: Asking) -> None:
    """Which is asked for again, and counted as a try where it is wrong."""
    [key] = ask("GET", "/api/sources").json["sources"][0]["keys"]
    body = {"source": "shop", "key": key["name"], "token": TOKEN}
    assert ask("POST", "/api/sources/key", body=body).json == {"key": KEY}
    assert ask("POST", "/api/sources/key", body={**body, "token": "wrong"}).json["code"] == "unauthorized"
    for wrong in ({"source": "other"}, {"key": KEY}, {"key": ""}):
        answered = ask("POST", "/api/sources/key", body={**body, **wrong})
        assert (answered.status, answered.json["code"]) == (404, "no_such_key")
    for unclear in ({}, {"source": "shop"}, {**body, "token": 1}, {**body, "more": "x"}):
        assert ask("POST", "/api/sources/key", body=unclear).status == 400


def test_settings_say_where_they_come_from_and_no_secret(ask: Asking) -> None:
    """File and line, variable, option, default."""
    answered = ask("GET", "/api/settings")
    found = {each["path"]: each for each in shaped(answered.json, "SettingsInForce")["settings"]}
    assert SECRET.encode() not in answered.body
    assert KEY.encode() not in answered.body
    assert TOKEN.encode() not in answered.body
    origins = {path: (each["value"], each["from"]) for path, each in found.items()}
    assert origins["retention.dead"] == ("14d", "adapter.yaml:2")
    assert origins["retention.history"] == ("24h", "default")
    assert origins["browsee.rate"] == ("20/s", "adapter.yaml:3")
    assert origins["admin_token"] == ("(set)", "ADAPTER_ADMIN_TOKEN")
    assert origins["sources.shop.keys"] == ("(set)", "adapter.yaml:5")
    assert origins["sources.shop.signing_secrets"] == (None, "default")
    assert origins["sources.shop.vars.currency"] == ("EUR", "adapter.yaml:5")
    assert origins["listen"] == ("127.0.0.1:0", "--host, --port")
    assert origins["queue"][1] == "--sandbox"
    assert origins["hash_key"] == (None, "not set")


def test_a_group_that_is_off_has_no_settings_in_it(tmp_path: Path) -> None:
    """`console: off` is one line of the list, not a line and an unset setting in it."""
    with service(settings_in(a_shop(tmp_path, f"console: off\n{SETTINGS}"), sandbox=True)) as url:
        listed = {each["path"]: each for each in Asking(url)("GET", "/api/settings").json["settings"]}
    assert [path for path in listed if path.startswith("console")] == ["console"]
    assert (listed["console"]["value"], listed["console"]["from"]) in (
        (False, "adapter.yaml:1"),
        ("off", "adapter.yaml:1"),
    )


def test_names_have_counts_types_and_their_rule(ask: Asking) -> None:
    """Most frequent first, with no value of any event."""
    for total in ("27.50", "31.00", 12):
        send(ask, event="Order Completed", properties={"total": total, "items": [{"sku": "secret-sku"}, {"sku": 7}]})
    send(ask, event=HOSTILE, properties={"deep": {"flag": True, "none": None, "empty": []}})
    send(ask, type="page")
    answered = ask("GET", "/api/names")
    page = shaped(answered.json, "Names")
    assert b"secret-sku" not in answered.body
    assert (page["events"], page["next"], page["otherNames"]) == (5, None, 0)
    order, *others = page["names"]
    assert (order["name"], order["events"], order["outcome"], order["rule"]) == (
        "Order Completed",
        3,
        "mapped",
        "rule 1",
    )
    assert order["ruleLine"] >= 1
    assert order["paths"] == [
        {"path": "properties.items[].sku", "types": {"text": 3, "number": 3}},
        {"path": "properties.total", "types": {"text": 2, "number": 1}},
    ]
    assert {(name["name"], name["type"], name["outcome"]) for name in others} == {
        (HOSTILE, "track", "dropped"),
        (None, "page", "dropped"),
    }
    deep = next(name for name in others if name["name"] == HOSTILE)
    assert {path["path"]: path["types"] for path in deep["paths"]} == {
        "properties.deep.flag": {"boolean": 1},
        "properties.deep.none": {"null": 1},
        "properties.deep.empty": {"list": 1},
    }
    assert ask("GET", "/api/names?source=other").json["names"] == []
    assert ask("GET", "/api/names?since=2100-01-01T00:00:00Z").json["events"] == 0
    assert ask("GET", "/api/names?before=x").status == 400


def test_names_bear_events_of_ten_thousand_keys(ask: Asking) -> None:
    """The paths of a name are bounded, and so are the names of an answer."""
    send(ask, event="Wide", properties={f"key-{n}": n for n in range(10_000)})
    for n in range(3):
        send(ask, event=f"Name {n}")
    page = shaped(ask("GET", "/api/names").json, "Names")
    [wide] = [name for name in page["names"] if name["name"] == "Wide"]
    assert len(wide["paths"]) == 200


LISTS = (
    "/readyz", "/api/summary", "/api/mappings", "/api/mapping?source=shop", "/api/mapping/history?source=shop",
    "/api/events?mapped=true", "/api/event?id=1", "/api/where?id=1", "/api/tail", "/api/dead", "/api/dead/causes",
    "/api/names", "/api/sources", "/api/settings", "/api/series", "/api/deletions", "/api/sandbox/calls",
)  # fmt: skip


def test_every_instant_is_written_in_one_way(ask: Asking) -> None:
    """With milliseconds or more, and Z: a program that reads one reads all of them, and texts sort as they came."""
    assert send(ask, event="Order Completed", properties={"total": 1}) == 200
    assert send(ask, "wrong") == 401
    found = [each for path in LISTS for each in _instants(path, ask("GET", path).json)]
    assert {path.partition("?")[0] for path, _ in found} >= {"/readyz", "/api/summary", "/api/sources", "/api/events"}
    assert [each for each in found if not re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{3,6}Z", each[1])] == []


def _instants(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _instants(path, inner)
    elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", value):
        yield path, value

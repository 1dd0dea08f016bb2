"""The line of an event on a terminal, and instants as operators give them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from rich.cells import cell_len

from adapter.cli.event_line import EventLines
from adapter.cli.when import instant
from adapter.printable import printable

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EAST = timezone(timedelta(hours=5, minutes=30))


def entry(**changed: Any) -> dict[str, Any]:
    return {
        "id": "101",
        "source": "shop",
        "messageId": "m-1",
        "receivedAt": "2026-11-23T04:08:43.000Z",
        "type": "track",
        "event": "Order Completed",
        "userId": "u-77",
        "anonymousId": None,
        "outcome": "delivered",
        "cause": None,
        "rule": "orders",
        "endedAt": "2026-11-23T04:08:43.400Z",
        "warnings": [],
        "waitsFor": None,
        **changed,
    }


def line(width: int = 100, **changed: Any) -> str:
    return EventLines(width, zone=UTC, today=NOON).line(entry(**changed)).plain


def test_a_line_says_who_what_and_what_became_of_it() -> None:
    assert " ".join(line().split()) == "101 04:08:43 track Order Completed u-77 ✓ delivered 0.4 s, orders"


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"outcome": "dead", "cause": "total: no number"}, "✗ dead total: no number"),
        ({"outcome": "unmatched", "rule": None}, "? unmatched no rule takes it"),
        ({"outcome": "pending", "endedAt": None, "waitsFor": "delivery is paused"}, "… pending delivery is paused"),
        ({"outcome": "delivered", "rule": None, "warnings": [{}]}, "✓ delivered 0.4 s, 1 warning"),
        ({"outcome": "delivered", "rule": None, "endedAt": "2026-11-23T06:08:43Z"}, "✓ delivered 2:00:00"),
    ],
)
def test_each_outcome_has_its_reason(changed: dict[str, Any], end: str) -> None:
    assert " ".join(line(140, **changed).split()).endswith(end)


def test_a_rejection_has_a_line_too() -> None:
    kept = entry(id="r7", outcome="rejected", cause="not JSON")
    for name in ("type", "event", "userId", "anonymousId", "rule", "endedAt", "warnings"):
        del kept[name]

    shown = EventLines(100, zone=UTC, today=NOON).line(kept).plain

    assert " ".join(shown.split()) == "r7 04:08:43 - - ✗ rejected not JSON"


@pytest.mark.parametrize("width", [60, 80, 100, 139, 140, 300])
@pytest.mark.parametrize(
    "name", ["x" * 500, "日本語" * 100, "\x1b[2J\x1b]0;owned\x07", "👩‍👩‍👧‍👦" * 40, "a\nb\tc\u202e", ""]
)
def test_a_line_is_as_wide_as_the_terminal_whatever_is_in_it(width: int, name: str) -> None:
    shown = line(width, event=name, userId=name, source=name, cause=name, outcome="dead")
    head = EventLines(width, zone=UTC, today=NOON).head().plain

    assert cell_len(shown) == cell_len(head) <= width
    assert printable(shown) == shown


def test_a_long_id_is_never_cut() -> None:
    assert line(id="1234567890123").startswith("1234567890123  ")


@pytest.mark.parametrize(
    ("received", "shown"), [("2026-11-23T12:00:00Z", "17:30:00"), ("2026-11-22T17:00:00Z", "11-22 22:30")]
)
def test_times_are_those_of_the_one_who_reads(received: str, shown: str) -> None:
    at = datetime.fromisoformat(received)

    lines = EventLines(100, zone=EAST, today=NOON, oldest=at)

    assert f"  {shown}  " in lines.line(entry(receivedAt=received)).plain


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("10m", "2026-11-23T11:50:00Z"),
        ("3d", "2026-11-20T12:00:00Z"),
        ("04:00", "2026-11-23T04:00:00Z"),
        ("23:59", "2026-11-22T23:59:00Z"),
        ("04:00:30", "2026-11-23T04:00:30Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("2026-11-23T06:35:36Z", "2026-11-23T06:35:36Z"),
    ],
)
def test_an_instant_is_a_date_an_age_or_a_time_of_day(given: str, meant: str) -> None:
    assert instant(given, now=NOON) == datetime.fromisoformat(meant)


@pytest.mark.parametrize("given", ["", "0m", "25:00", "yesterday", "999999999999d", "4:00"])
def test_other_texts_are_no_instants(given: str) -> None:
    assert instant(given, now=NOON) is None

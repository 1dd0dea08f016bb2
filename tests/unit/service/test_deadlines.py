"""The time that is left until something would be lost, in figures and in a sentence."""

from datetime import timedelta
from typing import Any

import pytest

from adapter.ingest.refusals import Refusing
from adapter.queue.contract import Balance, Disk
from adapter.service.deadlines import (
    Deadline,
    RetryHorizons,
    deadline_facts,
    deadline_gauges,
    deadlines,
    humanize_duration,
)
from tests.fakes import RECEIVED_AT

PATIENCE = RetryHorizons({"shop": 10_800, "app": 14_400}, retry_for_s=259_200)


def found(*refusals: Refusing, full_s: float | None = None, oldest_s: float | None = None) -> list[Deadline]:
    """With a disk that is full in `full_s`, and an event that has been pending for `oldest_s`."""
    oldest = None if oldest_s is None else RECEIVED_AT - timedelta(seconds=oldest_s)
    return deadlines(
        PATIENCE,
        refusals,
        balance=Balance(counts={}, pending=1, dead=0, oldest_received_at=oldest),
        disk=Disk(used_bytes=1, max_bytes=2, time_to_full_s=full_s),
        now=RECEIVED_AT,
    )


def shown(of: list[Deadline]) -> dict[tuple[str, ...], float]:
    return {(gauge.metric.name, *gauge.labels): gauge.value for gauge in deadline_gauges(of)}


GIVEN_UP = "an event whose calls fail is given up after 3 d of trying (retry.for)"
FULL = "at the present growth retention.max_disk is full in 2 h 10 min; then senders are asked to come later"

CASES: list[tuple[dict[str, Any], str, float, str]] = [
    ({"full_s": 7_800.0}, "full", 7_800, FULL),
    (
        {"oldest_s": 86_400.0},
        "dead",
        172_800,
        f"the oldest event has waited for 1 d; {GIVEN_UP}, in 2 d at the earliest",
    ),
    (
        {"oldest_s": 300_000.0},
        "dead",
        0,
        f"the oldest event has waited for 3 d 11 h; {GIVEN_UP}, which can be any time now",
    ),
]


@pytest.mark.parametrize(("given", "until", "left_s", "says"), CASES, ids=["full", "dead", "dead already"])
def test_what_is_going_wrong_is_said(given: dict[str, Any], until: str, left_s: float, says: str) -> None:
    """What ends, when, and by which setting."""
    assert found(**given) == [Deadline(until, left_s, says)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("for_s", "left_s", "end"),
    [(1_800, 9_000, "gives up in 2 h 30 min on what it sent first"), (12_000, 0, "is giving up: events are lost")],
    ids=["in time", "too late"],
)
def test_a_sender_that_is_refused_gives_up(for_s: float, left_s: float, end: str) -> None:
    """After the horizon of its source, less the time since its first message was refused."""
    [deadline] = found(Refusing("shop", for_s, "the queue is full"))
    assert (deadline.until, deadline.source, deadline.left_s) == ("loss", "shop", left_s)
    assert deadline.says == (
        f"shop has been refused for {humanize_duration(for_s)}: the queue is full;"
        f" its sender tries for 3 h (sources.shop.horizon) and {end}"
    )


def test_what_ends_first_is_shown() -> None:
    """The others are figures."""
    of = found(Refusing("shop", 100, "x"), Refusing("app", 200, "x"), full_s=500.0, oldest_s=3_600.0)
    assert [(deadline.until, deadline.source) for deadline in of] == [
        ("full", ""),
        ("loss", "shop"),
        ("loss", "app"),
        ("dead", ""),
    ]
    assert deadline_facts(of) == {
        "time_left": {"until": "full", "seconds": 500, "says": of[0].says},
        "time_to_loss_s": {"shop": 10_700, "app": 14_200},
    }
    assert shown(of) == {
        ("browsee_adapter_time_to_loss_seconds", "shop"): 10_700,
        ("browsee_adapter_time_to_loss_seconds", "app"): 14_200,
        ("browsee_adapter_time_to_dead_seconds",): 255_600,
        ("browsee_adapter_time_left_seconds",): 500,
    }


def test_nothing_is_said_while_all_is_well() -> None:
    """An event that is on its way is no backlog."""
    assert found(oldest_s=59.0) == found() == []
    assert (deadline_facts([]), shown([])) == ({}, {})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_601, "1 h"), (90_061, "1 d 1 h"), (-5, "0 s")],
    ids=str,
)
def test_times_are_reported_as_people_tell_them(seconds: float, words: str) -> None:
    """In their two largest units."""
    assert humanize_duration(seconds) == words

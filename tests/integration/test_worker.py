"""The worker between a real queue and a real sandbox: what each answer of Browsee does to events and their order."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from adapter.deliver.browsee import Browsee
from adapter.model import Calls, Event, Reason
from adapter.observe.delivery_telemetry import (
    CallAnswered,
    EventDelivered,
    EventDied,
    EventDropped,
    EventRetried,
    EventUnmatched,
    WorkerFailed,
)
from adapter.observe.telemetry import Telemetry
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.sandbox.script import Script
from adapter.service.wiring import steady_clock
from tests.fakes import TRACEPARENT, make_event, until
from tests.integration.road import Road, clicks, make_worker, open_road, ruleset

MAPPING = """\
version: 1
rules:
  - name: Noise
    when: {type: track, event: Heartbeat}
    drop: too frequent
  - name: An order
    when: {type: track, event: Order Completed}
    send:
      - track: ORDER
        copy: none
        properties:
          id: {from: properties.id, required: true}
      - track: ITEM
        each: properties.items
        copy: none
        properties: {sku: item}
  - when: {type: track}
    track: {from: event, apply: [snake, upper]}
  - when: {type: identify}
    identify: true
"""


@pytest.fixture
async def road() -> AsyncIterator[Road]:
    mapping = ruleset(MAPPING)
    async with open_road(lambda _: mapping) as opened:
        yield opened


async def test_every_outcome_is_reached(road: Road) -> None:
    """Delivered, dropped, unmatched and refused by the mapping, each counted and said once."""
    await road.queue.put(
        [
            make_event("m-1", user="a"),
            make_event("m-2", user="b", event="Heartbeat"),
            make_event("m-3", user="c", type="group"),
            make_event("m-4", user="d", event="Order Completed"),
        ]
    )
    assert await road.settled() == {"delivered": 1, "dropped": 1, "unmatched": 1, "dead": 1}
    assert [call["event"] for call in await road.calls()] == ["CLICKED"]
    [died] = road.heard(EventDied)
    assert isinstance(died, EventDied)
    assert (died.reason, died.message_id) == (Reason.REFUSED_BY_MAPPING, "m-4")


async def test_what_becomes_of_an_event_is_reported_with_its_trace(road: Road) -> None:
    """Tried again, delivered, dropped, unmatched or dead: each says which request brought it, but not to Browsee."""
    road.script("- {nth: 1, status: 503}")
    events = {"a": {}, "b": {"event": "Heartbeat"}, "c": {"type": "group"}, "d": {"event": "Order Completed"}}
    await road.queue.put(
        [make_event(user, user=user, traceparent=TRACEPARENT, **body) for user, body in events.items()]
    )
    await road.settled()
    for kind in (
        EventRetried,
        EventDelivered,
        EventDropped,
        EventUnmatched,
        EventDied,
    ):
        [found] = road.heard(kind)
        assert getattr(found, "traceparent") == TRACEPARENT  # noqa: B009 - of several kinds
    assert TRACEPARENT not in str(await road.calls())


async def test_a_line_says_where_the_time_went(road: Road) -> None:
    """The second event of a user waits for its order while Browsee takes its time for the first."""
    road.script("- {nth: 1, delay_s: 0.2}")
    await road.queue.put(clicks(2))
    assert await road.settled() == {"delivered": 2}
    first, second = (h for h in road.heard(EventDelivered) if isinstance(h, EventDelivered))
    assert 0.2 <= second.order_s - first.order_s <= second.seconds - first.order_s
    assert first.turn_s < 0.2
    slow, quick = (h for h in road.heard(CallAnswered) if isinstance(h, CallAnswered))
    assert slow.seconds >= 0.2 > max(quick.seconds, slow.wait_s, quick.wait_s)


async def test_a_damaged_event_dies_alone(path: Path) -> None:
    """Bytes that went bad on the disk end one event, with a reason; all others go on, and operators can look at it."""
    queue, mapping = await SqliteQueue.open(path, now=steady_clock()), ruleset(MAPPING)
    await queue.put([make_event("m-1", user="a"), make_event("m-2", user="a"), make_event("m-3", user="b")])
    disk = sqlite3.connect(path, isolation_level=None)
    disk.execute("UPDATE message SET body = CAST('{\"type\":\"tra' AS BLOB) WHERE message_id = 'm-1'")
    disk.close()
    assert (await queue.put([make_event("m-1", user="a")])).differing == 1
    async with open_road(lambda _: mapping, queue=queue) as road:
        assert await road.settled() == {"delivered": 2, "dead": 1, "rejected": 1}
        [died] = road.heard(EventDied)
        assert isinstance(died, EventDied)
        assert (died.reason, died.message_id) == (Reason.DAMAGED, "m-1")
        with SqliteQueueAdmin.open(path) as admin:
            [record] = admin.dead()
            assert record.cause == "damaged: the stored event is damaged and cannot be read"
            assert admin.discard([record.seq]) == 1
    await queue.close()


async def test_a_delivered_event_names_its_rule(path: Path) -> None:
    """The rule of its first call is kept with it."""
    queue, mapping = await SqliteQueue.open(path, now=steady_clock()), ruleset(MAPPING)
    await queue.put([make_event("m-1", event="Order Completed", properties={"id": 1, "items": [{"sku": "A"}]})])
    async with open_road(lambda _: mapping, queue=queue) as road:
        assert await road.settled() == {"delivered": 1}
        with SqliteQueueAdmin.open(path) as admin:
            [record] = admin.since(0, limit=2)
    assert (record.rule, record.cause) == ("An order", "")
    await queue.close()


async def test_a_refusal_is_final_and_lets_the_next_go(road: Road) -> None:
    """400 is never tried again, and never holds up the user."""
    road.script("- {nth: 1, status: 400, body: {status: failure, message: no such event}}")
    await road.queue.put(clicks(3))
    assert await road.settled() == {"dead": 1, "delivered": 2}
    assert [call["properties"]["n"] for call in await road.calls()] == [0, 1, 2]


@pytest.mark.parametrize(
    "rule",
    ["status: 503", "drop: true", "{status: 200, body: a proxy's page}", "status: 408"],
    ids=["5xx", "connection lost", "not JSON", "408"],
)
async def test_trouble_is_tried_again_in_order(road: Road, rule: str) -> None:
    """Each user's first two tries fail: every event arrives, and none overtakes another of its user."""
    fields = rule.strip("{}")
    road.script(f"- {{nth: 1-2, per: user, {fields}}}")
    await road.queue.put([event for user in "abc" for event in clicks(4, user=user)])
    assert await road.settled() == {"delivered": 12}
    for user in "abc":
        seen = [call["properties"]["n"] for call in await road.calls() if call["userId"] == user]
        assert seen == [0, 0, 0, 1, 2, 3]


async def test_an_event_is_given_up_after_its_time(road: Road) -> None:
    """Failing for longer than `retry.for` ends as dead, exhausted; the user's next event goes on."""
    road.script("- {when: {event: CLICKED}, status: 500}")
    await road.queue.put([make_event("m-1"), make_event("m-2", event="Viewed")])
    assert await road.settled() == {"dead": 1, "delivered": 1}
    [died] = road.heard(EventDied)
    assert isinstance(died, EventDied)
    assert died.reason is Reason.EXHAUSTED
    assert len(await road.calls(status=500)) > 2


async def test_a_429_uses_up_no_attempt(road: Road) -> None:
    """However often Browsee says to slow down, the event is not the one to blame."""
    road.script("- {nth: 1-30, status: 429}")
    await road.queue.put(clicks(1))
    assert await road.settled() == {"delivered": 1}
    assert {h.attempt for h in road.heard(EventRetried) if isinstance(h, EventRetried)} == {0}


async def test_calls_that_got_through_are_not_sent_again(road: Road) -> None:
    """Of an event of three calls only those are repeated that failed, and they stay in order."""
    road.script("- {when: {event: ITEM}, nth: 2-3, status: 503}")
    await road.queue.put(
        [make_event("m-1", event="Order Completed", properties={"id": "o-1", "items": ["a", "b", "c"]})]
    )
    assert await road.settled() == {"delivered": 1}
    seen = [call["properties"].get("sku", call["event"]) for call in await road.calls()]
    assert seen == ["ORDER", "a", "b", "b", "b", "c"]


async def test_a_wrong_key_leaves_the_backlog_in_peace(road: Road) -> None:
    """Only what probes is leased and put off: not each of the events that wait, over and over."""
    road.script("- {status: 401}")
    await road.queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(300)])
    await until(lambda: road.has_calls(30))
    assert len(road.heard(EventRetried)) < 200
    road.script("[]")
    assert await road.settled() == {"delivered": 300}


async def test_a_wrong_key_burns_nothing(road: Road) -> None:
    """While Browsee answers 401 one call probes now and then; nothing dies, and all is delivered afterwards."""
    road.script("- {status: 401}")
    await road.queue.put([event for user in "abcdef" for event in clicks(5, user=user)])
    await until(lambda: road.has_calls(5))
    balance = await road.queue.balance()
    assert (balance.pending, balance.dead) == (30, 0)
    await until(lambda: road.goes("paused"))
    road.sandbox.script = Script()
    assert await road.settled() == {"delivered": 30}


async def test_refusals_of_everybody_are_not_the_events_fault(road: Road) -> None:
    """The same 400 for several users in a row is a wrong key: those events are pending again and arrive later."""
    road.script("- {nth: 1-40, status: 400, body: {status: failure, message: invalid key}}")
    await road.queue.put([event for user in "abcdefgh" for event in clicks(3, user=user)])
    assert await road.settled() == {"delivered": 24}
    for user in "abcdefgh":
        taken = [call["properties"]["n"] for call in await road.calls(status=200) if call["userId"] == user]
        assert sorted(taken) == [0, 1, 2]


async def test_a_fault_of_ours_ends_as_a_dead_letter(road: Road) -> None:
    """A ruleset that breaks is said with its place, costs tries like any failure, and never ends the worker."""

    class Broken:
        version = "0123456789ab"

        def render(self, event: Event) -> Calls:
            raise ZeroDivisionError(event.body["userId"])

    said: list[Telemetry] = []
    await road.worker.stop(grace_s=1)
    async with Browsee("http://127.0.0.1:9") as browsee:
        worker = make_worker(road.queue, browsee, said, lambda _: Broken())  # type: ignore[arg-type, return-value]
        running = asyncio.create_task(worker.run())
        await road.queue.put(clicks(1))
        assert await road.settled() == {"dead": 1}
        await worker.stop(grace_s=1)
        await running
    faults = [h.error for h in said if isinstance(h, WorkerFailed)]
    assert len(faults) > 1
    assert faults[0].startswith("ZeroDivisionError at tests.integration.test_worker:")
    assert "u-1" not in "".join(faults)


async def test_stopping_ends_the_calls_under_way(road: Road) -> None:
    """A slow call that is open at `stop` is finished and settled, once; what waits stays pending and unleased."""
    road.script("- {nth: 1, delay_s: 0.5}")
    await road.queue.put(clicks(3))
    await until(lambda: road.has_calls(1))
    await road.worker.stop(grace_s=5)
    balance = await road.queue.balance()
    assert (balance.counts["delivered"], balance.pending) == (1, 2)
    assert len(await road.calls()) == 1
    [lease] = await road.queue.take(sources=["shop"], limit=10, lease_s=1, wait_s=0)
    assert lease.event.message_id == "u-1-1"


async def test_a_call_beyond_the_grace_is_cut_off(road: Road) -> None:
    """The event is pending again and its lane free: it may be repeated, and is not lost."""
    road.script("- {nth: 1, delay_s: 30}")
    await road.queue.put(clicks(1))
    await until(lambda: road.has_calls(1))
    await road.worker.stop(grace_s=0.05)
    [lease] = await road.queue.take(sources=["shop"], limit=10, lease_s=1, wait_s=0)
    assert (lease.event.message_id, lease.attempt) == ("u-1-0", 0)


async def test_order_is_exact_under_a_mix_of_answers(road: Road) -> None:
    """Ten users of twenty events, each with failures of its own: no user's event is tried before the one before it
    has had its final answer.
    """
    road.script(
        """\
- {nth: 2-3, per: user, status: 503}
- {nth: 7, per: user, status: 400, body: {status: failure, message: odd}}
- {nth: 11, per: user, drop: true}
"""
    )
    await road.queue.put([event for user in "abcdefghij" for event in clicks(20, user=user)])
    ended = await road.settled()
    assert sum(ended.values()) == 200
    for user in "abcdefghij":
        tried = [call["properties"]["n"] for call in await road.calls() if call["userId"] == user]
        assert all(later - earlier in (0, 1) for earlier, later in pairwise(tried))
        assert tried[-1] == 19


async def test_tracks_pass_while_identify_alone_is_refused(road: Road) -> None:
    """A plan without identify: its events are parked and burn nothing, tracks of the same users arrive; when Browsee
    takes identify calls again the parked ones go.
    """
    road.script("- {when: {kind: identify}, status: 402}")
    await road.queue.put(
        [
            event
            for user in "abc"
            for event in (make_event(f"{user}-id", user=user, type="identify"), *clicks(3, user=user))
        ]
    )

    async def tracks_passed() -> bool:
        return (await road.queue.balance()).counts.get("delivered") == 9

    await until(tracks_passed)
    balance = await road.queue.balance()
    assert (balance.pending, balance.dead) == (3, 0)
    await until(lambda: road.goes("slowed"))
    road.sandbox.script = Script()
    assert await road.settled() == {"delivered": 12}

"""One task reads news for many listeners: what each of them gets, and when nothing is read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeAlias

import orjson
import pytest

from adapter.console.stream_hub import RESYNC, TOPICS, StreamDeps, StreamHub, StreamLimits, StreamListener
from adapter.errors import QueueError
from adapter.model import JsonObject

Heard: TypeAlias = list[tuple[str, JsonObject]]
Enough: TypeAlias = Callable[[Heard], bool | None]

QUICK = StreamLimits(listeners=2, turn_s=0.005, summary_s=0, resync_s=0.05)


@dataclass
class Service:
    """What the hub asks. `rows` are entries by their number, in order; `ended` the ids that were settled."""

    rows: list[JsonObject] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    old_pending: list[str] = field(default_factory=list)
    summary: JsonObject = field(default_factory=lambda: {"ready": True})
    asked: int = 0
    fails: bool = False

    async def tail(self, after: str | None, watch: Sequence[str]) -> JsonObject:
        self.asked += 1
        if self.fails:
            raise QueueError("the disk is full")
        newest = f"{len(self.rows)}.0"
        if after is None:
            return {"entries": [], "pending": [], "next": newest}
        ended = [{"id": id_, "outcome": "delivered"} for id_ in watch if id_ in self.ended]
        fresh = self.rows[int(after.partition(".")[0]) :]
        pending = [id_ for id_ in watch if id_ not in self.ended]
        pending += [row["id"] for row in fresh if row["outcome"] == "pending"]
        return {"entries": [*ended, *fresh], "pending": pending, "next": newest}

    async def pending(self) -> Sequence[str]:
        return self.old_pending

    async def shown(self) -> JsonObject:
        return self.summary

    def add(self, *, outcome: str = "pending", name: str = "Order") -> str:
        id_ = str(len(self.rows) + 1)
        self.rows.append({"id": id_, "outcome": outcome, "event": name})
        return id_


@pytest.fixture
def served() -> Service:
    return Service()


def hub_of(served: Service, limits: StreamLimits = QUICK) -> StreamHub:
    return StreamHub(
        StreamDeps(
            tail=served.tail,
            pending=served.pending,
            summary=served.shown,
            mappings=lambda: {"mappings": []},
            monotonic_s=monotonic,
        ),
        limits,
    )


def listener(*topics: str, unsent: Callable[[], int | None] = lambda: 0, most: int = 64 * 1024) -> StreamListener:
    return StreamListener(topics or TOPICS, unsent, most_unsent=most)


async def heard(one: StreamListener, enough: Enough) -> Heard:
    """What `one` hears until it is enough."""
    found: Heard = []
    async with asyncio.timeout(10):
        while not enough(found):
            for block in (await one.take(1)).split(b"\n\n"):
                lines = dict(line.split(b": ", 1) for line in block.split(b"\n") if line)
                if lines:
                    found.append((lines[b"event"].decode(), orjson.loads(lines[b"data"])))
    return found


def has_ids(*ids: str) -> Enough:
    def enough(found: Heard) -> bool:
        listed = [entry["id"] for name, data in found if name == "events" for entry in data["entries"]]
        return set(ids) <= set(listed)

    return enough


def has(name: str) -> Enough:
    return lambda found: name in [heard_name for heard_name, _ in found]


async def test_news_reach_everybody_by_one_question(served: Service) -> None:
    """Also the end of what was pending before anybody listened."""
    served.old_pending = ["old"]
    hub = hub_of(served)
    both = [listener(), listener("events")]
    for one in both:
        await hub.join(one, None)
    for one in both:
        await heard(one, has("events"))
    id_ = served.add()
    served.ended.add("old")
    before = served.asked
    for one in both:
        await heard(one, has_ids(id_, "old"))
    assert served.asked - before < 10
    served.ended.add(id_)
    assert (await heard(both[0], has_ids(id_)))[-1][1]["entries"][0]["outcome"] == "delivered"
    for one in both:
        hub.leave(one)


async def test_nobody_listens_nobody_asks(served: Service) -> None:
    """Before the first listener came, after the last left, and without a listener to events."""
    hub = hub_of(served)
    first = listener()
    await hub.join(first, None)
    await heard(first, has("events"))
    hub.leave(first)
    asked = served.asked
    second = listener("summary")
    await hub.join(second, None)
    for value in range(3):
        served.summary = {"ready": value}
        await heard(second, has("summary"))
    assert served.asked == asked
    hub.leave(second)
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    async with asyncio.timeout(10):
        await asyncio.gather(*others, return_exceptions=True)


async def test_what_changes_is_said_once(served: Service) -> None:
    """A summary that is as before is not sent again; a newcomer gets the last one at once."""
    hub = hub_of(served)
    first = listener("summary", "events")
    await hub.join(first, None)
    await heard(first, lambda found: has("summary")(found) and has("events")(found))
    found = await heard(first, has_ids(served.add(), served.add()))
    assert not has("summary")(found)
    second = listener("summary")
    await hub.join(second, None)
    assert (await second.take(0)).startswith(b"event: summary\n")
    hub.leave(first)
    hub.leave(second)


async def test_who_comes_again_gets_what_was_missed(served: Service) -> None:
    """By the last `id`; and the end of what was pending then."""
    hub = hub_of(served)
    missed = served.add()
    one = listener("events")
    await hub.join(one, "0.0")
    await heard(one, has_ids(missed))
    served.ended.add(missed)
    found = await heard(one, lambda found: any(e["outcome"] == "delivered" for _, d in found for e in d["entries"]))
    assert found[-1][1]["entries"][0]["id"] == missed
    hub.leave(one)


async def test_who_does_not_read_is_asked_to_load_again(served: Service) -> None:
    """What is unsent is bounded, in the connection's buffer too; others are not held up."""
    hub = hub_of(served)
    slow, other = listener("events", unsent=lambda: 900, most=1000), listener("events")
    await hub.join(slow, None)
    await hub.join(other, None)
    await heard(other, has("events"))
    id_ = served.add(name="x" * 200)
    await heard(other, has_ids(id_))
    assert slow.is_behind
    assert await slow.take(0) == RESYNC
    await heard(other, has_ids(served.add()))
    assert await slow.take(0) == b""
    hub.leave(slow)
    hub.leave(other)


async def test_more_than_a_person_follows_becomes_one_resync(served: Service) -> None:
    """And what comes afterwards is listed again."""
    hub = hub_of(served, StreamLimits(turn_s=0.005, events_bytes=1000, resync_s=0.05))
    one = listener("events")
    await hub.join(one, None)
    await heard(one, has("events"))
    for _ in range(100):
        served.add(outcome="delivered", name="x" * 50)
    found = await heard(one, has("resync"))
    assert not has_ids("1")(found)
    await heard(one, has_ids(served.add()))
    late = listener("events")
    await hub.join(late, "0.0")
    assert RESYNC in await late.take(0)
    hub.leave(one)
    hub.leave(late)


async def test_the_end_of_what_was_requeued_is_news(served: Service) -> None:
    """By its id; if the id is unknown, the page is to be loaded again, and pending events are watched."""
    hub = hub_of(served)
    one = listener("events")
    await hub.join(one, None)
    await heard(one, has("events"))
    served.ended.add("90")
    hub.note_requeued(("90", "r7"))
    await heard(one, has_ids("90"))
    served.old_pending = ["91"]
    hub.note_requeued(())
    await heard(one, has("resync"))
    served.ended.add("91")
    await heard(one, has_ids("91"))
    hub.leave(one)


async def test_a_queue_that_fails_for_a_while_ends_nothing(served: Service) -> None:
    """The stream goes on where it was."""
    hub = hub_of(served)
    one = listener("events")
    await hub.join(one, None)
    await heard(one, has("events"))
    served.fails = True
    asked, id_ = served.asked, served.add()
    async with asyncio.timeout(10):
        while served.asked < asked + 3:
            await one.take(0.001)
    served.fails = False
    await heard(one, has_ids(id_))
    hub.check()
    hub.leave(one)


async def test_a_fault_is_not_hidden(served: Service) -> None:
    """What ends the task ends the streams, loudly."""

    async def broken() -> JsonObject:
        raise KeyError("a bug")

    hub = StreamHub(
        StreamDeps(
            tail=served.tail,
            pending=served.pending,
            summary=broken,
            mappings=lambda: {"mappings": []},
            monotonic_s=monotonic,
        ),
        QUICK,
    )
    one = listener()
    await hub.join(one, None)
    with pytest.raises(KeyError):
        await heard(one, lambda _: hub.check())
    hub.leave(one)


async def test_who_has_gone_makes_room(served: Service) -> None:
    """A page that is reloaded eight times holds one place."""
    hub, unsent = hub_of(served), dict.fromkeys((1, 2), 0)
    for each in (1, 2):
        assert not hub.is_full()
        await hub.join(listener(unsent=partial(unsent.get, each)), None)
    assert hub.is_full()
    unsent.clear()
    assert not hub.is_full()

"""Deletion requests, as `adapter.queue.contract` promises them of every backend."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from adapter.model import DELETE, Dead, Delivered, Event, Lease, Reason, Retry
from adapter.queue.contract import Balance, Queue, Stored
from tests.contract.conftest import MakeQueue
from tests.fakes import RECEIVED_AT, FakeClock, make_event, make_private, make_rejection


def a_deletion(message_id: str = "delete-1", *, user: str | None = "u-1", source: str = "shop", **body: Any) -> Event:
    """A request as Segment sends it; `body` overrides or adds fields."""
    return make_event(message_id, user=user, source=source, **{"type": DELETE, "context": None, **body})


async def take(queue: Queue, *sources: str) -> list[Lease]:
    return list(await queue.take(sources=sources or ("shop",), limit=10, lease_s=60, wait_s=0))


async def left(queue: Queue, *sources: str) -> list[str]:
    """The message ids of what is delivered until nothing is due."""
    found: list[str] = []
    while leases := await take(queue, *sources):
        found += [lease.event.message_id for lease in leases]
        for lease in leases:
            await queue.settle(lease, Delivered())
    return found


def terms(balance: Balance) -> dict[str, int]:
    assert balance.unaccounted == 0
    shown = {**balance.counts, "pending": balance.pending, "dead": balance.dead}
    return {term: n for term, n in shown.items() if n}


async def test_a_request_takes_away_what_came_before_it(queue: Queue, clock: FakeClock) -> None:
    """Pending, dead, rejected and finished, by user id or anonymous id; what is not finished is dropped with that."""
    await queue.put([make_event("done"), make_event("dead"), make_event("m-1"), make_event("m-2")])
    [done] = await take(queue)
    await queue.settle(done, Delivered())
    [dead] = await take(queue)
    await queue.settle(dead, Dead(Reason.REFUSED, "no"))
    mine = replace(make_rejection(), body=b'{"userId":"u-1"}')
    await queue.put([make_event("m-3", user=None, anonymousId="u-1")], [mine, make_rejection()])
    await queue.put([a_deletion()])
    clock.advance(5)
    [request] = await queue.delete_requested(wait_s=0)
    assert (request.source, request.user, request.message_id) == ("shop", "u-1", "delete-1")
    assert (request.events, request.rejections, request.received_at) == (5, 1, RECEIVED_AT)
    assert request.done_at is not None
    assert request.done_at.timestamp() == clock()
    assert await left(queue) == []
    assert await queue.requeue([dead.seq]) == 0
    expected = {"received": 8, "rejected": 2, "delivered": 1, "dropped": 5}
    assert terms(await queue.balance()) == expected


async def test_the_balance_holds_while_a_request_waits(queue: Queue) -> None:
    """It has ended with its receipt, and is never delivered itself."""
    stored = await queue.put([make_event("m-1", user="u-2"), a_deletion()])
    assert stored == Stored(2, 0, 0, 0, deletions=1)
    assert terms(await queue.balance()) == {"received": 2, "dropped": 1, "pending": 1}
    assert await left(queue) == ["m-1"]


async def test_what_comes_after_the_request_stays(queue: Queue) -> None:
    """By the order of receipt: across puts, and of the list within one."""
    await queue.put([make_event("before"), a_deletion(), make_event("beside")])
    await queue.put([make_event("after")])
    [request] = await queue.delete_requested(wait_s=0)
    assert request.events == 1
    assert await left(queue) == ["beside", "after"]


async def test_each_request_has_its_own_before(make_queue: MakeQueue) -> None:
    """What came between two requests that are carried out together is before one and after the other."""
    queue = await make_queue(unordered={"shop"})
    await queue.put([a_deletion("delete-a", user="a"), make_event("m-a", user="a"), make_event("m-b", user="b")])
    await queue.put([a_deletion("delete-b", user="b")])
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [0, 1]
    assert await left(queue) == ["m-a"]


async def test_others_lose_nothing(queue: Queue) -> None:
    """Neither another user, nor the same id of another source: to each of its sources Segment sends a request."""
    await queue.put([make_event("m-1", user="u-2"), make_event("m-2", source="app"), a_deletion()])
    [request] = await queue.delete_requested(wait_s=0)
    assert request.events == 0
    assert sorted(await left(queue, "shop", "app")) == ["m-1", "m-2"]


async def test_a_source_without_order_is_searched_too(make_queue: MakeQueue) -> None:
    """There the user's events have a lane each."""
    queue = await make_queue(unordered={"shop"})
    await queue.put([make_event("m-1"), make_event("m-2"), make_event("m-3", user="u-2"), a_deletion()])
    [request] = await queue.delete_requested(wait_s=0)
    assert request.events == 2
    assert await left(queue) == ["m-3"]


@pytest.mark.parametrize("outcome", [Delivered(), Retry(Reason.TIMEOUT, 0, counted=True), Dead(Reason.REFUSED, "no")])
async def test_an_event_in_flight_is_let_go(queue: Queue, outcome: Any) -> None:
    """Its worker learns to stop, a late settle changes nothing, and only after it the next of the user goes."""
    await queue.put([make_event("m-1"), make_event("m-2"), a_deletion(), make_event("m-3")])
    [lease] = await take(queue)
    assert queue.holds(lease)
    await queue.delete_requested(wait_s=0)
    assert not queue.holds(lease)
    assert not await queue.renew(lease, lease_s=60)
    assert await take(queue) == []
    assert not await queue.settle(lease, outcome)
    assert await left(queue) == ["m-3"]
    assert terms(await queue.balance()) == {"received": 4, "dropped": 3, "delivered": 1}


async def test_a_parked_event_goes_too(queue: Queue) -> None:
    """It stands aside of its lane, where later events of its user do not wait for it."""
    await queue.put([make_event("m-1"), a_deletion()])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.PAUSED, 30, counted=False, parked=True))
    [request] = await queue.delete_requested(wait_s=0)
    assert request.events == 1
    assert terms(await queue.balance()) == {"received": 2, "dropped": 2}


async def test_a_request_is_carried_out_once(queue: Queue) -> None:
    """A copy that the sender repeats is a duplicate; a second request finds nothing more, which is no trouble."""
    await queue.put([make_event("m-1"), a_deletion()])
    assert (await queue.put([a_deletion()])).duplicates == 1
    assert len(await queue.delete_requested(wait_s=0)) == 1
    assert await queue.delete_requested(wait_s=0) == []
    await queue.put([a_deletion("delete-2")])
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [0]
    assert terms(await queue.balance()) == {"received": 4, "dropped": 3, "duplicate": 1}


async def test_a_deleted_event_stays_known(queue: Queue) -> None:
    """A sender that sends it again after that brings nothing back."""
    await queue.put([make_event("m-1"), a_deletion()])
    await queue.delete_requested(wait_s=0)
    assert (await queue.put([make_event("m-1")])).duplicates == 1


async def test_many_requests_are_carried_out_together(queue: Queue) -> None:
    """Each has its own figures, and two of one user share what there was."""
    events = [make_event(f"{user}-{n}", user=user) for user in ("a", "b", "c") for n in range(150)]
    await queue.put(events)
    await queue.put([a_deletion("d-1", user="a"), a_deletion("d-2", user="b"), a_deletion("d-3", user="a")])
    found = {request.message_id: request.events for request in await queue.delete_requested(wait_s=0)}
    assert found == {"d-1": 150, "d-2": 150, "d-3": 0}
    assert terms(await queue.balance()) == {"received": 453, "dropped": 303, "pending": 150}


async def test_a_private_source_finds_its_user_by_key(queue: Queue) -> None:
    """The request went through the same privacy as the events, whatever that left of the ids."""
    await queue.put([make_private("m-1"), make_private("m-2", key="key-of-u-2")])
    await queue.put([make_private("delete-1", type=DELETE, userId=None)])
    [request] = await queue.delete_requested(wait_s=0)
    assert (request.user, request.events) == ("key-of-u-1", 1)
    assert await left(queue) == ["m-2"]


async def test_one_that_names_nobody_is_no_request(queue: Queue) -> None:
    """It is an event like any other, for the mapping to leave unmatched."""
    await queue.put([a_deletion(user=None)])
    assert await queue.delete_requested(wait_s=0) == []
    assert await left(queue) == ["delete-1"]


async def test_whoever_waits_is_woken(queue: Queue) -> None:
    """A request is carried out as it comes, not when somebody happens to look."""
    assert await queue.delete_requested(wait_s=0) == []
    waiting = asyncio.create_task(queue.delete_requested(wait_s=30))
    await asyncio.sleep(0)
    await queue.put([a_deletion()])
    assert len(await asyncio.wait_for(waiting, 5)) == 1

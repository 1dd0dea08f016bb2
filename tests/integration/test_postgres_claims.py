"""Which of several replicas delivers a source, on a real server: here several queues, each with its own connections."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from adapter.model import Delivered, Lease
from adapter.queue.postgres.claim_rows import Terms, boot_time
from adapter.queue.postgres.claims import Claims
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from tests.fakes import FakeClock, make_event, until
from tests.integration.road import open_road, ruleset
from tests.postgres import Server

SHORT = Terms(renew_s=0.3, trust_s=0.8, expires_s=0.9, look_s=0.1, free_s=0.5, give_s=1.0, grace_s=2.5, live_s=1.5)
"""A tenth of the real ones."""
BUSY_S = 3.0
"""What a machine may take longer that runs other tests too."""

MAPPING = """\
version: 1
rules:
  - when: {type: track}
    track: DONE
"""

Open = Callable[[], Awaitable[PostgresQueue]]


@pytest.fixture
def place(postgres: Server) -> PostgresPlace:
    return postgres.place()


@pytest.fixture
async def open_queue(place: PostgresPlace) -> AsyncIterator[Open]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:

        async def opened() -> PostgresQueue:
            queue = await PostgresQueue.open_at(place, clock=clock, terms=SHORT)
            stack.push_async_callback(queue.close)
            return queue

        yield opened


async def take(queue: PostgresQueue, *sources: str, wait_s: float = 0.0) -> Sequence[Lease]:
    return await queue.take(sources=sources or ("shop",), limit=10, lease_s=60, wait_s=wait_s)


def stop_renewing(queue: PostgresQueue) -> None:
    """As a process does that is stopped, or cut off."""
    for task in queue._keeping:
        task.cancel()


async def test_one_of_two_delivers(open_queue: Open) -> None:
    """The other finds nothing, says so, and has its turn as soon as the first lets go."""
    one, other = await open_queue(), await open_queue()
    await other.put([make_event("m-1"), make_event("m-2", user="u-2")])
    leases = await take(one)
    assert (len(leases), one.tenure(["shop"]) > 0, other.tenure(["shop"])) == (2, True, 0)
    assert list(await take(other)) == []
    for lease in leases:
        assert await one.settle(lease, Delivered())
    await other.put([make_event("m-3")])
    await one._claims.release(["shop"])
    began_s = boot_time()
    [lease] = await take(other, wait_s=20)
    assert (lease.event.message_id, other.tenure(["shop"]) > 0) == ("m-3", True)
    assert boot_time() - began_s < BUSY_S


async def test_sources_are_claimed_together_or_not_at_all(open_queue: Open) -> None:
    """A replica that cannot have one of them takes none, so that another can have the rest."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1"), make_event("m-2", source="app")])
    assert len(await take(one, "shop", wait_s=20)) == 1
    assert list(await take(other, "shop", "app")) == []
    assert len(await take(one, "app", wait_s=20)) == 1


async def test_who_stops_is_followed(open_queue: Open) -> None:
    """Within the time that its trust ends and another has seen it do nothing; then it holds and settles nothing."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1"), make_event("m-2")])
    [stopped] = await take(one, wait_s=20)
    assert list(await take(other)) == []
    before = one.tenure(["shop"])
    stop_renewing(one)
    began_s = boot_time()
    [lease] = await take(other, wait_s=20)
    assert boot_time() - began_s < 1.1 + BUSY_S
    assert not one.holds(stopped)
    assert list(await take(one)) == []
    assert not await one.settle(stopped, Delivered())
    assert await other.settle(lease, Delivered())
    [lease] = await take(other)
    assert (lease.event.message_id, before > 0) == ("m-2", True)
    balance = await other.balance()
    assert (balance.counts["delivered"], balance.pending, balance.unaccounted) == (1, 1, 0)


async def test_who_wakes_up_in_time_goes_on(open_queue: Open) -> None:
    """Its trust ended, so it began no call; no replica took over, so it settles its leases."""
    queue = await open_queue()
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    number = queue.tenure(["shop"])
    stop_renewing(queue)
    await until(lambda: asyncio.sleep(0.01, not queue.holds(lease)))
    assert list(await take(queue)) == []
    await queue._claims.renew()
    assert queue.holds(lease)
    assert await queue.settle(lease, Delivered())
    assert queue.tenure(["shop"]) == number


async def test_who_lost_its_claim_says_so(open_queue: Open) -> None:
    """Its leases are gone, and it takes part in what comes next like any other."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    [lease] = await take(one, wait_s=20)
    stop_renewing(one)
    assert len(await take(other, wait_s=20)) == 1
    await one._claims.renew()
    assert (one.tenure(["shop"]), await one.renew(lease, lease_s=60)) == (0, False)
    await other._claims.release(["shop"])
    assert len(await take(one, wait_s=20)) == 1


async def test_open_calls_are_cut_when_trust_ends(open_queue: Open) -> None:
    """Before another may call for the same user; and none is begun."""
    one, other = await open_queue(), await open_queue()
    async with open_road(lambda _: ruleset(MAPPING), queue=one) as road:
        road.script("- {delay_s: 60}")
        await one.put([make_event("m-1")])
        await until(lambda: road.has_calls(1))
        stop_renewing(one)
        await other.put([make_event("m-2")])

        async def is_over() -> bool:
            return not one._claims.is_trusted("shop") and road.worker.project.in_flight == 0

        await until(is_over)
        calls = len(await road.calls())
        for name in ("m-1", "m-2"):
            [lease] = await take(other, wait_s=20)
            assert (lease.event.message_id, await other.settle(lease, Delivered())) == (name, True)
        assert len(await road.calls()) == calls


async def rewind(queue: PostgresQueue, place: PostgresPlace, claim: tuple[object, ...]) -> None:
    """Make the claim of the shop what it was, and cut the connection of `queue`: so does a standby that is promoted and
    had not received what came after.
    """

    def change() -> None:
        with place.connect() as connection:
            values = ("shop", *claim)
            connection.execute("DELETE FROM claim WHERE name = 'shop'")
            connection.execute(
                "INSERT INTO claim (name, holder, epoch, beat, released) VALUES (%s, %s, %s, %s, %s)", values
            )

    await asyncio.to_thread(change)
    await queue._commits.read(queue._state.session.close)


async def claim_of(place: PostgresPlace) -> tuple[object, ...]:
    """Holder, epoch and so on, as they are now."""

    def read() -> tuple[object, ...] | None:
        with place.connect() as connection:
            found = connection.execute("SELECT holder, epoch, beat, released FROM claim WHERE name = 'shop'")
            return found.fetchone()

    return await asyncio.to_thread(read) or ()


async def test_an_old_claim_that_comes_back_settles_nothing_of_the_later_one(
    open_queue: Open, place: PostgresPlace
) -> None:
    """After an asynchronous fail-over the one that was followed has the claim again: who followed it settles nothing,
    and begins no call once it knows.
    """
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    await take(one, wait_s=20)
    stop_renewing(one)
    before = await claim_of(place)
    [late] = await take(other, wait_s=20)
    stop_renewing(other)
    await rewind(other, place, before)
    assert not await other.settle(late, Delivered())
    await other._claims.renew()
    assert (other.holds(late), other.tenure(["shop"])) == (False, 0)


async def test_who_comes_back_with_its_old_claim_waits_for_the_trust_of_the_later_one(
    open_queue: Open, place: PostgresPlace
) -> None:
    """Which may not know yet that it lost it, and begin calls until its trust is over."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    await take(one, wait_s=20)
    stop_renewing(one)
    before = await claim_of(place)
    assert len(await take(other, wait_s=20)) == 1
    stop_renewing(other)
    await rewind(one, place, before)
    while not one._claims.is_trusted("shop"):
        await one._claims.renew()
        assert not (one._claims.is_trusted("shop") and other._claims.is_trusted("shop"))
        await asyncio.sleep(0.02)


async def test_a_released_claim_that_comes_back_waits_too(open_queue: Open, place: PostgresPlace) -> None:
    """After a new connection a replica cannot know whether another took the claim since."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    await take(one, wait_s=20)
    stop_renewing(one)
    assert list(await take(other)) == []
    await rewind(other, place, ("", 0, 0, True))
    while not other._claims.is_trusted("shop"):
        await other._claims.claim(["shop"])
        assert not (one._claims.is_trusted("shop") and other._claims.is_trusted("shop"))
        await asyncio.sleep(0.02)


async def test_an_epoch_that_is_given_twice_fences_its_first_holder(open_queue: Open, place: PostgresPlace) -> None:
    """After a fail-over a third one has the number that another had on the old server."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    [late] = await take(one, wait_s=20)
    _, epoch, _, _ = await claim_of(place)
    stop_renewing(one)
    await rewind(other, place, ("", 0, 0, True))
    [lease] = await take(other, wait_s=10)
    assert (await claim_of(place))[1] == epoch
    assert not await one.settle(late, Delivered())
    assert await other.settle(lease, Delivered())


async def test_a_deletion_request_goes_to_who_delivers(open_queue: Open) -> None:
    """So that its event is released; any replica may take a source without a holder."""
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1"), make_event("m-2", source="app")])
    [lease] = await take(one, wait_s=20)
    await other.put([make_event("d-1", type="delete"), make_event("d-2", source="app", type="delete")])
    assert [request.message_id for request in await other.delete_requested(wait_s=0)] == ["d-2"]
    assert one.holds(lease)
    assert [request.message_id for request in await one.delete_requested(wait_s=0)] == ["d-1"]
    assert not one.holds(lease)
    assert other.tenure(["app"]) == 0


async def test_what_another_replica_stores_is_found_soon(open_queue: Open) -> None:
    """The replica that delivers is not notified; it polls."""
    one, other = await open_queue(), await open_queue()
    assert list(await take(one)) == []
    waiting = asyncio.create_task(take(one, wait_s=10))
    await other.put([make_event("m-1")])
    stored_s = boot_time()
    assert len(await waiting) == 1
    assert boot_time() - stored_s < BUSY_S


@dataclass
class Bidder:
    """A process that may be stopped: its clock goes on, and it does nothing."""

    claims: Claims
    is_stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def bid(self) -> None:
        while True:
            if not self.is_stopped.is_set():
                await self.claims.claim(["shop"])
                await self.claims.renew()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "seconds", [8, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(700)])], ids=["short", "long"]
)
async def test_of_many_bidders_at_most_one_trusts(open_queue: Open, seconds: int) -> None:
    """A replica that is stopped and continues, at any moment and any number of times."""
    queues = [await open_queue() for _ in range(4)]
    for queue in queues:
        stop_renewing(queue)
    bidders = [Bidder(queue._claims) for queue in queues]
    tasks = [asyncio.create_task(bidder.bid()) for bidder in bidders]
    chance, holders = random.Random(7), set[int]()  # noqa: S311 - whom a test stops
    end_s = boot_time() + seconds
    stopped_until_s = [0.0] * 4
    while (now_s := boot_time()) < end_s:
        trusted = [number for number, bidder in enumerate(bidders) if bidder.claims.is_trusted("shop")]
        assert len(trusted) <= 1
        holders.update(trusted)
        for number, bidder in enumerate(bidders):
            if now_s < stopped_until_s[number]:
                continue
            bidder.is_stopped.clear()
            # Who holds it is stopped for longer than the others wait.
            if chance.random() < (0.02 if number in trusted else 0.002):
                bidder.is_stopped.set()
                stopped_until_s[number] = now_s + chance.choice((0.5, 1.5, 2.5))
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(holders) > 1

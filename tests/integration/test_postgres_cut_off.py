"""A replica that stops, or is cut off, between two statements: what the others see, and what it may do afterwards.

Each property has a control that breaks it: a replica whose terms leave out what the property rests on.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from adapter.errors import QueueError
from adapter.model import Delivered
from adapter.queue.postgres.claim_rows import Terms, boot_time
from adapter.queue.postgres.claims import Claims
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.state import SQL
from tests.fakes import FakeClock, make_event, until
from tests.postgres import Server
from tests.relay import CANCEL, Relay

TERMS = Terms(renew_s=0.3, trust_s=0.8, expires_s=0.9, look_s=0.05, free_s=0.5, give_s=60, grace_s=2.5, live_s=1.5)
"""A tenth of the real ones."""
LASTING = replace(TERMS, trust_s=60.0)
"""Of a replica that trusts its claim for longer than others wait."""


class Open(Protocol):
    async def __call__(self, terms: Terms = TERMS, *, at: PostgresPlace | None = None) -> PostgresQueue: ...


@pytest.fixture
def place(postgres: Server) -> PostgresPlace:
    return postgres.made_place()


@pytest.fixture
def relay(tmp_path: Path, postgres: Server) -> Iterator[Relay]:
    relay = Relay(tmp_path, postgres.folder)
    with relay.opened():
        yield relay


@pytest.fixture
def behind(relay: Relay, place: PostgresPlace) -> PostgresPlace:
    """The same queue, behind the relay."""
    return PostgresPlace(relay.conninfo, schema=place.schema)


@pytest.fixture
async def open_queue(place: PostgresPlace) -> AsyncIterator[Open]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:

        async def opened(terms: Terms = TERMS, *, at: PostgresPlace | None = None) -> PostgresQueue:
            queue = await PostgresQueue.open_at(at or place, clock=clock, terms=terms)
            stack.push_async_callback(queue.close)
            for task in queue._keeping:  # each renewal is the test's
                task.cancel()
            return queue

        yield opened


def claims_of(queue: PostgresQueue, now: Callable[[], float]) -> Claims:
    """Claims on the connection of `queue`, by the clock `now`, in place of its own."""
    claims = Claims(
        queue._commits,
        queue._state.session,
        lost=lambda _: None,
        is_idle=lambda _: True,
        delivers=True,
        terms=TERMS,
        now=now,
    )
    queue._state.session.prepare = claims.prepare
    queue._rows.fence(claims.ours)
    return claims


async def do_both_trust(holder: Claims, bidder: Claims) -> bool:
    """Whether there is an instant at which both do, until the bidder does."""
    async with asyncio.timeout(20):
        while not bidder.is_trusted("shop"):
            with suppress(QueueError):
                await bidder.claim(["shop"])
            await asyncio.sleep(0.01)
    return holder.is_trusted("shop")


async def test_a_source_that_no_replica_delivers_is_known_as_such(open_queue: Open) -> None:
    """To each replica: not while one delivers the source, and from when it lets go; the other never was."""
    one, other = await open_queue(), await open_queue()
    assert await one._claims.claim(["shop"])
    shop_s: list[float] = []

    async def has_waited() -> bool:
        await one._claims.renew()
        await other._claims.renew()
        shop_s.append(other.undelivered_s(["shop"]))
        return other.undelivered_s(["app"]) > 1.0

    await until(has_waited)
    assert max(shop_s) < 1.0
    assert other.undelivered_s(["shop", "app"]) > 1.0
    await one._claims.release(["shop"])

    async def is_known() -> bool:
        await other._claims.renew()
        return other.undelivered_s(["shop"]) > 1.0

    await until(is_known)


@dataclass
class StoppableClock:
    """Of a process that is stopped just after it looked at its clock, once `stop` was called."""

    is_stopping: threading.Event
    is_stopped: threading.Event
    goes_on: threading.Event

    @classmethod
    def made(cls) -> "StoppableClock":
        return cls(threading.Event(), threading.Event(), threading.Event())

    def __call__(self) -> float:
        now_s = boot_time()
        if self.is_stopping.is_set() and threading.current_thread().name == "queue-commit":
            self.is_stopping.clear()
            self.is_stopped.set()
            self.goes_on.wait(20)
        return now_s


@pytest.mark.parametrize(("terms", "is_broken"), [(TERMS, False), (LASTING, True)], ids=["real", "control"])
async def test_who_stops_between_its_clock_and_its_look_does_not_take_over_early(
    open_queue: Open, terms: Terms, is_broken: bool
) -> None:
    """The holder renewed while the bidder was stopped: what the bidder then sees is as old as its look, not as its
    clock.
    """
    one, other = await open_queue(terms), await open_queue()
    clock = StoppableClock.made()
    bidder = claims_of(other, clock)
    assert await one._claims.claim(["shop"])
    clock.is_stopping.set()
    bid = asyncio.create_task(bidder.claim(["shop"]))
    await asyncio.to_thread(clock.is_stopped.wait, 20)
    await asyncio.sleep(TERMS.trust_s * 0.9)
    await one._claims.renew()
    clock.goes_on.set()
    assert not await bid
    assert await do_both_trust(one._claims, bidder) == is_broken


async def test_a_machine_whose_clock_stood_still_learns_it_with_its_next_renewal(open_queue: Open) -> None:
    """As one may that its hypervisor stopped. It trusts what another has by then: it settles nothing, and the next
    renewal, 3 s later at most, says so.
    """
    one, other = await open_queue(), await open_queue()
    stood_s = boot_time()
    claims = claims_of(one, lambda: stood_s)
    assert await claims.claim(["shop"])
    assert await do_both_trust(claims, other._claims)  # which the clock of the process cannot tell
    assert list(await one._commits.write(lambda: claims.ours(["shop"]))) == []
    await claims.renew()
    assert not claims.is_trusted("shop")


@pytest.mark.parametrize(("fences", "settled"), [(True, False), (False, True)], ids=["real", "control"])
async def test_a_late_settle_is_fenced(open_queue: Open, fences: bool, settled: bool) -> None:
    """Though the process that was followed does not know it yet. The control does not ask whose the claim is."""
    one, other = await open_queue(), await open_queue()
    if not fences:
        one._rows.fence(frozenset)
    await one.put([make_event("m-1")])
    [lease] = await one.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    assert not await do_both_trust(one._claims, other._claims)
    assert await one.settle(lease, Delivered()) == settled


@pytest.mark.parametrize(("terms", "is_broken"), [(TERMS, False), (LASTING, True)], ids=["real", "control"])
async def test_who_wakes_up_holds_nothing(open_queue: Open, terms: Terms, is_broken: bool) -> None:
    """Before it heard of anything: its trust was over before another took over. The control always holds."""
    one, other = await open_queue(terms), await open_queue()
    await one.put([make_event("m-1")])
    [lease] = await one.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    assert await do_both_trust(one._claims, other._claims) == is_broken
    assert one.holds(lease) == is_broken


async def _acquire(claims: Claims) -> None:
    await claims.claim(["shop"])


async def _renew(claims: Claims) -> None:
    await claims.renew()


async def _release(claims: Claims) -> None:
    await claims.release(["shop"])


@pytest.mark.parametrize(
    ("cut", "terms"),
    [(_acquire, TERMS), (_renew, TERMS), (_release, TERMS), (_renew, LASTING)],
    ids=["acquire", "renew", "release", "control"],
)
async def test_a_claim_whose_commit_is_not_known_makes_no_two_holders(
    open_queue: Open, behind: PostgresPlace, relay: Relay, cut: Callable[[Claims], Awaitable[None]], terms: Terms
) -> None:
    """The network goes after COMMIT: it was done, and whoever sent it does not know. The source is delivered again."""
    one, other = await open_queue(terms, at=behind), await open_queue()
    if cut is not _acquire:
        assert await one._claims.claim(["shop"])
    relay.break_after(b"COMMIT")
    with pytest.raises(QueueError):
        await cut(one._claims)
    assert await do_both_trust(one._claims, other._claims) == (terms is LASTING)


@pytest.mark.parametrize("is_ended", [True, False], ids=["real", "control"])
async def test_a_transaction_whose_process_stopped_is_ended(
    open_queue: Open, place: PostgresPlace, is_ended: bool
) -> None:
    """Between two statements, with a claim and a lane locked: another replica's put to that lane waits and is stored,
    and another takes over. The control is a transaction that the server does not end: a put gives up.
    """
    one, other = await open_queue(), await open_queue()
    await one.put([make_event("m-1")])
    [late] = await one.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    goes_on = threading.Event()

    def stop() -> None:
        one._claims.ours(["shop"])
        one._state.run(SQL["lock_lanes"], {"lanes": [late.lane]})
        if not is_ended:
            one._state.run("SET idle_in_transaction_session_timeout = 0")
        goes_on.wait(60)

    stopped = one._commits.write(stop)
    locked = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%FROM lane%'"
    with psycopg.connect(place.conninfo, autocommit=True) as asked:
        find = (locked if is_ended else locked.replace("%FROM lane%", "SET idle%")).encode()
        await until(lambda: asyncio.to_thread(lambda: asked.execute(find).fetchone()))
    putting = other.put([make_event("m-2")])
    if not is_ended:
        with pytest.raises(QueueError):
            await putting
        goes_on.set()
        return
    assert (await putting).stored == 1
    [lease] = await other.take(sources=["shop"], limit=1, lease_s=60, wait_s=20)
    goes_on.set()
    with pytest.raises(QueueError):
        await stopped
    assert not await one.settle(late, Delivered())
    assert await other.settle(lease, Delivered())
    assert lease.event.message_id == "m-1"


async def test_no_cancel_request_is_ever_sent(place: PostgresPlace, behind: PostgresPlace, relay: Relay) -> None:
    """Whoever waits for a statement may go, and the queue be closed: the server is never asked to cancel one."""
    queue = await PostgresQueue.open_at(behind, clock=FakeClock(), terms=TERMS)
    await queue.put([make_event("m-1"), make_event("m-2", user="u-2")])
    leases = await queue.take(sources=["shop"], limit=2, lease_s=60, wait_s=0)
    with psycopg.connect(place.conninfo, autocommit=True) as other:
        other.execute("BEGIN")
        other.execute(f"LOCK TABLE {place.schema}.lane IN ACCESS EXCLUSIVE MODE".encode())
        works = [
            queue.put([make_event("m-3")]),
            queue.settle(leases[0], Delivered()),
            queue.balance(),
            queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0),
        ]
        tasks = [asyncio.ensure_future(work) for work in works]
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        values = [f"{place.schema}.lane"]
        await until(lambda: asyncio.to_thread(lambda: other.execute(waiting, values).fetchone() == (3,)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        other.execute("COMMIT")
    await queue.close()
    assert len(relay.codes) > 3
    assert CANCEL not in relay.codes
    # What the driver can do, and what the relay would see.
    program = "import sys, psycopg; psycopg.connect(sys.argv[1]).cancel()"
    asking = await asyncio.create_subprocess_exec(sys.executable, "-c", program, relay.conninfo)
    assert await asking.wait() == 0
    assert CANCEL in relay.codes

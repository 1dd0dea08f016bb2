"""Several processes at one PostgreSQL queue: here several queues at one schema, each with its own connections."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial

import psycopg
import pytest

from adapter.errors import QueueError, QueueFull
from adapter.model import Dead, Delivered, Reason
from adapter.queue.codec import digest_of
from adapter.queue.contract import Stored
from adapter.queue.postgres.clock import StoreClock
from adapter.queue.postgres.connect import PostgresPlace, PostgresSession, StoreLostError
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.state import SQL
from adapter.queue.records import QueueOptions
from tests.fakes import FakeClock, make_event, make_rejection, until
from tests.postgres import Server

Open = Callable[..., Awaitable[PostgresQueue]]


@pytest.fixture
def place(postgres: Server) -> PostgresPlace:
    return postgres.place()


@pytest.fixture
async def open_queue(place: PostgresPlace) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(clock: Callable[[], float] | None = None) -> PostgresQueue:
            queue = await PostgresQueue.open_at(place, clock=clock or FakeClock())
            stack.push_async_callback(queue.close)
            return queue

        yield opened


def rows(place: PostgresPlace, sql: str) -> list[tuple[int, ...]]:
    with place.connect() as connection:
        return connection.execute(sql.encode()).fetchall()


async def test_the_limit_of_pending_events_counts_those_of_other_replicas(place: PostgresPlace) -> None:
    """Once it was looked at what they stored: every 5 s, by counters, however many events there are."""
    one, other = [await PostgresQueue.open_at(place, QueueOptions(max_pending=10), clock=FakeClock()) for _ in range(2)]
    await one.put([make_event(f"m-{number}") for number in range(8)])
    await other._upkeep.keep(bounds_rejections=False)
    with pytest.raises(QueueFull):
        await other.put([make_event(f"n-{number}") for number in range(3)])
    await other.put([make_event("n-1"), make_event("n-2")])
    await one.close()
    await other.close()


async def test_replicas_that_start_together_make_the_tables_once(place: PostgresPlace) -> None:
    """Each waits for the one that makes them, and finds them."""
    queues = await asyncio.gather(*(PostgresQueue.open_at(place, clock=FakeClock()) for _ in range(4)))
    assert await asyncio.gather(*(queue.put([make_event()]) for queue in queues)) != []
    assert rows(place, "SELECT count(*) FROM message") == [(1,)]
    for queue in queues:
        await queue.close()


async def test_one_id_at_two_replicas_is_one_event(open_queue: Open, place: PostgresPlace) -> None:
    """A sender's retry goes to another replica while the first try is being stored; the ledger has both."""
    one, other = await open_queue(), await open_queue()
    for n in range(100):
        stored = await asyncio.gather(*(queue.put([make_event(f"m-{n}")]) for queue in (one, other)))
        assert sorted(stored, key=lambda each: each.stored) == [Stored(0, 1, 0, 0), Stored(1, 0, 0, 0)]
    balance = await one.balance()
    assert (balance.counts["received"], balance.counts["duplicate"], balance.pending) == (200, 100, 100)
    assert balance.unaccounted == 0
    assert rows(place, "SELECT count(*) FROM message") == [(100,)]


@pytest.mark.parametrize("apart_s", [-40, 40])
async def test_around_midnight_one_id_is_one_event(open_queue: Open, apart_s: float) -> None:
    """Clocks that differ by less than a minute never put one id on two days alone."""
    midnight_s = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    for n in range(8):
        clock = FakeClock(midnight_s - 80 + 20 * n)
        one, other = await open_queue(clock), await open_queue(FakeClock(clock() + apart_s))
        stored = await asyncio.gather(*(queue.put([make_event(f"m-{n}")]) for queue in (one, other)))
        assert sum(each.stored for each in stored) == 1


async def behind_a_lane_that_closes(queue: PostgresQueue, place: PostgresPlace, *, locks: bool) -> int:
    """An event is put behind the last one of a lane while that is being ended; how many are behind no lane then."""
    await queue.put([make_event("m-1")])
    [(lane,)] = rows(place, "SELECT lane FROM lane")
    with place.connect() as putting, place.connect() as settling:
        putting.execute("BEGIN")
        putting.execute("UPDATE lane SET attempt = attempt")  # what a put does to a lane that is open
        putting.execute("INSERT INTO waiting (lane, seq) VALUES (%s, 2)", [lane])
        settling.execute("BEGIN")
        values = {"lanes": [lane], "now_us": 0}

        def settle() -> None:
            for name in ["lock_lanes"] * locks + ["advance"]:
                settling.execute(SQL[name].encode(), values)

        settled = asyncio.create_task(asyncio.to_thread(settle))
        blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await until(lambda: asyncio.to_thread(lambda: putting.execute(blocked.encode()).fetchone()))
        putting.execute("COMMIT")
        await settled
        settling.execute("COMMIT")
    return len(rows(place, "SELECT 1 FROM waiting WHERE lane NOT IN (SELECT lane FROM lane)"))


async def test_a_lane_does_not_close_on_what_comes_behind_it(open_queue: Open, place: PostgresPlace) -> None:
    """It is locked first and looked at then: what was put meanwhile comes up."""
    assert await behind_a_lane_that_closes(await open_queue(), place, locks=True) == 0


async def test_without_its_lock_a_lane_leaves_an_event_behind(open_queue: Open, place: PostgresPlace) -> None:
    """The control of the test above: the statement that advances lanes, alone, looks too early."""
    assert await behind_a_lane_that_closes(await open_queue(), place, locks=False) == 1


async def test_no_event_is_left_behind_a_lane_that_is_gone(open_queue: Open, place: PostgresPlace) -> None:
    """Two replicas put for a few users while a third settles what they sent, so that lanes close as events come.

    Of one replica's events, each was acknowledged before the next one came: these keep their order.
    """
    delivering, *putting = [await open_queue() for _ in range(3)]
    ended: dict[tuple[str | None, str], list[int]] = {}

    async def put(queue: PostgresQueue, replica: str) -> None:
        for number in range(150):
            await queue.put([make_event(f"{replica} {number}", user=f"u-{number % 2}")])

    async def deliver() -> None:
        while sum(map(len, ended.values())) < 300:
            leases = await delivering.take(sources=["shop"], limit=50, lease_s=60, wait_s=0.05)
            for lease in leases:
                replica, _, number = lease.event.message_id.partition(" ")
                ended.setdefault((lease.event.user_id, replica), []).append(int(number))
            await asyncio.gather(*(delivering.settle(lease, Delivered()) for lease in leases))

    async with asyncio.timeout(60):
        await asyncio.gather(deliver(), *(put(queue, f"replica-{number}") for number, queue in enumerate(putting)))
    assert all(numbers == sorted(numbers) for numbers in ended.values())
    assert rows(place, "SELECT count(*) FROM waiting") == [(0,)]
    assert rows(place, "SELECT count(*) FROM lane") == [(0,)]
    balance = await delivering.balance()
    assert (balance.counts["delivered"], balance.pending, balance.unaccounted) == (300, 0, 0)


async def test_of_two_puts_that_overlap_either_may_be_first(open_queue: Open, place: PostgresPlace) -> None:
    """A put that draws its number first, and reaches the lane of its user last, waits behind the other put."""
    slow, fast = [await open_queue() for _ in range(2)]
    await slow.put([make_event("m-1", user="u-2")])
    [lease] = await slow.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    await slow.settle(lease, Delivered())
    first = make_event("m-2")
    digest = digest_of(source="shop", message_id="m-2", kind="track", body=first.body)
    with place.connect() as other:
        # The put draws its number, notes its id, and waits for this transaction, which may have noted the id too.
        other.execute("SET idle_in_transaction_session_timeout = 0")
        other.execute("BEGIN")
        other.execute("INSERT INTO seen SELECT %s, day, 0 FROM seen LIMIT 1", [digest])
        putting = asyncio.create_task(slow.put([first]))
        await until(partial(asyncio.to_thread, waits_for_a_lock, place))
        await fast.put([make_event("m-3")])
        other.execute("ROLLBACK")
    assert (await putting).stored == 1
    ended = []
    for _ in range(2):
        [lease] = await slow.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
        ended.append((lease.event.message_id, lease.seq))
        await slow.settle(lease, Delivered())
    assert ended == [("m-3", 3), ("m-2", 2)]


async def test_a_put_that_waits_for_another_transaction_is_stored_after_it(
    open_queue: Open, place: PostgresPlace
) -> None:
    """A process that holds its lane for a while does not block others for ever: the put ends with its commit."""
    queue = await open_queue()
    await queue.put([make_event("m-1")])
    with place.connect() as other:
        other.execute("BEGIN")
        other.execute("SELECT 1 FROM lane FOR UPDATE")
        putting = asyncio.create_task(queue.put([make_event("m-2")]))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(putting), 0.2)
        assert not putting.done()
        other.execute("COMMIT")
    assert (await asyncio.wait_for(putting, 5)).stored == 1


async def test_a_put_that_is_ended_by_a_deadlock_is_done_again(open_queue: Open, place: PostgresPlace) -> None:
    """Somebody locks two users' lanes the other way round: the server ends the put, which is done again."""
    queue = await open_queue()
    await queue.put([make_event("m-1"), make_event("m-2", user="u-2")])
    [(low,), (high,)] = rows(place, "SELECT lane FROM lane ORDER BY lane")
    lock = "SELECT 1 FROM lane WHERE lane = %s FOR UPDATE"
    with place.connect() as other:
        # So that it is the put that notices.
        other.execute("SET deadlock_timeout = '30s'")
        other.execute("BEGIN")
        other.execute(lock, [high])
        putting = asyncio.create_task(queue.put([make_event("m-3"), make_event("m-4", user="u-2")]))
        await until(partial(asyncio.to_thread, waits_for_a_lock, place))
        await asyncio.to_thread(other.execute, lock, [low])
        other.execute("COMMIT")
    assert (await asyncio.wait_for(putting, 10)).stored == 2
    ended = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    await until(lambda: asyncio.sleep(0.05, rows(place, ended) > [(0,)]))


def waits_for_a_lock(place: PostgresPlace) -> bool:
    """Whether anybody does."""
    return rows(place, "SELECT count(*) FROM pg_locks WHERE NOT granted") > [(0,)]


async def test_a_lost_connection_is_made_again(open_queue: Open, postgres: Server) -> None:
    """Between two transactions it has no effect; everything acknowledged is there."""
    queue = await open_queue()
    await queue.put([make_event("m-1")])
    # From then on its claim is trusted, for 8 s without another word.
    assert len(await queue.take(sources=["shop"], limit=9, lease_s=0, wait_s=0)) == 1
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'browsee-adapter' "
    with psycopg.connect(postgres.conninfo, autocommit=True) as other:
        other.execute(end_all.encode())
    assert await queue.put([make_event("m-1"), make_event("m-2")], [make_rejection()]) == Stored(1, 1, 0, 1)
    [lease] = await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0)
    assert await queue.settle(lease, Dead(Reason.REFUSED, "a\0b"))
    assert (await queue.balance()).unaccounted == 0


async def test_a_day_that_is_over_keeps_the_ids_of_what_is_not_finished(open_queue: Open, place: PostgresPlace) -> None:
    """Its table is dropped, and a copy is a duplicate all the same while its event is pending."""
    clock = FakeClock()
    queue = await open_queue(clock)
    await queue.put([make_event("done"), make_event("pending", user="u-2")])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    await queue.settle(lease, Delivered())
    clock.advance(9 * 86_400)
    await queue._upkeep.keep(bounds_rejections=True)
    assert rows(place, "SELECT count(*) FROM dedup_kept") == [(1,)]
    stored = await queue.put([make_event("done"), make_event("pending", user="u-2")])
    assert (stored.stored, stored.duplicates) == (1, 1)
    assert (await queue.balance()).unaccounted == 0


async def test_statements_are_all_in_use(place: PostgresPlace) -> None:
    """Each statement can be prepared by the server: none is broken where no other test looks."""
    queue = await PostgresQueue.open_at(place, clock=FakeClock())
    session = PostgresSession(place)
    for name, statement in SQL.items():
        assert "%(" in statement or session.run(statement.replace("{newest}", "")).statusmessage, name
    session.close()
    await queue.close()


async def test_a_server_that_does_not_answer_is_not_waited_for(
    open_queue: Open, postgres: Server, place: PostgresPlace
) -> None:
    """The put ends with an error after 5 s; sent again, it is stored once, whatever became of the first."""
    queue = await open_queue()
    await queue.put([make_event("m-0")])
    find = "SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND application_name = 'browsee-adapter'"
    with psycopg.connect(postgres.conninfo, autocommit=True) as other:
        stopped = [pid for (pid,) in other.execute(find.encode()).fetchall()]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            began_s = time.monotonic()
            with pytest.raises(QueueError):
                await queue.put([make_event("m-1")])
            assert time.monotonic() - began_s < 10
            assert (await queue.put([make_event("m-1")])).stored == 1
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    assert (await queue.put([make_event("m-1")])).duplicates == 1
    assert rows(place, "SELECT count(*) FROM message") == [(2,)]
    assert (await queue.balance()).unaccounted == 0


@pytest.mark.parametrize("ended", ["put", "settle"])
async def test_a_commit_whose_answer_is_lost_is_done_once(open_queue: Open, place: PostgresPlace, ended: str) -> None:
    """The connection is lost after COMMIT was sent, so the result is unknown; sent again, nothing is stored twice."""
    queue = await open_queue()
    await queue.put([make_event("m-1")])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    session = queue._puts.session if ended == "put" else queue._state.session
    committed = session.committed

    def lose() -> None:
        session.committed = committed
        session.close()
        raise StoreLostError("the connection is gone")

    session.committed = lose
    with pytest.raises(QueueError):
        await (queue.put([make_event("m-2")]) if ended == "put" else queue.settle(lease, Delivered()))
    if ended == "put":
        assert (await queue.put([make_event("m-2")])).duplicates == 1
    else:
        assert await queue.settle(lease, Delivered())
        assert rows(place, "SELECT count(*) FROM finished") == [(1,)]
    assert (await queue.balance()).unaccounted == 0


async def test_a_day_that_somebody_reads_is_dropped_later(open_queue: Open, place: PostgresPlace) -> None:
    """It is not waited for, and what is settled meanwhile is settled."""
    clock = FakeClock()
    queue = await open_queue(clock)
    await queue.put([make_event("m-1")])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    clock.advance(9 * 86_400)
    with place.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM seen")
        with pytest.raises(QueueError, match="lock timeout"):
            await queue._upkeep.keep(bounds_rejections=False)
        assert await queue.settle(lease, Delivered())
    await queue._upkeep.keep(bounds_rejections=False)
    assert len(rows(place, "SELECT 1 FROM pg_inherits WHERE inhparent = 'seen'::regclass")) == 4


async def test_a_step_of_the_servers_clock_ends_no_lease(place: PostgresPlace) -> None:
    """It makes events due sooner; who holds one goes on holding it."""
    steady, server = FakeClock(), FakeClock()

    class SteppedClock(StoreClock):
        def look(self, session: PostgresSession) -> None:
            self._ahead_s = server() - steady()

    queue = await PostgresQueue.open_at(place, clock=SteppedClock(steady))
    await queue.put([make_event("m-1")])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    server.advance(3600)
    await queue._upkeep.keep(bounds_rejections=False)
    assert await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0) == []
    assert queue.holds(lease)
    steady.advance(61)
    assert len(await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)) == 1
    await queue.close()

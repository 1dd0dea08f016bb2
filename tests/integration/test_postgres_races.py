"""Two processes that change one event at the same time: each waits for the other, and the ledger balances."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from adapter.errors import QueueError
from adapter.model import DELETE, Dead, Event, Lease, Outcome, Reason, Unmatched
from adapter.queue.codec import encode
from adapter.queue.postgres.admin import PostgresQueueAdmin
from adapter.queue.postgres.admin_writes import requeue_unmatched
from adapter.queue.postgres.claim_rows import Terms
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.erase import delete_bodies
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.state import DAY_US, SQL
from tests.fakes import FakeClock, make_event, make_rejection, until
from tests.postgres import Server

Run = Callable[[str, Mapping[str, object]], psycopg.Cursor[Any]]


@pytest.fixture
def place(postgres: Server) -> PostgresPlace:
    return postgres.place()


@pytest.fixture
async def queue(place: PostgresPlace) -> AsyncIterator[PostgresQueue]:
    queue = await PostgresQueue.open_at(place, clock=FakeClock())
    yield queue
    await queue.close()


@contextmanager
def other_process(place: PostgresPlace) -> Iterator[Run]:
    """A transaction of another process, which is committed at the end of the block."""
    with place.connect() as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("BEGIN")
        yield lambda statement, values: connection.execute(statement.encode(), values)
        connection.execute("COMMIT")


def waits_for_a_lock(place: PostgresPlace) -> bool:
    with place.connect() as connection:
        return connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None


async def ended(queue: PostgresQueue, event: Event, outcome: Outcome) -> Lease:
    """Put an event, and end it so."""
    await queue.put([event])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=5)
    assert await queue.settle(lease, outcome)
    return lease


def erased(place: PostgresPlace, seq: int) -> int:
    with PostgresQueueAdmin.open_at(place) as admin:
        return admin.erase([seq])


def discard(run: Run, seq: int) -> None:
    run(SQL["discard"], {"seqs": [seq]})


def erase(run: Run, seq: int) -> None:
    delete_bodies(run, [seq], due_us=0, ended_us=0)


@pytest.mark.parametrize(("change", "erased_too"), [(discard, 0), (erase, 1)], ids=["discarded", "erased"])
async def test_a_dead_letter_that_ends_elsewhere_ends_once(
    queue: PostgresQueue, place: PostgresPlace, change: Callable[[Run, int], None], erased_too: int
) -> None:
    """Its user's data is deleted while another process discards it, or deletes the data too."""
    lease = await ended(queue, make_event("m-1"), Dead(Reason.REFUSED, "no"))
    with other_process(place) as run:
        change(run, lease.seq)
        erasing = asyncio.create_task(asyncio.to_thread(erased, place, lease.seq))
        await until(partial(asyncio.to_thread, waits_for_a_lock, place))
    assert await erasing == erased_too
    balance = await queue.balance()
    assert (balance.dead, balance.pending, balance.unaccounted) == (0, 0, 0)


async def test_an_unmatched_event_that_is_requeued_keeps_its_message(
    queue: PostgresQueue, place: PostgresPlace
) -> None:
    """It is as old as the history goes back, and upkeep deletes what is older: it would block its user for ever."""
    lease = await ended(queue, make_event("m-1"), Unmatched())
    with other_process(place) as run:
        assert requeue_unmatched(run, {lease.seq: 0}, unordered=()) == 1
        values = {"before_us": 2**62, "limit": 10}
        assert await queue._commits.write(lambda: queue._state.run(SQL["prune_history"], values).rowcount) == 0
    [again] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=5)
    assert again.event.message_id == "m-1"
    assert (await queue.balance()).unaccounted == 0


async def test_a_rejection_that_is_requeued_while_its_event_arrives_is_a_duplicate(
    queue: PostgresQueue, place: PostgresPlace
) -> None:
    """The sender sends the corrected message with the same id at that moment: one event is stored."""
    await queue.put([], [make_rejection()])
    event = make_event("m-1")

    def requeued() -> str:
        with PostgresQueueAdmin.open_at(place) as admin:
            return admin.requeue_rejection(1, event)

    with other_process(place) as run:
        day = queue._puts.now_us() // DAY_US
        run("INSERT INTO seen VALUES (%(digest)s, %(day)s, 9)", {"digest": encode(event).digest, "day": day})
        requeueing = asyncio.create_task(asyncio.to_thread(requeued))
        await until(partial(asyncio.to_thread, waits_for_a_lock, place))
    assert await requeueing == "duplicate"
    balance = await queue.balance()
    assert (balance.counts["duplicate"], balance.pending, balance.unaccounted) == (1, 0, 0)


async def test_a_transaction_that_holds_up_a_deletion_is_named(place: PostgresPlace) -> None:
    """An operator's session that was left open: the request is carried out once it has ended."""
    queue = await PostgresQueue.open_at(place, clock=FakeClock(), terms=Terms(puts_s=0.2))
    await queue.put([make_event("m-1"), make_event("m-2", type=DELETE)])
    with other_process(place) as run:
        run("SET application_name = 'session of anna'", {})
        run("LOCK TABLE message IN ROW EXCLUSIVE MODE", {})
        with pytest.raises(QueueError, match=r"process \d+ \(session of anna, open for \d+ s\); end it"):
            await queue.delete_requested(wait_s=5)
    [done] = await queue.delete_requested(wait_s=5)
    assert (done.events, (await queue.balance()).unaccounted) == (1, 0)
    await queue.close()


async def test_what_is_left_of_an_event_goes_with_its_history(queue: PostgresQueue, place: PostgresPlace) -> None:
    """A call that was noted after its event had ended elsewhere, and an id that was kept at that moment."""
    lease = await ended(queue, make_event("m-1"), Unmatched())
    with other_process(place) as run:
        run(SQL["add_sent"], {"seq": lease.seq, "key": b"late"})
        run(SQL["keep_digest"], {"digest": b"late", "seq": lease.seq})
    values = {"before_us": 2**62, "limit": 10}
    assert await queue._commits.write(lambda: queue._state.run(SQL["prune_history"], values).rowcount) == 1
    with place.connect() as connection:
        left = "SELECT (SELECT count(*) FROM sent), (SELECT count(*) FROM dedup_kept), (SELECT count(*) FROM message)"
        assert connection.execute(left).fetchone() == (0, 0, 0)

"""What one source's trouble takes from another: dead letters, a backlog, rejections. Always with a good one beside."""

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapter.errors import SourceFull
from adapter.model import Dead, Delivered, Dropped, Event, Outcome, Reason, Retry, Unmatched
from adapter.queue.records import QueueOptions, Retention
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock, make_event, make_rejection, until
from tests.integration.ingest_server import Served, serving
from tests.integration.queues import take

MAX_BYTES = 4_000_000
REFUSED = Dead(Reason.REFUSED_BY_MAPPING, "nobody")


@pytest.fixture
async def shared(path: Path, clock: FakeClock) -> AsyncIterator[SqliteQueue]:
    """A queue of 4 MB for the sources `loud` and `good`."""
    queue = await SqliteQueue.open(path, QueueOptions(max_bytes=MAX_BYTES, shared=True), now=clock)
    yield queue
    await queue.close()


def large(name: str, *, user: str | None, source: str = "loud") -> Event:
    """An event of some 20 KB."""
    return make_event(name, source=source, user=user, properties={"text": "x" * 20_000})


async def settle_all(queue: SqliteQueue, outcome: Outcome, *, source: str = "loud") -> None:
    """End everything of `source` that is due."""
    while leases := await queue.take(sources=[source], limit=100, lease_s=60, wait_s=0):
        await asyncio.gather(*(queue.settle(lease, outcome) for lease in leases))


async def fill(queue: SqliteQueue, event_of: Callable[[int], Event], *, ending: Outcome | None = None) -> int:
    """Put events one by one until the source is refused; how many were stored."""
    for n in range(10_000):
        try:
            await queue.put([event_of(n)])
        except SourceFull:
            return n
        if ending is not None:
            await settle_all(queue, ending)
    raise AssertionError("nothing bounds this source")


async def test_dead_letters_of_one_leave_room_for_the_other(shared: SqliteQueue) -> None:
    """Large events that every mapping refuses stop at half of the queue; the other source is stored all the while."""
    stored = await fill(shared, lambda n: large(f"m-{n}", user=f"u-{n}"), ending=REFUSED)
    assert MAX_BYTES * 0.4 < stored * 20_000 <= MAX_BYTES / 2
    await shared._upkeep.make_room()
    for n in range(20):
        assert (await shared.put([large(f"good-{n}", user="ada", source="good")])).stored == 1
    assert (await shared.balance()).dead == stored


async def test_a_backlog_of_one_leaves_room_for_the_other(shared: SqliteQueue) -> None:
    """Pending behind a wrong Browsee key is held as dead letters are; delivered, it makes room again."""
    stored = await fill(shared, lambda n: large(f"m-{n}", user=f"u-{n}"))
    assert (await shared.put([large("good", user="ada", source="good")])).stored == 1
    with pytest.raises(SourceFull, match="loud has as many bytes of pending events"):
        await shared.put([large("late", user="u")])
    await settle_all(shared, Delivered())
    assert (await shared.put([large("late", user="u")])).stored == 1
    assert (await shared.balance()).counts["delivered"] == stored


async def test_what_names_no_user_makes_room(shared: SqliteQueue) -> None:
    """Nothing can deliver an event without any id: near the source's share the oldest of them are discarded, and dead
    letters with a user never.
    """
    await shared.put([large(f"kept-{n}", user="ada") for n in range(20)])
    await settle_all(shared, REFUSED)
    for n in range(300):
        await shared.put([large(f"m-{n}", user=None)])
        await settle_all(shared, REFUSED)
        if n % 20 == 0:
            await shared._upkeep.bound_shares()
    balance = await shared.balance()
    assert balance.counts["discarded"] == 320 - balance.dead > 200
    assert balance.unaccounted == 0
    kept = shared._connection.execute("SELECT count(*) FROM message WHERE message_id LIKE 'kept-%'").fetchone()
    assert kept == (20,)


async def test_rejections_of_one_do_not_drive_out_the_others(shared: SqliteQueue) -> None:
    """Of the hundredth that rejections have, the source with most gives; who has little keeps all."""
    good = [replace(make_rejection(source="good"), body=b"y" * 1_000) for _ in range(5)]
    await shared.put([], good)
    await shared.put([], [replace(make_rejection(source="loud"), body=b"x" * 1_000) for _ in range(200)])
    await shared._upkeep.bound_rejections()
    kept = dict(
        shared._connection.execute("SELECT name, count(*) FROM rejection JOIN source ON source.id = source GROUP BY 1")
    )
    assert kept == {"good": 5, "loud": 35}


async def test_a_fast_sender_wakes_the_upkeep(shared: SqliteQueue) -> None:
    """Rejections are bounded when a fiftieth of the disk was stored, not only at the next look seconds later."""
    await shared.put([], [replace(make_rejection(source="loud"), body=b"x" * 1_000) for _ in range(200)])

    async def is_bounded() -> bool:
        return bool(shared._connection.execute("SELECT count(*) <= 40 FROM rejection").fetchone()[0])

    await until(is_bounded, within_s=4)


def recounted(path: Path) -> dict[str, tuple[int, int]]:
    """What each source holds, from the rows."""
    with closing(sqlite3.connect(path)) as file:
        found = file.execute(
            "SELECT name, count(*), sum(length(body) + 300) FROM message JOIN source ON source.id = source "
            "WHERE seq NOT IN (SELECT seq FROM finished) GROUP BY 1"
        ).fetchall()
    return {name: (events, size) for name, events, size in found}


def counted(path: Path) -> dict[str, tuple[int, int]]:
    """The same as the queue counts it; without sources that hold nothing."""
    with closing(sqlite3.connect(path)) as file:
        found = file.execute("SELECT name, events, bytes FROM held JOIN source ON source.id = source").fetchall()
    assert all((events > 0) == (size > 0) for _, events, size in found)
    return {name: (events, size) for name, events, size in found if events}


OUTCOMES: tuple[Outcome, ...] = (
    Delivered(),
    Dropped(Reason.BY_RULE, "r", "t"),
    Unmatched(),
    REFUSED,
    Retry(Reason.TIMEOUT, delay_s=0, counted=True),
    Retry(Reason.PAUSED, delay_s=0, counted=False, parked=True),
)


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_counted_is_what_is_there(path: Path, clock: FakeClock, seed: int) -> None:
    """After any course of puts, ends, operators' changes, deletions, pruning and restarts."""
    chance, number = random.Random(seed), 0  # noqa: S311 - a course of events, no secret
    retention = Retention(history_s=500, dead_s=300)
    queue = await SqliteQueue.open(path, QueueOptions(shared=True, retention=retention), now=clock)
    for _ in range(60):
        match chance.randrange(8):
            case 0 | 1:
                source, user = chance.choice(["loud", "good"]), chance.choice(["a", "b", None])
                await queue.put([large(f"m-{number + n}", user=user, source=source) for n in range(4)])
                await queue.put([make_event(f"m-{number}", source=source, user="again")], [make_rejection()])
                number += 4
            case 2 | 3:
                for lease in await take(queue, sources=["loud", "good"], limit=4):
                    await queue.settle(lease, chance.choice(OUTCOMES))
            case 4:
                await queue.put([make_event(f"d-{number}", source="loud", user="a", type="delete")])
                await queue.delete_requested(wait_s=0)
                number += 1
            case 5:
                with SqliteQueueAdmin.open(path) as admin:
                    dead = [record.seq for record in admin.dead()]
                    admin.discard(dead[:1])
                    admin.requeue([*dead[1:2], *(n for page in admin.unmatched() for n in page[:1])])
                    admin.erase([n for page in admin.seqs_of_user("b") for n in page[:1]])
                    for rejected in admin.rejections()[:1]:
                        admin.requeue_rejection(rejected.number, make_event(f"r-{rejected.number}", user="a"))
            case 6:
                clock.advance(chance.choice([1, 400]))
                rows, commits = queue._rows, queue._commits
                await commits.write(partial(rows.prune, 100))
                await commits.write(partial(rows.discard_undeliverable, "loud", after=0, limit=3))
            case _:
                await queue.close()
                queue = await SqliteQueue.open(path, QueueOptions(shared=True, retention=retention), now=clock)
        assert counted(path) == recounted(path)
        await queue.probe()
        held = {source: (usage.events, usage.size_bytes) for source, usage in queue._rows.held.items() if usage.events}
        assert held == recounted(path)
    await queue.close()


async def _hold(served: Served, address: str, *, size: int) -> tuple[int, asyncio.StreamWriter]:
    """A connection from `address` that sent a body without a key before it, but for its last byte, and the status of an
    answer that did not wait for that; 0 if there is none.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, local_addr=(address, 0))
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode() + b" " * (size - 1))
    try:
        async with asyncio.timeout(2):
            return int((await reader.readline()).split()[1]), writer
    except TimeoutError:
        return 0, writer


async def test_slow_bodies_of_one_address_leave_room_for_the_other() -> None:
    """Their source is unknown before their key is read, so an address has a share: the next one is stored."""
    body = json.dumps({"writeKey": "shop-key", "batch": [{"type": "track", "event": "A", "userId": "u"}]}).encode()
    async with serving() as served:
        held = await asyncio.gather(*(_hold(served, "127.0.0.2", size=4_900_000) for _ in range(10)))
        # Of 40 MB an address may hold half.
        assert sorted(status for status, _ in held) == [0] * 4 + [503] * 6
        good = body + b" " * (4_000_000 - len(body))
        assert (await served.send("POST", "/v1/batch", data=BytesIO(good)))[0] == 200
        for _, writer in held:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

"""What of deletion requests only a real file, a running service and a worker can show."""

import asyncio
from pathlib import Path

from adapter.model import DELETE, Delivered, Event
from adapter.observe.service_telemetry import QueueFailed, UserDeleted
from adapter.observe.telemetry import Telemetry
from adapter.queue.records import QueueOptions, Retention
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.deletions import Deletions
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.deletions import delete_as_asked
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import FakeClock, make_event, make_rejection, until
from tests.integration.queues import take
from tests.integration.road import open_road, ruleset

SECRET = "4711 0815 4711 0815"
"""What must not be left anywhere."""


def a_deletion(message_id: str = "delete-1", *, user: str = "u-1") -> Event:
    return make_event(message_id, user=user, type=DELETE)


def secrets(count: int) -> list[Event]:
    return [make_event(f"m-{n}", properties={"card": SECRET, "long": SECRET * 400}) for n in range(count)]


async def test_a_request_survives_a_crash(path: Path, clock: FakeClock) -> None:
    """Stored with the 200, it is carried out after a restart."""
    first = await SqliteQueue.open(path, now=clock)
    await first.put([make_event("m-1"), a_deletion()])
    await first.close()
    second = await SqliteQueue.open(path, now=clock)
    assert [request.events for request in await second.delete_requested(wait_s=0)] == [1]
    assert (await second.balance()).unaccounted == 0
    await second.close()


async def test_one_that_was_cut_off_goes_on(queue: SqliteQueue) -> None:
    """In the middle of its pages: nothing is lost, and nothing counted twice."""
    await queue.put([make_event(f"m-{n}") for n in range(1_000)])
    await queue.put([a_deletion()])
    cut_off = asyncio.create_task(queue.delete_requested(wait_s=0))

    async def has_begun() -> bool:
        return (await queue.balance()).counts["dropped"] > 1

    await until(has_begun)
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    assert (await queue.balance()).unaccounted == 0
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [1_000]
    balance = await queue.balance()
    assert (balance.counts["dropped"], balance.pending, balance.unaccounted) == (1_001, 0, 0)


async def test_others_are_stored_meanwhile(queue: SqliteQueue) -> None:
    """Ingest waits for a page of a long deletion, never for the whole."""
    await queue.put([make_event(f"m-{n}") for n in range(2_000)])
    await queue.put([a_deletion()])
    deleting = asyncio.create_task(queue.delete_requested(wait_s=0))
    for n in range(3):
        await queue.put([make_event(f"other-{n}", user=f"u-{n + 2}")])
    assert not deleting.done()
    assert [request.events for request in await deleting] == [2_000]


async def test_what_waits_goes_first(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Before the history, however much there is: else it would be delivered meanwhile."""
    await queue.put([make_event(f"m-{n}") for n in range(5)])
    for _ in range(2):
        [lease] = await take(queue)
        await queue.settle(lease, Delivered())
    await queue.put([a_deletion()])
    pages: list[list[int]] = []
    deletions = Deletions(
        FilePlace(path),
        queue._connection,
        queue._commits,
        now=clock,
        trusted=clock,
        ended=lambda page: pages.append([*page]),
    )
    await deletions.carry_out(wait_s=0)
    assert pages == [[3, 4, 5], [1, 2]]


async def test_no_byte_is_left(queue: SqliteQueue, path: Path) -> None:
    """Of what was pending, finished or rejected: in the file it is overwritten, and from the log it is gone."""
    await queue.put(secrets(5), [make_rejection()])
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    assert any(SECRET.encode() in file.read_bytes() for file in path.parent.glob("queue.db*"))
    await queue.put([a_deletion()])
    await queue.delete_requested(wait_s=0)
    for file in path.parent.glob("queue.db*"):
        assert SECRET.encode() not in file.read_bytes(), file.name
    with SqliteQueueAdmin.open(path) as admin:
        found = {
            record.event.message_id: (record.outcome, record.reason)
            for record in admin.since(admin.newest_seq() - 3, limit=3)
        }
        assert found == {
            "delete-1": ("dropped", "deletion request"),
            "m-4": ("dropped", "deleted"),
            "m-3": ("dropped", "deleted"),
        }


async def test_what_went_bad_on_the_disk_goes_too(queue: SqliteQueue) -> None:
    """An event or a rejection that cannot be read any more stops no deletion."""
    await queue.put([make_event("m-1"), make_event("m-2")], [make_rejection()])
    run = queue._connection.execute
    run("UPDATE message SET body = x'7b00ff' WHERE seq = 1")
    run("UPDATE rejection SET reason = 'x', problems = CAST(x'5bff' AS TEXT), body = ?", (b'{"userId":"u-1"\xff',))
    await queue.put([a_deletion()])
    [request] = await queue.delete_requested(wait_s=0)
    assert (request.events, request.rejections) == (2, 1)
    assert (await queue.balance()).unaccounted == 0


async def test_requests_are_kept_for_their_time(path: Path, clock: FakeClock) -> None:
    """Longer than the history of events, and from when they were carried out."""
    queue = await SqliteQueue.open(path, QueueOptions(retention=Retention(history_s=10, deletions_s=1_000)), now=clock)
    await queue.put([a_deletion(), a_deletion("delete-2", user="u-2")])
    with SqliteQueueAdmin.open(path) as admin:
        assert [request.done_at for request in admin.deletions(limit=9)] == [None, None]
        await queue.delete_requested(wait_s=0)
        assert [request.user for request in admin.deletions(limit=9)] == ["u-2", "u-1"]
        assert [request.message_id for request in admin.deletions(limit=9, user="u-1")] == ["delete-1"]
        clock.advance(999)
        await queue._commits.write(lambda: queue._rows.prune(100))
        assert (len(admin.deletions(limit=9)), admin.since(0, limit=9)) == (2, [])
        clock.advance(2)
        await queue._commits.write(lambda: queue._rows.prune(100))
        assert admin.deletions(limit=9) == []
    await queue.close()


async def test_a_file_in_trouble_is_reported_and_tried_again(queue: SqliteQueue) -> None:
    """What cannot be written now is not forgotten."""
    await queue.put([make_event("m-1"), a_deletion()])
    queue._connection.execute("PRAGMA query_only = ON")
    said: list[Telemetry] = []
    deleting = asyncio.create_task(delete_as_asked(queue, said.append))

    async def has_said() -> bool:
        return bool(said)

    await until(has_said)
    deleting.cancel()
    assert [type(telemetry) for telemetry in said] == [QueueFailed]
    queue._connection.execute("PRAGMA query_only = OFF")
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [1]


async def test_requests_are_carried_out_as_they_come() -> None:
    """And reported, with figures and without the user."""
    queue, said = SimulatedQueue(now=FakeClock()), list[Telemetry]()
    deleting = asyncio.create_task(delete_as_asked(queue, said.append))
    await queue.put([make_event("m-1"), a_deletion()])

    async def has_said() -> bool:
        return bool(said)

    await until(has_said)
    assert said == [UserDeleted(source="shop", message_id="delete-1", events=1, rejections=0)]
    deleting.cancel()


async def test_a_call_that_has_not_gone_yet_does_not_go() -> None:
    """An event in a worker's hands is let go between its calls; the later ones of its user come after that."""
    rules = ruleset("version: 1\nrules: [{when: {type: track}, send: [{track: FIRST}, {track: SECOND}]}]\n")
    async with open_road(lambda _: rules) as road:
        road.script("- {nth: 1, delay_s: 0.3}\n")
        await road.queue.put([make_event("m-1")])
        await until(lambda: road.has_calls(1))
        await road.queue.put([a_deletion(), make_event("m-2")])
        await road.queue.delete_requested(wait_s=0)
        assert await road.settled() == {"dropped": 2, "delivered": 1}
        assert [call["event"] for call in await road.calls()] == ["FIRST", "FIRST", "SECOND"]

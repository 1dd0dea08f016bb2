"""The operator's desk beside a queue that is being served."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.errors import ConfigError
from adapter.model import Dead, Delivered, Dropped, Lease, Outcome, Reason, Unmatched
from adapter.queue.desk import Desk
from adapter.queue.sqlite import SqliteQueue
from tests.fakes import FakeClock, make_event


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def queue(path: Path, clock: FakeClock) -> AsyncIterator[SqliteQueue]:
    queue = await SqliteQueue.open(path, now=clock)
    yield queue
    await queue.close()


async def take(queue: SqliteQueue, *, limit: int = 10) -> list[Lease]:
    return list(await queue.take(sources=["shop"], limit=limit, lease_s=60, wait_s=0))


async def end(queue: SqliteQueue, message_id: str, outcome: Outcome, *, user: str | None = None) -> None:
    """Put an event of a user of its own and settle it."""
    await queue.put([make_event(message_id, user=user or f"user of {message_id}")])
    [lease] = await take(queue)
    await queue.settle(lease, outcome, mapping="0123456789ab")


async def test_each_event_tells_what_became_of_it(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Received, outcome with reason and rule, and the mapping's version, newest first."""
    await end(queue, "m-1", Delivered())
    await end(queue, "m-2", Dropped(Reason.BY_RULE, "Heartbeats", "too frequent"))
    await end(queue, "m-3", Unmatched())
    await end(queue, "m-4", Dead(Reason.REFUSED, "no such project"))
    await queue.put([make_event("m-5")])
    with Desk.open(path, now=clock) as desk:
        told = [(s.event.message_id, s.outcome, s.reason, s.rule, s.detail, s.mapping) for s in desk.newest(limit=10)]
        assert told == [
            ("m-5", "pending", "", "", "", ""),
            ("m-4", "dead", "refused", "", "no such project", "0123456789ab"),
            ("m-3", "unmatched", "", "", "", "0123456789ab"),
            ("m-2", "dropped", "by rule", "Heartbeats", "too frequent", "0123456789ab"),
            ("m-1", "delivered", "", "", "", "0123456789ab"),
        ]
        assert [s.event.message_id for s in desk.newest(limit=2, before=desk.newest(limit=1)[0].receipt)] == [
            "m-4",
            "m-3",
        ]
        assert [s.event.message_id for s in desk.since(0, limit=2)] == ["m-1", "m-2"]
        [story] = desk.of_message("m-5")
        assert (story.event, story.ended_at) == (make_event("m-5"), None)


async def test_dead_letters_are_grouped_by_cause(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """The most frequent cause first, with how many and the oldest."""
    for n in range(3):
        await end(queue, f"total-{n}", Dead(Reason.REFUSED_BY_MAPPING, "total is required (rule 'An order')"))
    await end(queue, "key", Dead(Reason.REFUSED, "no such project"))
    with Desk.open(path, now=clock) as desk:
        groups = [(group.count, group.reason, group.detail) for group in desk.groups()]
        assert groups == [
            (3, "refused by the mapping", "total is required (rule 'An order')"),
            (1, "refused", "no such project"),
        ]
        assert [s.event.message_id for s in desk.dead(reason="refused")] == ["key"]
        first = desk.groups()[0].first
        assert [s.event.message_id for s in desk.dead(after=first, limit=1)] == ["total-1"]


async def test_requeued_events_go_behind_live_traffic(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Dead letters come back oldest first after everything that is due, with what got through remembered."""
    await queue.put([make_event("dead-1", user="a")])
    [lease] = await take(queue)
    queue.note(lease, "track/A/0")
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await end(queue, "dead-2", Dead(Reason.REFUSED, "no"), user="b")
    with Desk.open(path, now=clock) as desk:
        dead = [story.receipt for story in desk.dead()]
        assert desk.requeue([*dead, 999]) == 2
        assert desk.requeue(dead) == 0
    clock.advance(60)
    await queue.put([make_event("live", user="c")])
    leases = await take(queue)
    assert [lease.event.message_id for lease in leases] == ["live", "dead-1", "dead-2"]
    assert leases[1].sent == {"track/A/0"}
    for lease in leases:
        await queue.settle(lease, Delivered())
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.dead, balance.pending, balance.unaccounted) == (3, 0, 0, 0)


async def test_a_requeued_event_is_next_of_its_user(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """It was received earlier than what its user has pending, so it goes as soon as the one under way has ended."""
    await end(queue, "first", Dead(Reason.REFUSED, "no"), user="a")
    await queue.put([make_event("second", user="a"), make_event("third", user="a")])
    [under_way] = await take(queue)
    with Desk.open(path, now=clock) as desk:
        assert desk.requeue([story.receipt for story in desk.dead()]) == 1
    await queue.settle(under_way, Delivered())
    assert [lease.event.message_id for lease in await take(queue)] == ["first"]


async def test_discarded_letters_stay_in_the_balance(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Gone for good, and counted as discarded."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    with Desk.open(path, now=clock) as desk:
        [receipt] = [story.receipt for story in desk.dead()]
        assert desk.discard([receipt, 999]) == 1
        assert desk.story(receipt) is None
    balance = await queue.balance()
    assert (balance.counts["discarded"], balance.dead, balance.unaccounted) == (1, 0, 0)


def test_a_missing_file_is_not_made(tmp_path: Path, clock: FakeClock) -> None:
    """Looking at a queue that is not there makes none."""
    with pytest.raises(ConfigError, match="there is no queue here"), Desk.open(tmp_path / "no.db", now=clock):
        pass
    assert not (tmp_path / "no.db").exists()

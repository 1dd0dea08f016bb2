"""Ids seen, with runs and spans so small that a test makes many: each is known as long as promised."""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import QueueError
from adapter.model import Unmatched
from adapter.queue.codec import encode
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from tests.fakes import FakeClock, make_rejection
from tests.integration.queues import take
from tests.integration.small_queue import SPAN_S, WINDOW_S, SmallQueue, crashed, event_of, in_spans, names


async def test_ids_are_known_across_runs_spans_and_restarts(path: Path, clock: FakeClock) -> None:
    """Before they are in the filter, once they are, merged, after a kill at any of these, and after a clean end."""
    small = await SmallQueue.at(path, clock)
    known = await in_spans(small, clock)
    assert await small.put_ids(known) == []
    steps: list[Callable[[], Any]] = [small._rows.take_in_ids, small._rows.save_ids, small._rows.merge_ids]
    for step in steps:
        while await small._commits.write(step):
            after_kill = await SmallQueue.at(crashed(path), clock)
            assert await after_kill.put_ids(known) == []
            await after_kill.close()
        assert await small.put_ids(known) == []
    seen = small.seen
    assert seen._taken[0] == seen._runs.last
    assert [len(runs) for runs in seen._runs.of_span.values()].count(1) >= 3
    await small.close()
    again = await SmallQueue.at(path, clock)
    assert again.seen._taken[0] == seen._saved.covers > 0
    assert await again.put_ids(known) == []
    await again.close()


async def test_ids_are_free_after_their_window_without_upkeep(small: SmallQueue, clock: FakeClock) -> None:
    """Runs that ended before it are asked, and say nothing of what is finished; what is not stays known."""
    known = await in_spans(small, clock)
    assert await small.put_ids(["pending"], ended=False) == ["pending"]
    clock.advance(WINDOW_S - 2 * SPAN_S)
    assert await small.put_ids([*known[90:], "pending"], ended=False) == []
    clock.advance(4 * SPAN_S)
    assert await small.put_ids([*known, "pending"], ended=False) == known
    assert await small.put_ids([*known, "pending"], ended=False) == []


async def test_expired_ids_go_in_slices(small: SmallQueue, path: Path, clock: FakeClock) -> None:
    """What is pending moves aside with its slice, and is known at each step and after a kill; its end frees it."""
    pending = names("pending", 10)
    assert await small.put_ids(pending, ended=False) == pending
    known = await in_spans(small, clock, spans=1)
    await small.upkeep()
    clock.advance(WINDOW_S + 2 * SPAN_S)
    while await small._commits.write(lambda: small._rows.prune(3)):
        assert await small.put_ids(pending, ended=False) == []
        after_kill = await SmallQueue.at(crashed(path), clock)
        assert await after_kill.put_ids(pending, ended=False) == []
        await after_kill.close()
    # The three newest are in no run while nothing new comes.
    assert small.count("SELECT count(*) FROM seen") == small.count("SELECT count(*) FROM seen_run") == 0
    assert small.count("SELECT count(*) FROM dedup_kept") == 10
    assert await small.put_ids([*known, *pending]) == known
    clock.advance(60)
    await small.deliver(pending)
    assert small.count("SELECT count(*) FROM dedup_kept") == 0
    assert await small.put_ids(pending) == pending


async def test_few_ids_are_forgotten_too(small: SmallQueue, clock: FakeClock) -> None:
    """Those of a quiet queue become a run when they are old, not when they are many."""
    assert await small.put_ids(["one"]) == ["one"]
    clock.advance(WINDOW_S)
    assert await small.put_ids(["two", "one"]) == ["two"]
    clock.advance(2 * SPAN_S)
    assert await small.put_ids(["one"]) == ["one"]


async def test_merged_ids_have_their_window(small: SmallQueue, clock: FakeClock) -> None:
    """The last of a span as well as the first."""
    for n in range(5):
        assert len(await small.put_ids(names(f"m{n}", 8))) == 8
        clock.advance(20)
    last_s = clock() - 40
    clock.advance(SPAN_S)
    for n in range(2):
        assert await small.put_ids([f"next-{n}"]) == [f"next-{n}"]
        clock.advance(SPAN_S)
    await small.upkeep()
    assert small.count("SELECT count(*) FROM seen_run WHERE span = 0") == 1
    clock.advance(last_s + WINDOW_S - 1 - clock())
    await small.upkeep()
    assert await small.put_ids(names("m3", 8)) == []


async def test_a_span_that_a_rollback_fills_again_keeps_its_bits(small: SmallQueue, clock: FakeClock) -> None:
    """It had become free in the transaction, and was about to be used for other ids."""
    pending = names("pending", 17)
    assert await small.put_ids(pending, ended=False) == pending
    await small.upkeep()
    clock.advance(WINDOW_S + 2 * SPAN_S)

    def fail() -> None:
        while small._rows.prune(100):
            pass
        assert small.count("SELECT count(*) FROM seen_run") == 0
        small.seen.add([(encode(event_of("new")).digest, 99)])
        small.seen.prepare(small._rows._state.trusted_us() + 2 * round(SPAN_S * 1e6), ids=0)
        assert small.count("SELECT count(*) FROM seen_run") == 1
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(QueueError, match="disk I/O error"):
        await small._commits.write(fail)
    assert await small.put_ids(pending, ended=False) == []


async def test_a_span_is_used_again(small: SmallQueue, path: Path, clock: FakeClock) -> None:
    """After its ids went: then the filter has no bit of theirs, not even after a start from what was saved before."""
    for n in range(20):
        known = names(f"n{n}", 9)
        assert await small.put_ids(known) == known
        clock.advance(SPAN_S)
        await small.upkeep()
        if n % 5 == 4:
            after_kill = await SmallQueue.at(crashed(path), clock)
            await after_kill.upkeep()
            assert await after_kill.put_ids(known) == []
            spans = after_kill.seen._runs.spans
            assert not any(byte & ~spans for byte in after_kill.seen._filter.bits)
            await after_kill.close()
    for span, runs in small.seen._runs.of_span.items():
        bits = sum(byte >> span & 1 for byte in small.seen._filter.bits)
        assert bits <= 6 * sum(run.ids for run in runs)
    assert len(small.seen._runs.of_span) <= 8
    assert len(small.seen._runs.of_span) >= 6


async def test_an_operator_beside_the_service_is_seen(path: Path, clock: FakeClock) -> None:
    """What an operator requeued is known at once and later, across runs that are made meanwhile, for both of them."""
    small = await SmallQueue.at(path, clock, history_s=10_000)
    await small.put([], [make_rejection() for _ in range(41)])
    known = []
    with SqliteQueueAdmin.open(path) as admin:
        for number in range(1, 39):
            name = f"back-{number}"
            known.append(name)
            assert admin.requeue_rejection(number, event_of(name)) == "pending"
            if number % 3 == 0:
                assert await small.put_ids([*known, f"new-{number}"]) == [f"new-{number}"]
            clock.advance(7)
        assert len(small.seen._runs.all) > 4
        assert len(await small.put_ids(names("more", 20))) == 20
        for number, name in ((39, "new-3"), (40, "back-2"), (41, "more-19")):
            assert admin.requeue_rejection(number, event_of(name)) == "duplicate"
        assert [record.event.message_id for record in admin.of_message("back-5")] == ["back-5"]
        assert await small.put_ids(known) == []
    await small.upkeep()
    with SqliteQueueAdmin.open(path) as admin:
        assert [record.event.message_id for record in admin.of_message("new-36")] == ["new-36"]
    assert (await small.balance()).unaccounted == 0
    await small.close()


async def test_an_id_put_back_into_a_quiet_queue_has_its_window(
    small: SmallQueue, path: Path, clock: FakeClock
) -> None:
    """Also where the ids beside it are old by then."""
    await small.put([event_of("old")], [make_rejection()])
    clock.advance(WINDOW_S)
    await small._commits.write(small._rows.keep_time)
    with SqliteQueueAdmin.open(path) as admin:
        assert admin.requeue_rejection(1, event_of("back")) == "pending"
    assert await small.put_ids(["other"]) == ["other"]
    clock.advance(60)
    await small.deliver(["back"])
    clock.advance(WINDOW_S - 61)
    assert await small.put_ids(["back"]) == []
    clock.advance(2 * SPAN_S)
    assert await small.put_ids(["back"]) == ["back"]


async def test_an_unmatched_event_put_back_is_known_while_it_waits(path: Path, clock: FakeClock) -> None:
    """However long ago it came, and no longer once it ended."""
    small = await SmallQueue.at(path, clock, history_s=10_000)
    await small.put([event_of("m-1")])
    [lease] = await take(small)
    await small.settle(lease, Unmatched())
    clock.advance(WINDOW_S + 3 * SPAN_S)
    assert await small.put_ids(["other"]) == ["other"]
    await small.upkeep()
    assert small.count("SELECT count(*) FROM seen") == 0
    with SqliteQueueAdmin.open(path) as admin:
        assert admin.requeue([1]) == 1
    assert await small.put_ids(["m-1"], ended=False) == []
    clock.advance(60)
    await small.deliver(["m-1"])
    assert await small.put_ids(["m-1"]) == ["m-1"]
    await small.close()


async def test_a_vacuum_beside_the_service_hides_nothing(small: SmallQueue, path: Path) -> None:
    """It may number rows again."""
    known = names("m", 7)
    await small.put([], [make_rejection()])
    assert await small.put_ids(known) == known
    with sqlite3.connect(path, isolation_level=None) as file:
        file.execute("DELETE FROM seen_recent WHERE id < 5")
        file.execute("VACUUM")
    file.close()
    with SqliteQueueAdmin.open(path) as admin:
        assert admin.requeue_rejection(1, event_of("back")) == "pending"
    assert await small.put_ids(["back"]) == []


async def test_a_group_that_is_rolled_back_changes_nothing(small: SmallQueue, clock: FakeClock) -> None:
    """Not when a run was made in it, ids went with it, or a slice was merged or saved."""
    known = await in_spans(small, clock)

    def fail(digest: bytes) -> None:
        rows = small._rows
        small.seen.prepare(rows._state.trusted_us(), ids=9)
        small.seen.add([(digest, 1)] * 9)
        for keep in (rows.take_in_ids, rows.save_ids, rows.merge_ids):
            keep()
        rows.prune(3)
        raise sqlite3.OperationalError("disk I/O error")

    for step in range(60):
        name = f"late-{step}"
        with pytest.raises(QueueError, match="disk I/O error"):
            await small._commits.write(partial(fail, encode(event_of(name)).digest))
        await small._commits.read(small._rows.take_in_ids)
        assert await small.put_ids([name, *known[-40:]]) == [name]
        known.append(name)
        clock.advance(9)
        await small._commits.write(small._rows.save_ids)
        await small._commits.write(small._rows.merge_ids)
    assert await small.put_ids(names("late", 60)) == []


@pytest.mark.parametrize("ahead_s", [3 * 86_400, 400 * 86_400])
async def test_ids_of_a_clock_that_was_ahead_go_in_their_time(path: Path, clock: FakeClock, ahead_s: float) -> None:
    """They are known now, and a day later at most as long as any other."""
    clock.advance(ahead_s)
    queue = await SmallQueue.at(path, clock)
    known = await in_spans(queue, clock)
    await queue.close()
    clock.advance(-ahead_s)
    with sqlite3.connect(path) as file:
        # As a clock that was believed leaves it, once it is found out.
        file.execute("UPDATE state SET value = ? WHERE name = 'trusted_us'", (round(clock() * 1e6),))
    file.close()
    queue = await SmallQueue.at(path, clock)
    assert await queue.put_ids([*known, "now"]) == ["now"]
    for _ in range(3):
        clock.advance(WINDOW_S / 4)
        assert await queue.put_ids([*known, "now"]) == []
    clock.advance(86_400 + 2 * SPAN_S)
    assert await queue.put_ids(["next"]) == ["next"]
    clock.advance(WINDOW_S)
    assert await queue.put_ids([*known, "now"]) == [*known, "now"]
    await queue.upkeep()
    assert queue.count("SELECT count(*) FROM seen") <= len(known) + 1
    await queue.close()

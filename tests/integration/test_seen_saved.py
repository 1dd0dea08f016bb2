"""The filter of ids seen, in memory and in the file: what is lost or late costs time, never an id."""

import random
import sqlite3
from pathlib import Path
from zlib import crc32

import pytest

from adapter.errors import QueueError
from tests.fakes import FakeClock
from tests.integration.small_queue import SIZES, SPAN_S, SmallQueue, crashed, in_spans, names


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM seen_filter WHERE slice = 0",
        "DELETE FROM seen_filter",
        "UPDATE seen_filter SET bits = zeroblob(length(bits)) WHERE slice = 1",
    ],
    ids=["a slice", "all", "bits"],
)
async def test_a_lost_filter_is_built_again(path: Path, clock: FakeClock, damage: str) -> None:
    """Meanwhile the runs are read; and it is saved again."""
    queue = await SmallQueue.at(path, clock)
    known = await in_spans(queue, clock)
    await queue.upkeep()
    assert queue.seen._saved.covers > 0
    await queue.close()
    with sqlite3.connect(path) as file:
        assert file.execute(damage).rowcount > 0
    file.close()
    queue = await SmallQueue.at(path, clock)
    assert queue.seen._taken == (0, 0, b"")
    assert await queue.put_ids(known) == []
    await queue.upkeep()
    assert queue.seen._saved.covers == queue.seen._runs.last
    assert await queue.put_ids(known) == []
    await queue.close()


@pytest.mark.parametrize("seed", range(3))
async def test_the_filter_grows_with_its_ids(small: SmallQueue, path: Path, clock: FakeClock, seed: int) -> None:
    """To what the fullest span needs. A kill loses nothing, wherever growing and saving were."""
    chance = random.Random(seed)  # noqa: S311 - to repeat a run
    known: list[str] = []
    for n in range(30):
        known += (some := names(f"n{n}", 10))
        assert await small.put_ids(some) == some
        for keep in (small._rows.take_in_ids, small._rows.save_ids) * 2:
            for _ in range(chance.choice([0, 1, 3, 999])):
                if not await small._commits.write(keep):
                    break
        after_kill = await SmallQueue.at(crashed(path), clock)
        assert await after_kill.put_ids(known) == []
        await after_kill.close()
    assert len(small.seen._filter.bits) == 4096
    assert await small.put_ids(known) == []


async def test_what_the_saved_filter_lacks_is_not_merged(path: Path, clock: FakeClock) -> None:
    """Into a run that it has: after a kill the run would not be asked for it."""
    queue = await SmallQueue.at(path, clock)
    known = names("m", 90)
    assert await queue.put_ids(known[:30]) == known[:30]
    await queue.upkeep()
    assert await queue.put_ids(known[30:]) == known[30:]
    clock.advance(SPAN_S)
    assert await queue.put_ids(["next"]) == ["next"]
    clock.advance(SPAN_S)
    assert await queue.put_ids(["later"]) == ["later"]
    while await queue._commits.read(queue._rows.take_in_ids):
        pass
    assert not await queue._commits.write(queue._rows.merge_ids)
    while await queue._commits.write(queue._rows.save_ids):
        pass
    await queue.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE seen_run SET ids = ids * 100")
    file.close()
    # The same before it is in a filter that has to grow first.
    queue = await SmallQueue.at(path, clock)
    assert not await queue._commits.write(queue._rows.merge_ids)
    await queue.upkeep()
    assert queue.count("SELECT count(*) FROM seen_run WHERE span = 0") == 1
    assert await queue.put_ids(known) == []
    await queue.close()


async def test_a_slice_that_is_rolled_back_is_saved_again(small: SmallQueue, path: Path, clock: FakeClock) -> None:
    """What the file has in the end is the filter."""
    await in_spans(small, clock)
    while await small._commits.read(small._rows.take_in_ids):
        pass

    def fail() -> None:
        small.seen.save()
        raise sqlite3.OperationalError("disk I/O error")

    for slices in (2, 999):
        for _ in range(slices):
            if not await small._commits.write(small._rows.save_ids):
                break
            if slices == 2:
                with pytest.raises(QueueError, match="disk I/O error"):
                    await small._commits.write(fail)
    after_kill = await SmallQueue.at(crashed(path), clock)
    assert after_kill.seen._filter.bits == small.seen._filter.bits
    assert after_kill.seen._saved.covers == small.seen._saved.covers == small.seen._runs.last
    await after_kill.close()


async def test_old_bits_of_a_span_are_not_read(path: Path, clock: FakeClock) -> None:
    """A filter that was saved before a span began has in its place what was there before."""
    queue = await SmallQueue.at(path, clock)
    await in_spans(queue, clock, spans=2)
    await queue.upkeep()
    covers = queue.seen._saved.covers
    known = await in_spans_named(queue, clock, "new")
    await queue.close()
    with sqlite3.connect(path) as file:
        full = b"\xff" * SIZES.slice_bytes
        file.execute("UPDATE seen_filter SET bits = ?, checksum = ?", (full, crc32(full)))
    file.close()
    queue = await SmallQueue.at(path, clock)
    began_after = {span for span, runs in queue.seen._runs.of_span.items() if runs[0].number > covers}
    mask = sum(1 << span for span in {*range(8)} - set(queue.seen._runs.of_span) | began_after)
    assert began_after
    assert not any(byte & mask for byte in queue.seen._filter.bits)
    assert await queue.put_ids(known) == []
    await queue.close()


async def in_spans_named(queue: SmallQueue, clock: FakeClock, prefix: str) -> list[str]:
    """As `in_spans`, of one span that is new."""
    clock.advance(SPAN_S)
    known = names(prefix, 20)
    assert await queue.put_ids(known) == known
    return known

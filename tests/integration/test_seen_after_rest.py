"""Ids seen where steps do not follow each other as usual: after a stop, a quiet time, damage, or other settings."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from adapter.queue.sqlite.place import MemoryPlace
from adapter.queue.sqlite.schema import migrate
from adapter.queue.sqlite.seen import SEEN_SIZES, SeenIds, SeenSizes
from adapter.queue.sqlite.seen_beside import SeenBeside

HOUR_US = 3_600_000_000
WINDOW_S = 72 * 3600.0
START_US = 1_000 * HOUR_US
T = TypeVar("T")


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, MemoryPlace("seen"))
    yield connection
    connection.close()


def digests(name: str, count: int) -> list[bytes]:
    return [hashlib.blake2b(f"{name}-{n}".encode(), digest_size=16).digest() for n in range(count)]


def within(file: sqlite3.Connection, seen: SeenIds, work: Callable[[], T]) -> T:
    """What `work` gives, in a transaction of its own, as the thread of the queue makes one."""
    file.execute("BEGIN IMMEDIATE")
    seen.read()
    seen.begin()
    result = work()
    file.execute("COMMIT")
    return result


def put(file: sqlite3.Connection, seen: SeenIds, ids: list[bytes], *, at_us: int) -> int:
    """How many of `ids` were known; the others are remembered."""

    def work() -> int:
        seen.prepare(at_us, ids=len(ids))
        known = seen.find(ids)
        seen.add([(digest, number) for number, digest in enumerate(ids, 1) if digest not in known])
        return len(known)

    return within(file, seen, work)


def test_a_run_that_expires_half_taken_in_takes_no_other_with_it(file: sqlite3.Connection) -> None:
    """After a stop of some hours the oldest run that the saved filter lacks may be over before it is taken in."""
    sizes = SeenSizes(recent=10**6)
    seen = SeenIds(file.execute, window_s=WINDOW_S, sizes=sizes)
    young = digests("young", 300)
    put(file, seen, digests("old", 300), at_us=START_US)
    put(file, seen, young, at_us=START_US + 11 * HOUR_US)
    put(file, seen, digests("next", 1), at_us=START_US + 22 * HOUR_US)
    now_us = START_US + 84 * HOUR_US
    seen = SeenIds(file.execute, window_s=WINDOW_S, sizes=sizes)
    put(file, seen, digests("new", 50), at_us=now_us)
    assert seen._taken[:2] == (0, 1)
    while within(file, seen, lambda: seen.expire(now_us, limit=500)):
        pass
    while seen.take_in():
        pass
    assert put(file, seen, young, at_us=now_us) == 300


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_a_damaged_filter_is_not_made_whole_by_a_part_of_another(
    file: sqlite3.Connection, is_rolled_back: bool
) -> None:
    """A kill while the next one is saved leaves none, and not one that lacks ids."""
    sizes = SeenSizes(recent=100, filter_bytes=1 << 14, slice_bytes=1 << 13, save_every=2)
    seen, known = SeenIds(file.execute, window_s=WINDOW_S, sizes=sizes), digests("known", 500)
    for start in range(0, 500, 100):
        put(file, seen, known[start : start + 100], at_us=START_US + start)
    put(file, seen, [], at_us=START_US + 500)
    while seen.take_in() or within(file, seen, seen.save):
        pass
    assert seen._saved.covers == 5
    file.execute("UPDATE seen_filter SET bits = zeroblob(8192) WHERE slice = 0")
    seen = SeenIds(file.execute, window_s=WINDOW_S, sizes=sizes)
    if is_rolled_back:
        seen.rollback()
    within(file, seen, seen.take_in)
    within(file, seen, seen.take_in)
    assert within(file, seen, seen.save)
    again = SeenIds(file.execute, window_s=WINDOW_S, sizes=sizes)
    assert again._saved.covers == 0
    assert put(file, again, known, at_us=START_US + 500) == 500


@pytest.mark.parametrize("is_running", [True, False])
def test_a_requeue_after_a_quiet_time_prolongs_nobody_elses_window(file: sqlite3.Connection, is_running: bool) -> None:
    """What is requeued has its own window, and stays known until its event is finished."""
    seen, [early, requeued] = SeenIds(file.execute, window_s=WINDOW_S, sizes=SEEN_SIZES), digests("id", 2)
    put(file, seen, [early], at_us=START_US)
    later_us = START_US + 240 * HOUR_US
    if is_running:
        within(file, seen, lambda: seen.expire(later_us, limit=500))
    beside = SeenBeside(file.execute)
    beside.add(requeued, 2, at_us=later_us)
    assert put(file, seen, [early], at_us=later_us + HOUR_US) == 0
    assert put(file, seen, [requeued], at_us=later_us + 71 * HOUR_US) == 1
    beside.keep(requeued, 2)
    assert put(file, seen, [requeued], at_us=later_us + 200 * HOUR_US) == 1


def test_a_shorter_window_holds_for_ids_that_came_before(file: sqlite3.Connection) -> None:
    seen, ids = SeenIds(file.execute, window_s=WINDOW_S, sizes=SEEN_SIZES), digests("id", 1)
    put(file, seen, ids, at_us=START_US)
    seen = SeenIds(file.execute, window_s=3600, sizes=SEEN_SIZES)
    assert put(file, seen, digests("other", 1), at_us=START_US + HOUR_US // 2) == 0
    assert put(file, seen, ids, at_us=START_US + 14 * HOUR_US) == 0

"""The disk of the queue: what of it is free, when new events are refused, and how long until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from adapter.errors import ConfigError, QueueFull
from adapter.model import Delivered
from adapter.queue.contract import Disk
from adapter.queue.records import QueueOptions
from adapter.queue.sqlite.disk_space import DiskSpace, Growth, Space
from adapter.queue.sqlite.place import FilePlace
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock, make_event
from tests.integration.queues import take


def test_the_time_to_a_full_disk_follows_growth(path: Path) -> None:
    """Half full and growing by a hundredth a second: fifty seconds. Not growing, or only its history: no time."""
    room = DiskSpace(path, max_bytes=1_000_000, ballast_bytes=4096, space=lambda _: Space(10**12, 10**12))
    for second in range(51):
        room.uses(900_000, held_bytes=10_000 * second, history_s=60.0, now_s=float(second))
    assert room.disk.time_to_full_s == pytest.approx(50, rel=0.01)
    for second in range(51, 120):
        room.uses(10_000 * second, held_bytes=500_000, history_s=60.0, now_s=float(second))
    assert room.disk == Disk(1_190_000, 1_000_000, time_to_full_s=None, history_s=60.0, free_bytes=10**12)
    room.leave()


GB = 10**9
Looks: TypeAlias = Sequence[tuple[float, int]]


def every_5_s(*figures: int, from_s: float = 0.0) -> Looks:
    return [(from_s + 5 * n, figure) for n, figure in enumerate(figures)]


FORECASTS: list[tuple[Looks, float | None]] = [
    # 200 MB of somebody in the first seconds, of 80 GB: as a rate, the disk would be full in half an hour.
    (every_5_s(0, GB // 5, GB // 5, GB // 5), None),
    (every_5_s(0, GB // 5), None),
    (every_5_s(0, GB // 10, GB // 5, 3 * GB // 10), None),
    (every_5_s(0, 20 * GB), None),
    (every_5_s(0, 0, 0, 20 * GB), None),
    (every_5_s(0, 20 * GB, *[20 * GB] * 20), None),
    (every_5_s(*[0] * 2_000, *range(0, GB // 2, GB // 10), from_s=0.0), None),
    (every_5_s(*range(0, 8 * GB, GB // 25)), 9_040),
    (every_5_s(*[0] * 2_000, *range(0, 8 * GB, GB // 25)), 9_040),
    (every_5_s(*range(0, 6 * GB, GB // 25)), None),
    (every_5_s(*range(0, 8 * GB, GB // 25), *[8 * GB] * 400), None),
    ([(3_600.0 * hour, hour * GB) for hour in range(12)], 69 * 3_600),
    (every_5_s(*range(0, 10**6, 1_000)), None),
    (every_5_s(78 * GB, 79 * GB, 80 * GB), 0),
    (every_5_s(0), None),
    ([], None),
]
FORECAST_IDS = [
    "young, one write",
    "young, one write just now",
    "young, a few looks",
    "young, one large write just now",
    "one large write just now",
    "young, one large write, then calm",
    "old, a few looks",
    "young, a tenth of it steadily",
    "old, a tenth of it steadily",
    "young, too little of it",
    "ended",
    "slow, for hours",
    "too slow to count",
    "reached",
    "first look",
    "no look",
]


@pytest.mark.parametrize(("looks", "left_s"), FORECASTS, ids=FORECAST_IDS)
def test_a_forecast_needs_growth_in_proportion(looks: Looks, left_s: float | None) -> None:
    """What was filled while it was watched must be a tenth of what is left of 80 GB, and must go on."""
    growth = Growth()
    for now_s, figure in looks:
        growth.add(figure, now_s=now_s)
    found = growth.time_to(80 * GB)
    assert found == (None if left_s is None else pytest.approx(left_s, rel=0.01))


@dataclass
class Partition:
    """A file system of 100 MB, of which others take `taken_bytes`."""

    taken_bytes: int = 0

    def __call__(self, _: Path) -> Space:
        return Space(100_000_000 - self.taken_bytes, 100_000_000)


def test_the_time_to_a_full_disk_counts_what_others_take(path: Path) -> None:
    """The disk fills by other files while the queue's limit is far: the time left is the disk's, and says so."""
    partition = Partition()
    room = DiskSpace(path, max_bytes=10**10, ballast_bytes=4096, air_bytes=10_000_000, space=partition)
    for second in range(60):
        partition.taken_bytes = second * 1_000_000
        room.uses(4096, held_bytes=4096, history_s=None, now_s=float(second))
    # 41 MB are free, of which 10 MB are needed for new events.
    assert (room.disk.limit, room.disk.free_bytes) == ("the disk", 41_000_000)
    assert room.disk.time_to_full_s == pytest.approx(31, rel=0.01)
    room.leave()


def test_a_log_that_comes_and_goes_is_no_growth(path: Path) -> None:
    """The queue's own files grow and shrink with what they log: that room is used again, and is not lost."""
    partition, log = Partition(), path.with_name("queue.db-wal")
    room = DiskSpace(path, max_bytes=10**10, ballast_bytes=4096, air_bytes=0, space=partition)
    for second in range(60):
        log.write_bytes(bytes(second % 7 * 1_000_000))
        partition.taken_bytes = log.stat().st_blocks * 512
        room.uses(4096, held_bytes=4096, history_s=None, now_s=float(second))
    assert room.disk.time_to_full_s is None
    room.leave()


def test_the_ballast_comes_back_with_air_beside_it_only(path: Path) -> None:
    """Room for the ballast alone takes no event: it would fit a probe's row and fail every put."""
    partition = Partition()
    room = DiskSpace(path, max_bytes=10**10, ballast_bytes=8_000_000, air_bytes=4_000_000, space=partition)
    assert not room.is_full
    room.give_way()
    for free_bytes, takes in ((8_000_000, False), (11_999_999, False), (12_000_000, True)):
        partition.taken_bytes = 100_000_000 - free_bytes
        assert room.recover() is takes
    room.leave()


def test_the_ballast_of_a_killed_service_counts_as_room(path: Path) -> None:
    """A restart on a nearly full disk takes events again if the killed service did."""
    ballast = path.with_name("queue.db.ballast")
    ballast.write_bytes(bytes(8_000_000))
    partition = Partition(taken_bytes=95_000_000)
    room = DiskSpace(path, max_bytes=10**10, ballast_bytes=8_000_000, air_bytes=4_000_000, space=partition)
    assert not room.is_full
    room.leave()


def test_a_disk_too_small_for_any_queue_is_refused_at_the_start(path: Path) -> None:
    """Otherwise the service would start and refuse every event for ever."""
    with pytest.raises(
        ConfigError, match=r"queue\.db: its file system has 20 MB in all; a queue needs more than 48 MB"
    ):
        DiskSpace(path, max_bytes=10**10, space=lambda _: Space(20 * 2**20, 20 * 2**20))


async def test_on_a_full_disk_probe_and_put_say_the_same(path: Path, clock: FakeClock) -> None:
    """Whatever is free, `/readyz` is not well while events are refused; history goes to make room for them."""
    partition = Partition(taken_bytes=0)
    queue = await SqliteQueue.open_at(FilePlace(path, space=partition), QueueOptions(), now=clock)
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    partition.taken_bytes = 60_000_000  # 40 MB are free: the ballast, and too little air
    queue._room.give_way()
    for refused in (queue.put([make_event("m-2")]), queue.probe()):
        with pytest.raises(QueueFull, match="the disk is full: new events need 48 MB free"):
            await refused
    await queue._upkeep.make_room()
    assert queue._connection.execute("SELECT count(*) FROM finished").fetchone() == (0,)
    partition.taken_bytes = 0
    await queue.probe()
    assert (await queue.put([make_event("m-2")])).stored == 1
    await queue.close()

"""Ids seen under everything that can happen to a queue, against a plain dict."""

import random
import sqlite3
from pathlib import Path

import pytest

from adapter.errors import QueueError
from adapter.model import Delivered
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from tests.fakes import FakeClock, make_rejection
from tests.integration.queues import take
from tests.integration.small_queue import SPAN_S, WINDOW_S, SmallQueue, crashed, event_of


class Model:
    """What is promised of each id, and nothing of how: it is known within the window, and while its event waits."""

    def __init__(self) -> None:
        self.at_s: dict[str, float] = {}
        self.waits: set[str] = set()

    def check(self, name: str, *, stored: bool, now_s: float) -> None:
        age_s = now_s - self.at_s.get(name, -1e9)
        if name in self.waits or age_s < WINDOW_S - 0.1:
            assert not stored, f"{name} was forgotten after {age_s} s"
        elif age_s > WINDOW_S + 2 * SPAN_S + 0.1:
            assert stored, f"{name} is known after {age_s} s"
        if stored:
            self.at_s[name] = now_s
            self.waits.add(name)


class Steps:
    """Everything that can happen to a queue, each checked against the model."""

    def __init__(self, queue: SmallQueue, path: Path, clock: FakeClock, chance: random.Random) -> None:
        self.queue = queue
        self._path = path
        self._clock = clock
        self._chance = chance
        self._model = Model()
        self._rejections = 0

    async def put(self) -> None:
        fresh = [f"n{self._chance.randrange(10**6)}" for _ in range(self._chance.randrange(6))]
        old = self._chance.sample(sorted(self._model.at_s), min(len(self._model.at_s), 6))
        asked = list(dict.fromkeys(fresh + old))
        new = await self.queue.put_ids(asked, ended=False)
        for name in asked:
            self._model.check(name, stored=name in new, now_s=self._clock())

    async def end(self) -> None:
        for lease in await take(self.queue, limit=self._chance.randrange(1, 30)):
            await self.queue.settle(lease, Delivered())
            self._model.waits.discard(lease.event.message_id)

    async def keep(self) -> None:
        rows = self.queue._rows
        steps = (lambda: rows.prune(self._chance.randrange(1, 9)), rows.take_in_ids, rows.save_ids, rows.merge_ids)
        for _ in range(self._chance.randrange(12)):
            await self.queue._commits.write(self._chance.choice(steps))

    async def fail(self) -> None:
        def work() -> None:
            self.queue._rows.prune(5)
            self.queue.seen.prepare(self.queue._rows._state.trusted_us(), ids=50)
            self.queue.seen.merge()
            self.queue.seen.save()
            raise sqlite3.OperationalError("disk I/O error")

        with pytest.raises(QueueError, match="disk I/O error"):
            await self.queue._commits.write(work)
        await self.queue._commits.read(self.queue._rows.take_in_ids)

    async def restart(self) -> None:
        copy = crashed(self._path)
        await self.queue.close()
        if self._chance.random() < 0.7:
            for suffix in ("", "-wal"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
                if Path(f"{copy}{suffix}").exists():
                    Path(f"{copy}{suffix}").rename(f"{self._path}{suffix}")
        self.queue = await SmallQueue.at(self._path, self._clock)

    async def operate(self) -> None:
        await self.queue.put([], [make_rejection()])
        await self.queue._commits.write(self.queue._rows.keep_time)
        self._rejections += 1
        name = self._chance.choice([*sorted(self._model.at_s)[:5], f"o{self._rejections}"])
        with SqliteQueueAdmin.open(self._path) as admin:
            if admin.requeue_rejection(self._rejections, event_of(name)) == "pending":
                self._model.check(name, stored=True, now_s=self._clock())
            else:
                assert name in self._model.at_s

    async def wait(self) -> None:
        self._clock.advance(self._chance.choice([1.0, 20.0, SPAN_S, WINDOW_S / 3]))


@pytest.mark.parametrize("seed", range(8))
async def test_any_order_of_steps(path: Path, clock: FakeClock, seed: int) -> None:
    """Puts, ends, time, upkeep, failures, kills, restarts and operators, in any order, against a plain dict."""
    chance = random.Random(seed)  # noqa: S311 - to repeat a run
    steps = Steps(await SmallQueue.at(path, clock), path, clock, chance)
    each = [steps.put] * 4 + [steps.end] * 2 + [steps.keep] * 2 + [steps.fail, steps.restart, steps.operate, steps.wait]
    for _ in range(120):
        await chance.choice(each)()
    await steps.queue.close()

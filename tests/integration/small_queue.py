"""A queue that makes many runs and spans of few ids seen, for tests of them."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from adapter.model import Delivered, Event
from adapter.queue.records import QueueOptions, Retention
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.queue.sqlite.seen import SeenIds, SeenSizes
from tests.fakes import FakeClock, make_event
from tests.integration.queues import take

WINDOW_S = 700.0
SPAN_S = 100.0
SIZES = SeenSizes(
    recent=8, filter_bytes=64, most_filter_bytes=1 << 14, slice_bytes=32, save_every=2, merged=3, shortest_span_s=1
)


class SmallQueue(SqliteQueue):
    """A queue whose ids become a run every eight, and a span every hundred seconds."""

    _seen_sizes = SIZES

    @classmethod
    async def at(cls, path: Path, clock: FakeClock, *, history_s: float = 1) -> Self:
        return await cls.open(path, QueueOptions(retention=Retention(history_s, dedup_s=WINDOW_S)), now=clock)

    @property
    def seen(self) -> SeenIds:
        return self._rows._state.seen

    async def put_ids(self, names: Sequence[str], *, ended: bool = True) -> list[str]:
        """Put events of these ids, each a user's own, and deliver what is new; those that were new."""
        last = self.count("SELECT coalesce(max(seq), 0) FROM message")
        for start in range(0, len(names), SIZES.recent):
            await self.put([event_of(name) for name in names[start : start + SIZES.recent]])
        found = self._connection.execute("SELECT message_id FROM message WHERE seq > ? ORDER BY seq", (last,))
        new = [name for (name,) in found]
        if ended:
            await self.deliver(new)
        return new

    async def deliver(self, names: Sequence[str]) -> None:
        """End the events of these ids."""
        while leases := await take(self, limit=100):
            await asyncio.gather(*(self.settle(one, Delivered()) for one in leases if one.event.message_id in names))

    async def upkeep(self, *, limit: int = 3) -> None:
        while await self._commits.write(lambda: self._rows.prune(limit)):
            pass
        await self._upkeep._keep_ids()

    def count(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchone()[0])


def event_of(name: str) -> Event:
    return make_event(name, user=name)


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


def crashed(path: Path) -> Path:
    """The files as a kill would leave them now, under another name."""
    copy = path.with_name(f"{path.name}.copy")
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
        if Path(f"{path}{suffix}").exists():
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    return copy


async def in_spans(queue: SmallQueue, clock: FakeClock, *, spans: int = 4, each: int = 30) -> list[str]:
    """Ids in several spans of several runs, the last ones in no run yet."""
    known = []
    for span in range(spans):
        known += (some := names(f"s{span}", each))
        assert await queue.put_ids(some) == some
        clock.advance(SPAN_S)
    known += (some := names("last", 3))
    assert await queue.put_ids(some) == some
    assert len(queue.seen._runs.all) > spans
    assert len(queue.seen._runs.of_span) >= spans
    return known

"""What tests of a queue file do again and again."""

from collections.abc import Sequence

from adapter.model import Lease
from adapter.queue.sqlite.queue import SqliteQueue


async def take(queue: SqliteQueue, *, limit: int = 10, sources: Sequence[str] = ("shop",)) -> list[Lease]:
    """Lease what is due now of `sources`."""
    return list(await queue.take(sources=sources, limit=limit, lease_s=60, wait_s=0))

"""What tests of a queue file do again and again."""

from adapter.model import Lease
from adapter.queue.sqlite import SqliteQueue


async def take(queue: SqliteQueue, *, limit: int = 10) -> list[Lease]:
    """Lease what is due now of the source `shop`."""
    return list(await queue.take(sources=["shop"], limit=limit, lease_s=60, wait_s=0))

"""What tests of a queue do again and again."""

from collections.abc import Sequence

from adapter.model import Lease
from adapter.queue.contract import Backlog


async def take(queue: Backlog, *, limit: int = 10, sources: Sequence[str] = ("shop",)) -> list[Lease]:
    """Lease what is due now of `sources`."""
    return list(await queue.take(sources=sources, limit=limit, lease_s=60, wait_s=0))

"""Reads on a connection and a thread of their own, so that no commit waits for them."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from adapter.model import Reason
from adapter.queue.codec import from_us
from adapter.queue.contract import Balance
from adapter.queue.postgres.connect import PostgresPlace, PostgresSession
from adapter.queue.postgres.state import SQL
from adapter.queue.postgres.watchdog import Watchdog
from adapter.queue.shares import fair_cap

T = TypeVar("T")


class ReadSession:
    """One read at a time. Cancelling a waiter does not cancel its read."""

    def __init__(self, place: PostgresPlace, watchdog: Watchdog) -> None:
        self._session = PostgresSession(place, watchdog=watchdog)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue-reading")

    async def all(self, statement: str, **values: object) -> list[Any]:
        """All rows of the statement of that name."""
        return await self.do(lambda session: session.run(SQL[statement], values).fetchall())

    async def do(self, work: Callable[[PostgresSession], T]) -> T:
        """The result of `work` on that thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._session)

    async def at_one_instant(self, work: Callable[[PostgresSession], T]) -> T:
        """The same, with everything as it was at one instant."""

        def transaction(session: PostgresSession) -> T:
            try:
                session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                return work(session)
            finally:
                session.rollback()

        return await self.do(transaction)

    async def close(self) -> None:
        """Let go of the connection, after what is being read."""
        await self.do(PostgresSession.close)
        self._thread.shutdown(wait=False)


def count_balance(session: PostgresSession) -> Balance:
    """Counters and rows."""
    run = session.run
    counts = {str(term): int(n) for term, n in run(SQL["ledger"]).fetchall()}
    pending, dead = (int((run(SQL[name]).fetchone() or (0,))[0]) for name in ("pending", "dead_count"))
    sources = frozenset(str(name) for (name,) in run(SQL["pending_sources"]).fetchall())
    oldest = run(SQL["oldest_pending"]).fetchone()
    asked = run(SQL["waiting_deletions"], {"reason": Reason.DELETION_UNAUTHORISED.value}).fetchall()
    return Balance(
        counts=counts,
        pending=pending,
        dead=dead,
        oldest_received_at=None if oldest is None else from_us(oldest[0]),
        pending_of=sources,
        deletions_waiting={str(name): int(n) for name, n in asked},
    )


def rejections_beyond(session: PostgresSession, most_bytes: int) -> Mapping[int, int]:
    """By the number of a source, up to which number its rejections are too much: together they may be `most_bytes`,
    and only the sources with most give.
    """
    sizes = {int(source): int(size) for source, size in session.run(SQL["rejected_bytes"]).fetchall()}
    cap = fair_cap(list(sizes.values()), most_bytes)
    beyond: dict[int, int] = {}
    for source, size in sizes.items():
        last = session.run(SQL["last_rejection_beyond"], {"source": source, "most": cap}).fetchone()
        if size > cap and last is not None and last[0] is not None:
            beyond[source] = int(last[0])
    return beyond

"""Keeps the queue in its limits: deletes what is older than its retention, and rejections beyond their share."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from functools import partial

from adapter.errors import QueueError
from adapter.model import Rejection
from adapter.queue.codec import Row
from adapter.queue.group_commit import GroupCommit
from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.reading import ReadSession, rejections_beyond
from adapter.queue.postgres.state import SQL, US, PostgresWriterState, SeenDays
from adapter.queue.shares import Shares

_EVERY_S = 5.0
_AT_ONCE = 500
_IDS_AT_ONCE = 10_000
_REJECTIONS_EVERY = 12


class PostgresUpkeep:
    """See the module. `state` belongs to the thread of `commits`. Rejections may use `most_rejected_bytes`. `counted`
    is called with the number of pending events every 5 s.
    """

    def __init__(
        self,
        commits: GroupCommit,
        reading: ReadSession,
        state: PostgresWriterState,
        *,
        shares: Shares,
        most_rejected_bytes: int,
        look_at_clock: Callable[[PostgresSession], None],
        counted: Callable[[int], None],
    ) -> None:
        self._commits = commits
        self._reading = reading
        self._state = state
        self._run = state.run
        self._days = SeenDays(state.session)
        self._shares = shares
        self._clock_look = look_at_clock
        self._counted = counted
        self._most_rejected_bytes = most_rejected_bytes
        self._rejected_bytes = 0
        self._wake = asyncio.Event()

    def storing(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> None:  # noqa: ARG002 - see below
        """Called before these are stored. Events are limited by their number; a fast sender of rejections must not pass
        their limit between two checks.
        """
        self._rejected_bytes += sum(len(rejection.body) for rejection in rejections)
        if self._rejected_bytes > self._most_rejected_bytes:
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        for times in itertools.count(1):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            with contextlib.suppress(QueueError):  # `put` and `probe` report a failing database
                await self.keep(bounds_rejections=times % _REJECTIONS_EVERY == 0)

    async def keep(self, *, bounds_rejections: bool) -> None:
        """One round of everything."""
        self._counted(await self._commits.read(self._look))
        await self._commits.write(self._fold)
        while await self._commits.write(self._prune):
            pass
        await self._commits.read(self._keep_days)
        await self._bound_shares()
        if bounds_rejections or self._rejected_bytes > self._most_rejected_bytes:
            await self._bound_rejections()

    def _look(self) -> int:
        """Read the changes of other processes and the clock; returns the number of pending events."""
        self._state.holdings.read(self._state.session)
        self._clock_look(self._state.session)
        return int((self._run(SQL["pending_by_counters"]).fetchone() or (0,))[0])

    def _fold(self) -> None:
        """Merge each counter into one row, and store the time for operators beside the service."""
        if self._state.has_upkeep():
            self._run(SQL["fold_ledger"])
            self._run(SQL["fold_held"])
        self._run(SQL["set_state"], {"name": "now_us", "value": self._state.now_us()})

    def _prune(self) -> bool:
        """Delete some of each kind of row kept longer than its retention; True if there may be more."""
        if not self._state.has_upkeep():
            return False
        now_us, retention = self._state.now_us(), self._state.retention

        def gone(statement: str, kept_s: float) -> int:
            values = {"before_us": now_us - round(kept_s * US), "limit": _AT_ONCE}
            return self._run(SQL[statement], values).rowcount

        old = self._run(SQL["old_dead"], {"before_us": now_us - round(retention.dead_s * US), "limit": _AT_ONCE})
        dead = [seq for (seq,) in old.fetchall()]
        if dead:
            self._run(SQL["discard"], {"seqs": dead})
        counts = (
            len(dead),
            gone("prune_history", retention.history_s),
            gone("remove_old_rejections", retention.dead_s),
            gone("remove_old_deletions", retention.deletions_s),
        )
        return _AT_ONCE in counts

    def _keep_days(self) -> None:
        """Create tables for the days to come, and drop those from before the window. Between two groups."""
        days = self._state.days()
        self._days.make(range(days[0] - 1, days[-1] + 3))
        for day in self._days.days():
            if day < self._state.first_day():
                self._forget_day(day)

    def _forget_day(self, day: int) -> None:
        page: tuple[bytes] | None = (b"",)
        while page is not None:
            values = {"day": day, "after": page[0], "limit": _IDS_AT_ONCE}
            page = self._run(SQL["keep_unfinished"], values).fetchone()
        self._days.drop(day)

    async def _bound_rejections(self) -> None:
        """Keep the newest rejections: bad messages must not displace history, nor one source's those of others."""
        self._rejected_bytes = 0
        beyond = await self._reading.at_one_instant(partial(rejections_beyond, most_bytes=self._most_rejected_bytes))
        for source, last in beyond.items():
            while await self._commits.write(partial(self._forget_rejections, source, last)):
                pass

    def _forget_rejections(self, source: int, last: int) -> bool:
        """Delete some rejections of a source up to number `last`; True if there may be more."""
        values = {"source": source, "last": last, "limit": _AT_ONCE}
        return self._run(SQL["remove_rejections_to"], values).rowcount == _AT_ONCE

    async def _bound_shares(self) -> None:
        """Discard the oldest dead letters without a user of a source that is near its share: they can never be
        delivered. All others stay until an operator decides.
        """
        for source in list(self._state.holdings.usage):
            after: int | None = 0
            while after is not None and self._shares.excess(self._state.holdings.usage, source, self._shares.margin):
                after = await self._commits.write(partial(self._discard_undeliverable, source, after))

    def _discard_undeliverable(self, source: str, after: int) -> int | None:
        values = {"source": source, "after": after, "limit": _AT_ONCE}
        looked_at = self._run(SQL["dead_without_ids"], values).fetchall()
        seqs = [seq for seq, is_undeliverable in looked_at if is_undeliverable]
        if seqs:
            self._run(SQL["discard"], {"seqs": seqs})
            self._state.holdings.read(self._state.session)
        return looked_at[-1][0] if len(looked_at) == _AT_ONCE else None

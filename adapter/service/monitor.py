"""Checks every Browsee project once a second: logs when delivery pauses, resumes or has learned a limit, and stores the
limit, so that a restart need not learn it again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

from adapter.deliver.pace import Learned
from adapter.deliver.project import Project
from adapter.deliver.state import State
from adapter.errors import QueueError
from adapter.model import Secret
from adapter.observe.delivery_telemetry import (
    DeliveryLost,
    DeliveryPaused,
    DeliveryResumed,
    DeliveryTaken,
    LimitLearned,
)
from adapter.observe.observer import Emit
from adapter.queue.contract import Archive, Limit

_EVERY_S = 1.0
# A limit is logged and stored when it has changed by more than this, because every cut changes it a little.
_NEWS = 0.1
_KEPT_AGAIN_S = 10.0


@dataclass(slots=True)
class Watched:
    """A project, the names of its sources for people, and what was last logged and stored of it.

    `tenure` is `Backlog.tenure` of its sources, `number` its value at the last check.
    """

    id: str
    sources: str
    project: Project
    tenure: Callable[[], int] = lambda: 1
    number: int = 0
    paused: bool = False
    cause: str = ""
    logged_per_s: float = 0.0
    kept: Limit | None = None


def project_id(*, url: str, key: Secret) -> str:
    """The name of a project in the queue; it contains nothing of its key."""
    return blake2b(f"{url}\0{key.reveal()}".encode(), digest_size=16).hexdigest()


class Monitor:
    """Watches `projects`; `now` gives seconds since 1970 on a clock that never jumps."""

    def __init__(self, projects: Sequence[Watched], *, archive: Archive, emit: Emit, now: Callable[[], float]) -> None:
        self._projects = projects
        self._archive = archive
        self._emit = emit
        self._now = now

    async def restore(self) -> None:
        """Restore the stored limit of every project."""
        for watched in self._projects:
            watched.number = watched.tenure()
            await self._restore(watched)

    async def _restore(self, watched: Watched) -> None:
        limit = await self._archive.limit(watched.id)
        if limit is not None:
            now_s = self._now()
            learned = Learned(limit.per_s, max(0.0, now_s - limit.met_at_s))
            watched.project.restore(learned, now_s=now_s)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Log and store what is new since the last check."""
        for watched in self._projects:
            number = watched.tenure()
            if number != watched.number:
                # If its limit cannot be read now, the next check tries again.
                with suppress(QueueError):
                    await self._change_hands(watched, number)
            if number == 0:
                continue
            state = watched.project.state(self._now())
            self._report_pauses(watched, state)
            self._report_limit(watched, state)
            # A limit that cannot be stored is learned again; other parts report the failing disk.
            with suppress(QueueError):
                await self._keep(watched)

    async def _change_hands(self, watched: Watched, number: int) -> None:
        if number == 0:
            self._emit(DeliveryLost(sources=watched.sources))
        else:
            # Another process delivered it meanwhile, and has learned its limit.
            await self._restore(watched)
            self._emit(DeliveryTaken(sources=watched.sources))
        watched.number = number

    def _report_pauses(self, watched: Watched, state: State) -> None:
        paused = state.delivery == "paused"
        if paused and (not watched.paused or state.cause != watched.cause):
            why = "" if state.why is None else state.why.value
            self._emit(DeliveryPaused(sources=watched.sources, why=why, detail=state.text))
        if watched.paused and not paused:
            self._emit(DeliveryResumed(sources=watched.sources))
        watched.paused, watched.cause = paused, state.cause

    def _report_limit(self, watched: Watched, state: State) -> None:
        limit = state.limit_per_s
        if limit is not None and abs(limit - watched.logged_per_s) > _NEWS * watched.logged_per_s:
            watched.logged_per_s = limit
            self._emit(LimitLearned(sources=watched.sources, per_s=round(limit, 2)))

    async def _keep(self, watched: Watched) -> None:
        now_s = self._now()
        learned = watched.project.snapshot(now_s)
        if learned is None:
            return
        limit = Limit(per_s=learned.limit_per_s, met_at_s=now_s - learned.met_ago_s)
        kept = watched.kept
        is_news = kept is None or abs(limit.per_s - kept.per_s) > _NEWS * kept.per_s
        if is_news or (kept is not None and limit.met_at_s - kept.met_at_s > _KEPT_AGAIN_S):
            await self._archive.keep_limit(watched.id, limit)
            watched.kept = limit

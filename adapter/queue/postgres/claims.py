"""Which replica delivers a source: the one that has its claim, a row that it renews. Theory of operation.

Every replica puts; of each source one replica takes. A row of `claim` names its holder, an `epoch` that grows with each
new holder, and a `beat` that the holder moves every 3 s. Nothing in it is an instant, so no clock is believed that
another process reads:

- The holder trusts its claim for 8 s from the start of its last renewal that was committed, by a clock of its own that
  does not stop while the machine sleeps. Without trust it takes nothing and begins no call.
- Another takes over a claim that was released, or that it has seen with the same holder, epoch and beat for 9 s of its
  own clock, on one connection: after another connection was made, it may be another server, and it begins to look anew.
- Each transaction that settles locks the claims it needs and looks at holder and epoch: who lost one changes nothing.

So a replica that was stopped and wakes up begins no call and settles nothing, and no step of a clock makes two holders.
The sources of one project are claimed together or not at all, for its rate is learned by one process.

After a fail-over to a standby that had not received everything, a claim may be as it was before. So on a connection
that is not this process's first, for 9 s nobody takes a claim over, and who trusted none trusts none again: by then the
trust of whoever had it last is over, or renewed here.

Replicas share the projects evenly: each takes one that was released while it has less than its share, and anybody does
after 5 s. Who has more lets one go every 10 s, when its calls have ended.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from adapter.errors import QueueError
from adapter.queue.group_commit import GroupCommit
from adapter.queue.postgres.claim_rows import ClaimRows, Terms, boot_time, share_of
from adapter.queue.postgres.connect import PostgresSession

_IDLE_S = 0.05


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim of this process. `number` differs from that of every earlier one here."""

    epoch: int
    number: int
    trusted_until_s: float


class Claims:
    """The claims of one process. Lives on the event loop; statements run on the thread of `commits`. `lost` is called
    with sources that another process has now; `is_idle` says of sources whether nothing of them is leased. One that
    does not `deliver` has no share.
    """

    def __init__(
        self,
        commits: GroupCommit,
        session: PostgresSession,
        *,
        lost: Callable[[frozenset[str]], None],
        is_idle: Callable[[Collection[str]], bool],
        delivers: bool,
        terms: Terms,
        now: Callable[[], float] = boot_time,
    ) -> None:
        self._commits = commits
        self._rows = ClaimRows(session, delivers=delivers, terms=terms, now=now)
        self._lost = lost
        self._is_idle = is_idle
        self._terms = terms
        self._now = now
        self._held: dict[str, _Claim] = {}
        self._failed_s: dict[frozenset[str], float] = {}
        self._numbers = 0
        self._projects: set[frozenset[str]] = set()
        self._leaving: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._bidding = asyncio.Lock()

    @property
    def held(self) -> Collection[str]:
        """The sources that this process has claimed, trusted or not. Any thread may ask."""
        with self._lock:
            return list(self._held)

    def number(self, sources: Collection[str]) -> int:
        """Another number than before whenever some of `sources` were claimed again; 0 while some are not."""
        numbers = [claim.number for source in sources if (claim := self._held.get(source)) is not None]
        return max(numbers, default=0) if len(numbers) == len(sources) else 0

    def is_trusted(self, source: str) -> bool:
        """Whether nobody else can have the source now."""
        claim = self._held.get(source)
        return claim is not None and self._now() < claim.trusted_until_s

    def may_take(self, sources: Collection[str]) -> bool:
        """Whether events of all of `sources` are this process's to take now."""
        return self._leaving.isdisjoint(sources) and all(map(self.is_trusted, sources))

    async def claim(self, sources: Collection[str], *, briefly: bool = False) -> bool:
        """Whether all of `sources`, a project, are this process's to take now; looks whether they can be, if it is time
        to. What is wanted `briefly` counts towards no share.
        """
        names = frozenset(sources)
        if not briefly:
            self._projects.add(names)
        if self.may_take(names):
            return True
        async with self._bidding:
            missing = names - self._held.keys()
            began_s = self._now()
            if missing and began_s - self._failed_s.get(names, -self._terms.look_s) >= self._terms.look_s:
                has = -1 if briefly else len(self._held_projects())
                bid = partial(self._rows.bid, missing, has=has, wanted=len(self._projects))
                # Also if nobody waits for it any more: what was committed is ours.
                if not await self._commits.write(bid, after=partial(self._take, began_s)):
                    self._failed_s[names] = began_s
        return self.may_take(names)

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            with contextlib.suppress(QueueError):  # trust ends by itself
                await self.renew()
            await asyncio.sleep(self._terms.renew_s)

    async def renew(self) -> None:
        """Say that this process lives, and move the beats of what it has; what is not ours any more is lost."""
        began_s, held = self._now(), dict(self._held)
        epochs = {source: claim.epoch for source, claim in held.items()}
        kept, is_steady = await self._commits.write(partial(self._rows.beat, epochs))
        until_s = began_s + self._terms.trust_s
        gone = set[str]()
        with self._lock:
            for source, claim in held.items():
                if self._held.get(source) is not claim:  # released meanwhile
                    continue
                if source not in kept:
                    del self._held[source]
                    gone.add(source)
                elif is_steady or began_s < claim.trusted_until_s:
                    self._held[source] = _Claim(claim.epoch, claim.number, until_s)
        if gone:
            self._lost(frozenset(gone))

    async def release(self, sources: Collection[str]) -> None:
        """Let another process have them at once; nothing of them may be leased."""
        with self._lock:
            epochs = {source: self._held.pop(source).epoch for source in sources if source in self._held}
        if epochs:
            await self._commits.write(partial(self._rows.release, epochs))

    async def leave(self) -> None:
        """Release everything, and have no share any more. Nothing may be claimed afterwards."""
        await self.release(self.held)
        await self._commits.write(self._rows.leave)

    # -- shares ----------------------------------------------------------------------------------------------------

    async def share(self) -> None:
        """Let go of what is more than this process's share, one project after the other, until cancelled."""
        while True:
            await asyncio.sleep(self._terms.give_s)
            held = self._held_projects()
            if len(held) > share_of(len(self._projects), replicas=self._rows.replicas):
                with contextlib.suppress(QueueError):  # it expires then, and is anybody's
                    await self._give_back(max(held, key=self.number))

    async def _give_back(self, project: frozenset[str]) -> None:
        """Take nothing more of it, and release it once its calls have ended; keep it if they last too long."""
        self._leaving = project
        try:
            end_s = self._now() + self._terms.grace_s
            while not self._is_idle(project):
                if self._now() > end_s:
                    return
                await asyncio.sleep(_IDLE_S)
            await self.release(project)
        finally:
            self._leaving = frozenset()

    def _held_projects(self) -> list[frozenset[str]]:
        return [project for project in self._projects if project <= self._held.keys()]

    def ours(self, sources: Iterable[str]) -> Collection[str]:
        """Which of `sources` are ours, until the transaction ends: nobody can take them over meanwhile. To be called on
        the thread of `commits`.
        """
        with self._lock:
            epochs = {name: self._held[name].epoch for name in set(sources) if name in self._held}
        return self._rows.fence(epochs) if epochs else frozenset()

    def _take(self, began_s: float, epochs: Mapping[str, int]) -> None:
        self._numbers += 1
        with self._lock:
            for name, epoch in epochs.items():
                self._held[name] = _Claim(epoch, self._numbers, began_s + self._terms.trust_s)

"""Claims: which replica delivers a source. Theory of operation.

Every replica accepts messages; one replica delivers a source. A row of `claim` names its holder, an `epoch` that grows
with each new holder, and a `beat` that the holder increments every 3 s. The row contains no instant, so no process
relies on the clock of another:

- **Trust.** The holder trusts its claim for 8 s from the start of its last committed renewal. It measures them by a
  clock of its own that goes on while the machine sleeps. Without trust it takes no event and begins no call.
- **Takeover.** Another replica takes a claim over if it was released, or if the replica has seen the same holder, epoch
  and beat for 9 s of its own clock on one connection. A new connection may lead to another server, so the 9 s start
  again.
- **Fencing.** Each transaction that settles locks the claims it needs and compares holder and epoch. A replica that
  lost a claim changes nothing.

The invariant: at most one replica begins calls of a source, and settles its events, at any time. A replica that was
stopped and continues later begins no call and settles nothing, and no step of a clock makes two holders. The sources of
one project are claimed together or not at all, because one process learns their rate.

**Fail-over.** A standby may lack the last transactions, so a claim may be as it was before. For 9 s after a connection
is made, no claim is taken over, and a replica without trust gets none by a renewal. Within that time the trust of the
last holder ends, or is renewed on the new server. Only the first connection of a process does without the 9 s, if the
*lineage* of the server is the one that is noted in it. Each promotion of a standby changes the lineage; a replica that
has waited notes the new one.

**A crash between any two steps.** After a claim was taken, before a call: the beat stops, and another replica takes
over after 9 s. After a call, before its settle: the next holder repeats the call unless its key is stored. After a
settle: the event is finished for every replica.

**Shares.** Replicas share the projects evenly. A replica takes a released project while it has less than its share, and
any replica takes one that has been free for 5 s. A replica above its share releases one project every 10 s, once the
calls of that project have ended.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from adapter.errors import QueueError
from adapter.queue.group_commit import GroupCommit
from adapter.queue.postgres.claim_rows import ClaimRows, Terms, boot_time, share_of
from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.replicas import Replica

_IDLE_S = 0.05


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim of this process. `number` differs from that of every earlier claim here."""

    epoch: int
    number: int
    trusted_until_s: float


class Claims:
    """The claims of one process. Lives on the event loop; statements run on the thread of `commits`.

    `lost` is called with the sources that another process has taken over. `is_idle` returns whether none of the given
    sources has a lease. A process that does not deliver (`delivers`) has no share.
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
        """The sources that this process has claimed, trusted or not. May be called from any thread."""
        with self._lock:
            return list(self._held)

    def number(self, sources: Collection[str]) -> int:
        """A number that changes whenever one of `sources` was claimed again; 0 while one is not claimed."""
        numbers = [claim.number for source in sources if (claim := self._held.get(source)) is not None]
        return max(numbers, default=0) if len(numbers) == len(sources) else 0

    def is_trusted(self, source: str) -> bool:
        """Whether no other process can have the source now."""
        claim = self._held.get(source)
        return claim is not None and self._now() < claim.trusted_until_s

    def may_take(self, sources: Collection[str]) -> bool:
        """Whether this process may take events of all of `sources` now."""
        return self._leaving.isdisjoint(sources) and all(map(self.is_trusted, sources))

    def prepare(self) -> None:
        """Before each transaction, on the thread of `commits`."""
        self._rows.look_at_server()

    def undelivered_s(self, sources: Collection[str]) -> float:
        """See `Replicas.undelivered_s`, as of the last renewal."""
        return self._rows.undelivered_s(sources)

    def announce(self, facts: Mapping[str, str]) -> None:
        """See `Replicas.announce`: at the next renewal."""
        self._rows.facts = facts

    @property
    def replicas(self) -> Sequence[Replica]:
        """See `Replicas.replicas`, as of the last renewal."""
        return self._rows.replicas

    async def claim(self, sources: Collection[str], *, briefly: bool = False) -> bool:
        """Whether this process may take events of all of `sources`, a project, now. Tries to claim them, if it is time
        to.

        `briefly`: the project does not count towards this process's share.
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
                # Also if the waiter was cancelled: a claim that was committed is ours.
                if not await self._commits.write(bid, after=partial(self._take, began_s)):
                    self._failed_s[names] = began_s
        return self.may_take(names)

    async def run(self) -> None:
        """Renew the claims until cancelled."""
        while True:
            with contextlib.suppress(QueueError):  # trust ends by itself
                await self.renew()
            await asyncio.sleep(self._terms.renew_s)

    async def renew(self) -> None:
        """Increment the beats of this process's claims; forget the claims that another process has taken over."""
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
        """Let another process have these sources at once. None of their events may be leased."""
        with self._lock:
            epochs = {source: self._held.pop(source).epoch for source in sources if source in self._held}
        if epochs:
            await self._commits.write(partial(self._rows.release, epochs))

    async def leave(self) -> None:
        """Release every claim and give up the share. Nothing may be claimed afterwards."""
        await self.release(self.held)
        await self._commits.write(self._rows.leave)

    # -- shares ----------------------------------------------------------------------------------------------------

    async def share(self) -> None:
        """Release projects above this process's share, one after the other, until cancelled."""
        while True:
            await asyncio.sleep(self._terms.give_s)
            held = self._held_projects()
            if len(held) > share_of(len(self._projects), replicas=self._rows.delivering):
                with contextlib.suppress(QueueError):  # the claim expires then
                    await self._give_back(max(held, key=self.number))

    async def _give_back(self, project: frozenset[str]) -> None:
        """Take no more events of the project, and release it once its calls have ended; keep it if they do not end in
        time.
        """
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
        """Those of `sources` that this process holds until the transaction ends: no other can take them over before. To
        be called on the thread of `commits`.
        """
        with self._lock:
            epochs = {name: self._held[name].epoch for name in set(sources) if name in self._held}
        return self._rows.fence(epochs) if epochs else frozenset()

    def _take(self, began_s: float, epochs: Mapping[str, int]) -> None:
        self._numbers += 1
        with self._lock:
            for name, epoch in epochs.items():
                self._held[name] = _Claim(epoch, self._numbers, began_s + self._terms.trust_s)

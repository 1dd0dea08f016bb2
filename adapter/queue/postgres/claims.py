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
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from adapter.errors import QueueError
from adapter.queue.group_commit import GroupCommit
from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.state import SQL


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what lasts, in seconds. `expires_s` is longer than `trust_s`: nobody takes over what is trusted."""

    renew_s: float = 3.0
    trust_s: float = 8.0
    expires_s: float = 9.0
    look_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim of this process. `number` differs from that of every earlier one here."""

    epoch: int
    number: int
    trusted_until_s: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """A claim of another process: as it was seen, and since when."""

    mark: tuple[str, int, int]
    since_s: float
    connection: int


def boot_time() -> float:
    """Seconds on a clock that goes on while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Claims:
    """The claims of one process, whose name is `holder`. Lives on the event loop; statements run on the thread of
    `commits`. `lost` is called with sources that another process has now.
    """

    def __init__(
        self,
        commits: GroupCommit,
        session: PostgresSession,
        *,
        holder: str,
        lost: Callable[[frozenset[str]], None],
        terms: Terms = Terms(),
        now: Callable[[], float] = boot_time,
    ) -> None:
        self._commits = commits
        self._session = session
        self._holder = holder
        self._lost = lost
        self._terms = terms
        self._now = now
        self._held: dict[str, _Claim] = {}
        self._seen: dict[str, _Seen] = {}
        self._failed_s: dict[frozenset[str], float] = {}
        self._numbers = 0
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

    async def claim(self, sources: Collection[str]) -> bool:
        """Whether all of `sources` are this process's to take now; looks whether they can be, if it is time to."""
        if all(map(self.is_trusted, sources)):
            return True
        names = frozenset(sources)
        async with self._bidding:
            missing = names - self._held.keys()
            began_s = self._now()
            if missing and began_s - self._failed_s.get(names, -self._terms.look_s) >= self._terms.look_s:
                epochs = await self._commits.write(partial(self._bid, missing))
                self._take(epochs, began_s)
                if not epochs:
                    self._failed_s[names] = began_s
        return all(map(self.is_trusted, sources))

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(self._terms.renew_s)
            with contextlib.suppress(QueueError):  # trust ends by itself
                await self.renew()

    async def renew(self) -> None:
        """Move the beats of what is held; what is not ours any more is lost."""
        began_s, held = self._now(), dict(self._held)
        if not held:
            return
        epochs = {source: claim.epoch for source, claim in held.items()}
        kept = await self._commits.write(partial(self._beat, epochs))
        until_s = began_s + self._terms.trust_s
        gone = set[str]()
        with self._lock:
            for source, claim in held.items():
                if source in kept:
                    self._held[source] = _Claim(claim.epoch, claim.number, until_s)
                else:
                    del self._held[source]
                    gone.add(source)
        if gone:
            self._lost(frozenset(gone))

    async def release(self, sources: Collection[str]) -> None:
        """Let another process have them at once; nothing of them may be leased."""
        with self._lock:
            epochs = {source: self._held.pop(source).epoch for source in sources if source in self._held}
        if epochs:
            await self._commits.write(partial(self._let_go, epochs))

    # -- on the thread of the connection ---------------------------------------------------------------------------

    def ours(self, sources: Iterable[str]) -> Collection[str]:
        """Which of `sources` are ours, until the transaction ends: nobody can take them over meanwhile."""
        with self._lock:
            epochs = {name: self._held[name].epoch for name in set(sources) if name in self._held}
        if not epochs:
            return frozenset()
        found = self._session.run(SQL["fence"], self._values(epochs)).fetchall()
        return frozenset(name for (name,) in found)

    def _bid(self, sources: Collection[str]) -> Mapping[str, int]:
        """Claim all of these if nobody has any of them, and say their epochs; none otherwise."""
        names = sorted(sources)
        run, now_s, connection = self._session.run, self._now(), self._session.number
        run(SQL["add_claims"], {"names": names})
        found = run(SQL["claims"], {"names": names}).fetchall()
        marks = {name: (holder, epoch, beat) for name, holder, epoch, beat, _ in found}
        for name, mark in marks.items():
            seen = self._seen.get(name)
            if seen is None or seen.mark != mark or seen.connection != connection:
                self._seen[name] = _Seen(mark, now_s, connection)
        are_free = all(
            released or holder == self._holder or now_s - self._seen[name].since_s >= self._terms.expires_s
            for name, holder, _, _, released in found
        )
        if not are_free or len(found) < len(names):
            return {}
        seen_epochs, beats = [marks[name][1] for name in names], [marks[name][2] for name in names]
        values = {"names": names, "epochs": seen_epochs, "beats": beats}
        if len(run(SQL["lock_claims"], values).fetchall()) < len(names):
            return {}
        return dict(run(SQL["acquire"], {"names": names, "holder": self._holder}).fetchall())

    def _beat(self, epochs: Mapping[str, int]) -> Collection[str]:
        return frozenset(name for (name,) in self._session.run(SQL["renew"], self._values(epochs)).fetchall())

    def _let_go(self, epochs: Mapping[str, int]) -> None:
        self._session.run(SQL["release"], self._values(epochs))

    def _values(self, epochs: Mapping[str, int]) -> dict[str, object]:
        return {"names": list(epochs), "epochs": list(epochs.values()), "holder": self._holder}

    def _take(self, epochs: Mapping[str, int], began_s: float) -> None:
        self._numbers += 1
        with self._lock:
            for name, epoch in epochs.items():
                self._held[name] = _Claim(epoch, self._numbers, began_s + self._terms.trust_s)

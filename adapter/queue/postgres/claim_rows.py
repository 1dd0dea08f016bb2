"""The rows of claims and of the processes that hold them, on the thread that settles. See claims.py for the theory."""

import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from socket import gethostname
from typing import TypeAlias
from uuid import uuid4

import orjson

from adapter.errors import QueueError
from adapter.queue.postgres.connect import PostgresSession, StoreLostError
from adapter.queue.postgres.schema import LINEAGE
from adapter.queue.postgres.state import SQL
from adapter.queue.replicas import Replica


@dataclass(frozen=True, slots=True)
class Terms:
    """Times in seconds; see claims.py. `expires_s` exceeds `trust_s`, so that no trusted claim is taken over.

    After `free_s` any replica may take a released claim. A replica above its share releases one every `give_s`, if its
    calls end within `grace_s`. A replica that has not been seen for `live_s` has no share. A deletion that has waited
    for a transaction for `puts_s` reports it.
    """

    renew_s: float = 3.0
    trust_s: float = 8.0
    expires_s: float = 9.0
    look_s: float = 1.0
    free_s: float = 5.0
    give_s: float = 10.0
    grace_s: float = 25.0
    live_s: float = 15.0
    puts_s: float = 60.0


_Mark: TypeAlias = tuple[str, int, int, bool]
"""Holder, epoch, beat and whether it is released."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A claim of another process as it was seen, and since when."""

    mark: _Mark
    since_s: float
    connection: int


def boot_time() -> float:
    """Seconds on a clock that continues while the machine sleeps and that cannot be set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def share_of(projects: int, *, replicas: int) -> int:
    """The most of `projects` that one of `replicas` is to deliver."""
    return math.ceil(projects / max(1, replicas))


class ClaimRows:
    """The claims of one process. `replicas` are those seen last; one that does not `deliver` has no share. `facts` is
    what this process announces, in place of the last.
    """

    def __init__(
        self, session: PostgresSession, *, delivers: bool, terms: Terms, now: Callable[[], float] = boot_time
    ) -> None:
        self.facts: Mapping[str, str] = {}
        self.replicas: Sequence[Replica] = ()
        self._session = session
        self._holder = _name_of_process()
        self._delivers = delivers
        self._terms = terms
        self._now = now
        self._seen: dict[str, _Seen] = {}
        self._unmoved_s: Mapping[str, float] = {}
        self._began_s = self._looked_s = now()
        self._connection, self._connected_s = 0, -math.inf
        self._lineage: tuple[int, int | None] = (0, None)
        self._is_known = False

    def bid(self, sources: Collection[str], *, has: int, wanted: int) -> Mapping[str, int]:
        """Claim all of these if none of them is held, and return their epochs; otherwise claim none.

        A released claim is taken at once only if `has`, the projects of this process, is less than its share of
        `wanted`.
        """
        names = sorted(sources)
        run = self._session.run
        run(SQL["add_claims"], {"names": names})
        now_s = self._now()
        found = run(SQL["claims"], {"names": names}).fetchall()
        is_steady, marks = self._is_steady(now_s), self._look(found)
        least_s = 0.0 if has < share_of(wanted, replicas=self._live()) else self._terms.free_s
        are_free = all(
            max(0.0, now_s - self._seen[name].since_s) >= (least_s if released and is_steady else self._terms.expires_s)
            for name, _, _, _, released in found
        )
        if not are_free or len(found) < len(names):
            return {}
        seen_epochs, beats = [marks[name][1] for name in names], [marks[name][2] for name in names]
        values = {"names": names, "epochs": seen_epochs, "beats": beats}
        if len(run(SQL["lock_claims"], values).fetchall()) < len(names):
            return {}
        # A replica whose claim expired has no share until it beats again.
        run(SQL["forget_replicas"], {"holders": [holder for _, holder, _, _, released in found if not released]})
        return dict(run(SQL["acquire"], {"names": names, "holder": self._holder}).fetchall())

    def beat(self, epochs: Mapping[str, int]) -> tuple[Collection[str], bool]:
        """The sources whose claims this process still has, and whether the server knows of every trusted claim."""
        run = self._session.run
        noted = {"holder": self._holder, "delivers": self._delivers, "facts": orjson.dumps(self.facts).decode()}
        run(SQL["note_replica"], {**noted, "live_s": self._terms.live_s})
        self._live()
        found = run(SQL["renew"], self._values(epochs)).fetchall() if epochs else ()
        self._look(run(SQL["all_claims"]).fetchall())
        self._looked_s = self._now()
        self._unmoved_s = {name: seen.since_s for name, seen in self._seen.items()}
        is_steady, (_, lineage) = self._is_steady(self._looked_s), self._lineage
        if is_steady and lineage is not None and not self._is_noted():
            run(SQL["set_state"], {"name": LINEAGE, "value": lineage})
        return frozenset(name for (name,) in found), is_steady

    def undelivered_s(self, sources: Collection[str]) -> float:
        """How long the claim of one of them has not been moved, as of the last `beat`. Any thread may ask."""
        unmoved_s = self._unmoved_s
        return max((self._looked_s - unmoved_s.get(name, self._began_s) for name in sources), default=0.0)

    def _look(self, found: Collection[tuple[str, str, int, int, bool]]) -> Mapping[str, _Mark]:
        """Remember since when these claims are as they are, as far as one connection saw: by a clock that is read after
        them, for this process may be stopped between the two, and their holders move them meanwhile.
        """
        connection, now_s = self._session.number, self._now()
        marks = {name: (holder, epoch, beat, released) for name, holder, epoch, beat, released in found}
        for name, mark in marks.items():
            seen = self._seen.get(name)
            if seen is None or seen.mark != mark or seen.connection != connection:
                self._seen[name] = _Seen(mark, now_s, connection)
        return marks

    @property
    def delivering(self) -> int:
        """The number of replicas that deliver, as seen last."""
        return sum(replica.delivers for replica in self.replicas)

    def _live(self) -> int:
        values = {"live_s": self._terms.live_s, "holder": self._holder}
        found = self._session.run(SQL["live_replicas"], values).fetchall()
        self.replicas = [
            Replica(holder, delivers, orjson.loads(facts), holder == self._holder) for holder, delivers, facts in found
        ]
        return self.delivering

    def look_at_server(self) -> None:
        """Ask it for its lineage, once a connection; outside of a transaction, for some servers do not say."""
        if self._session.number and self._lineage[0] == self._session.number:
            return
        try:
            found = self._session.run(SQL["lineage"]).fetchone()
        except StoreLostError:
            raise
        except QueueError:
            found = None
        self._lineage = (self._session.number, None if found is None else int(found[0]))

    def _is_steady(self, now_s: float) -> bool:
        """Whether the server knows of every claim that anybody trusts: this is our first connection, to the server that
        was noted; or it was made so long ago that all earlier trust is over.
        """
        number = self._session.number
        if number != self._connection:
            self._connection, self._connected_s = number, now_s
            self._is_known = number == 1 and self._is_noted()
        return self._is_known or now_s - self._connected_s >= self._terms.expires_s

    def _is_noted(self) -> bool:
        """Whether the lineage of the server is the one that is noted in it."""
        number, lineage = self._lineage
        if number != self._session.number or lineage is None:
            return False
        found = self._session.run(SQL["state"], {"name": LINEAGE}).fetchone()
        return found is not None and found[0] == lineage

    def release(self, epochs: Mapping[str, int]) -> None:
        """Let any replica take these."""
        self._session.run(SQL["release"], self._values(epochs))

    def fence(self, epochs: Mapping[str, int]) -> Collection[str]:
        """Those of these sources that this process still has; no other can take them until the transaction ends."""
        return frozenset(name for (name,) in self._session.run(SQL["fence"], self._values(epochs)).fetchall())

    def leave(self) -> None:
        """Give up the share."""
        self._session.run(SQL["forget_replica"], {"holder": self._holder})

    def _values(self, epochs: Mapping[str, int]) -> dict[str, object]:
        return {"names": list(epochs), "epochs": list(epochs.values()), "holder": self._holder}


def _name_of_process() -> str:
    """A name that differs from that of every other process, and tells people which process it is."""
    return f"{gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"

"""The rows of claims and of the processes that hold them, on the thread that settles. See claims.py for the theory."""

import math
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from socket import gethostname
from uuid import uuid4

from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.state import SQL


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what lasts, in seconds. `expires_s` is longer than `trust_s`: nobody takes over what is trusted.

    A released claim is anybody's after `free_s`; who has more than its share gives one back after `give_s`, if its
    calls end within `grace_s`. A replica that has not been seen for `live_s` has no share.
    """

    renew_s: float = 3.0
    trust_s: float = 8.0
    expires_s: float = 9.0
    look_s: float = 1.0
    free_s: float = 5.0
    give_s: float = 10.0
    grace_s: float = 25.0
    live_s: float = 15.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """A claim of another process: as it was seen, and since when."""

    mark: tuple[str, int, int, bool]
    since_s: float
    connection: int


def boot_time() -> float:
    """Seconds on a clock that goes on while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def share_of(projects: int, *, replicas: int) -> int:
    """How many of `projects` one of `replicas` is to deliver at most."""
    return math.ceil(projects / max(1, replicas))


class ClaimRows:
    """Of one process. `replicas` is how many deliver, as far as this one saw last; one that does not `deliver` has no
    share.
    """

    def __init__(
        self, session: PostgresSession, *, delivers: bool, terms: Terms, now: Callable[[], float] = boot_time
    ) -> None:
        self.replicas = 1
        self._session = session
        self._holder = _name_of_process()
        self._delivers = delivers
        self._terms = terms
        self._now = now
        self._seen: dict[str, _Seen] = {}
        self._connection, self._connected_s = 0, -math.inf

    def bid(self, sources: Collection[str], *, has: int, wanted: int) -> Mapping[str, int]:
        """Claim all of these if nobody has any of them, and say their epochs; none otherwise. Of those that are
        released only if `has` is less than the share of this process, which wants so many projects.
        """
        names = sorted(sources)
        run, now_s = self._session.run, self._now()
        run(SQL["add_claims"], {"names": names})
        found = run(SQL["claims"], {"names": names}).fetchall()
        is_steady, connection = self._is_steady(now_s), self._session.number
        marks = {name: (holder, epoch, beat, released) for name, holder, epoch, beat, released in found}
        for name, mark in marks.items():
            seen = self._seen.get(name)
            if seen is None or seen.mark != mark or seen.connection != connection:
                self._seen[name] = _Seen(mark, now_s, connection)
        least_s = 0.0 if has < share_of(wanted, replicas=self._live()) else self._terms.free_s
        are_free = all(
            now_s - self._seen[name].since_s >= (least_s if released and is_steady else self._terms.expires_s)
            for name, _, _, _, released in found
        )
        if not are_free or len(found) < len(names):
            return {}
        seen_epochs, beats = [marks[name][1] for name in names], [marks[name][2] for name in names]
        values = {"names": names, "epochs": seen_epochs, "beats": beats}
        if len(run(SQL["lock_claims"], values).fetchall()) < len(names):
            return {}
        # Whose claim expired has no share until it says again that it lives.
        run(SQL["forget_replicas"], {"holders": [holder for _, holder, _, _, released in found if not released]})
        return dict(run(SQL["acquire"], {"names": names, "holder": self._holder}).fetchall())

    def beat(self, epochs: Mapping[str, int]) -> tuple[Collection[str], bool]:
        """What is ours still, and whether the server knows of every claim that anybody trusts."""
        run = self._session.run
        run(SQL["note_replica"], {"holder": self._holder, "delivers": self._delivers, "live_s": self._terms.live_s})
        self.replicas = self._live()
        found = run(SQL["renew"], self._values(epochs)).fetchall() if epochs else ()
        return frozenset(name for (name,) in found), self._is_steady(self._now())

    def _live(self) -> int:
        found = self._session.run(SQL["live_replicas"], {"live_s": self._terms.live_s}).fetchone()
        return int(found[0]) if found else 0

    def _is_steady(self, now_s: float) -> bool:
        """Whether the connection is the first one, or was made so long ago that all earlier trust is over."""
        number = self._session.number
        if number != self._connection:
            self._connection, self._connected_s = number, now_s
        return number == 1 or now_s - self._connected_s >= self._terms.expires_s

    def release(self, epochs: Mapping[str, int]) -> None:
        """These are anybody's from now on."""
        self._session.run(SQL["release"], self._values(epochs))

    def fence(self, epochs: Mapping[str, int]) -> Collection[str]:
        """Which of these are still ours, until the transaction ends."""
        return frozenset(name for (name,) in self._session.run(SQL["fence"], self._values(epochs)).fetchall())

    def leave(self) -> None:
        """Have no share any more."""
        self._session.run(SQL["forget_replica"], {"holder": self._holder})

    def _values(self, epochs: Mapping[str, int]) -> dict[str, object]:
        return {"names": list(epochs), "epochs": list(epochs.values()), "holder": self._holder}


def _name_of_process() -> str:
    """What tells this process from every other, and people which it is."""
    return f"{gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"

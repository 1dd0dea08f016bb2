"""What the threads of one process remember of the queue between two transactions, and counters that wait for the end of
theirs.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from adapter.errors import QueueError
from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.statements import statements
from adapter.queue.records import Retention
from adapter.queue.shares import BESIDE_BODY_BYTES, NOTHING, Usage

US = 1_000_000
DAY_US = 86_400 * US
SQL = statements("queue.sql")
_MIDNIGHT_US = 60 * US
"""Clocks of two replicas differ by less, as far as both read the server's."""


class Holdings:
    """What each source holds, by name: as it was read last, and what this process has committed since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage: Mapping[str, Usage] = {}

    @property
    def usage(self) -> Mapping[str, Usage]:
        """Now; any thread may ask."""
        return self._usage

    def read(self, session: PostgresSession) -> None:
        """Look at what all replicas and operators have changed."""
        found = session.run(SQL["held"]).fetchall()
        with self._lock:
            self._usage = {name: Usage(events, size_bytes) for name, events, size_bytes in found}

    def add(self, changes: Mapping[str, Usage]) -> None:
        """This process changed so much."""
        with self._lock:
            usage = dict(self._usage)
            for name, change in changes.items():
                own = usage.get(name, NOTHING)
                usage[name] = Usage(own.events + change.events, own.size_bytes + change.size_bytes)
            self._usage = usage


class PostgresWriterState:
    """Of one thread that commits. `now` gives seconds since 1970 by the queue's clock."""

    def __init__(
        self, session: PostgresSession, *, holdings: Holdings, now: Callable[[], float], retention: Retention
    ) -> None:
        self.session = session
        self.run = session.run
        self.holdings = holdings
        self.retention = retention
        self._now = now
        self._sources: dict[str, int] = {}
        self._counts: Counter[tuple[int, str]] = Counter()
        self._holding: Counter[str] = Counter()
        self._held_bytes: Counter[str] = Counter()

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return round(self._now() * US)

    def has_upkeep(self) -> bool:
        """Whether no other replica keeps the queue now, until the end of the transaction."""
        return bool((self.run(SQL["lock_upkeep"]).fetchone() or (False,))[0])

    def begin(self) -> None:
        """A transaction was opened; nothing is remembered that another process could change."""

    def rollback(self) -> None:
        """The transaction was rolled back, and a source that it made is not there."""
        self._sources.clear()
        self._forget_counts()

    def committed(self) -> None:
        """The transaction was committed."""
        self.holdings.add({name: Usage(events, self._held_bytes[name]) for name, events in self._holding.items()})
        self._forget_counts()

    # -- sources ---------------------------------------------------------------------------------------------------

    def source(self, name: str) -> int:
        """The number of the source `name`, made if it is new."""
        number = self._sources.get(name)
        if number is None:
            [number] = self.sources([name]) or [0]
            if not number:
                self.run(SQL["add_source"], {"name": name})
                [number] = self.sources([name])
        return number

    def sources(self, names: Collection[str]) -> list[int]:
        """The numbers of those of `names` that ever sent something."""
        for name in names:
            if name not in self._sources:
                found = self.run(SQL["source"], {"name": name}).fetchone()
                if found is not None:
                    self._sources[name] = found[0]
        return [self._sources[name] for name in names if name in self._sources]

    # -- days ------------------------------------------------------------------------------------------------------

    def days(self) -> list[int]:
        """The day of now, or two of them around midnight, where clocks disagree."""
        now_us = self.now_us()
        return sorted({(now_us - _MIDNIGHT_US) // DAY_US, (now_us + _MIDNIGHT_US) // DAY_US})

    def first_day(self) -> int:
        """Ids that came before this day are remembered only while their event is not finished."""
        return (self.now_us() - round(self.retention.dedup_s * US)) // DAY_US

    # -- counters --------------------------------------------------------------------------------------------------

    def count(self, source: int, term: str, *, n: int = 1) -> None:
        """Add to a counter of the balance at the end of this group."""
        self._counts[source, term] += n

    def hold(self, source: str, *, events: int, size_bytes: int) -> None:
        """A source has so many pending or dead events more, or fewer, of that size beside 300 bytes each."""
        self._holding[source] += events
        self._held_bytes[source] += size_bytes + events * BESIDE_BODY_BYTES

    def flush_counts(self) -> None:
        """Write what was counted."""
        if not self._counts and not self._holding:
            return
        counts, holding = list(self._counts.items()), list(self._holding.items())
        self.run(
            SQL["count"],
            {
                "sources": [source for (source, _), _ in counts],
                "terms": [term for (_, term), _ in counts],
                "counts": [n for _, n in counts],
                "holders": [self.source(name) for name, _ in holding],
                "events": [events for _, events in holding],
                "bytes": [self._held_bytes[name] for name, _ in holding],
            },
        )

    def _forget_counts(self) -> None:
        self._counts.clear()
        self._holding.clear()
        self._held_bytes.clear()


class SeenDays:
    """The tables of the days on which ids came. A day's table is there before its first id."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self._run = session.run
        self._known: set[int] = set()

    def make(self, days: Collection[int]) -> None:
        """Make the tables of these days where there are none, outside of a transaction or in one of its own.

        Made beside the table and then attached, so that no put waits for it.
        """
        for day in set(days) - self._known:
            if day in self.days():
                self._known.add(day)
                continue
            with self._transaction():
                self._run(SQL["lock_days"])
                self._run(f"CREATE TABLE IF NOT EXISTS seen_{day:d} (LIKE seen INCLUDING ALL, CHECK (day = {day:d}))")
                if day not in self.days():  # another replica was faster
                    self._run(f"ALTER TABLE seen ATTACH PARTITION seen_{day:d} FOR VALUES IN ({day:d})")
            self._known.add(day)

    def forget(self) -> None:
        """A put failed: look again before the next one."""
        self._known.clear()

    def days(self) -> list[int]:
        """The days that have one."""
        return sorted(day for (day,) in self._run(SQL["days_seen"]).fetchall())

    def drop(self, day: int) -> None:
        """Forget the ids of a day."""
        self._known.discard(day)
        with self._transaction():
            # Whoever puts waits for this as long as it waits for a reader; it is tried again in 5 s.
            self._run("SET LOCAL lock_timeout = '200ms'")
            self._run(f"DROP TABLE IF EXISTS seen_{day:d}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN")
        try:
            yield
            self._run("COMMIT")
        except QueueError:
            self._session.rollback()
            raise

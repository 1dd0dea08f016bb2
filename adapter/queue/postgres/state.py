"""The state that the threads of one process cache of the queue between two transactions, and counters that are written
at the end of a transaction.
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
"""The clocks of two replicas differ by less, since both read the server's."""


class Holdings:
    """What each source holds, by name: as read last, and as this process has changed it since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage: Mapping[str, Usage] = {}

    @property
    def usage(self) -> Mapping[str, Usage]:
        """The holdings now. May be called from any thread."""
        return self._usage

    def read(self, session: PostgresSession) -> None:
        """Read what all replicas and operators have changed."""
        found = session.run(SQL["held"]).fetchall()
        with self._lock:
            self._usage = {name: Usage(events, size_bytes) for name, events, size_bytes in found}

    def add(self, changes: Mapping[str, Usage]) -> None:
        """Add the changes of this process."""
        with self._lock:
            usage = dict(self._usage)
            for name, change in changes.items():
                own = usage.get(name, NOTHING)
                usage[name] = Usage(own.events + change.events, own.size_bytes + change.size_bytes)
            self._usage = usage


class PostgresWriterState:
    """The state of one thread that commits. `now` returns seconds since 1970 by the queue's clock."""

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
        """Whether this replica does the upkeep, until the end of the transaction, because no other does it now."""
        return bool((self.run(SQL["lock_upkeep"]).fetchone() or (False,))[0])

    def begin(self) -> None:
        """Called when a transaction was opened. Nothing is cached that another process could change."""

    def rollback(self) -> None:
        """Called when the transaction was rolled back: a source that it created does not exist."""
        self._sources.clear()
        self._forget_counts()

    def committed(self) -> None:
        """Called when the transaction was committed."""
        self.holdings.add({name: Usage(events, self._held_bytes[name]) for name, events in self._holding.items()})
        self._forget_counts()

    # -- sources ---------------------------------------------------------------------------------------------------

    def source(self, name: str) -> int:
        """The number of the source `name`, created if it is new."""
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
        """The day of now, or both days around midnight, where clocks differ."""
        now_us = self.now_us()
        return sorted({(now_us - _MIDNIGHT_US) // DAY_US, (now_us + _MIDNIGHT_US) // DAY_US})

    def first_day(self) -> int:
        """Ids from before this day are remembered only while their event is not finished."""
        return (self.now_us() - round(self.retention.dedup_s * US)) // DAY_US

    # -- counters --------------------------------------------------------------------------------------------------

    def count(self, source: int, term: str, *, n: int = 1) -> None:
        """Add to a counter of the balance at the end of this group."""
        self._counts[source, term] += n

    def hold(self, source: str, *, events: int, size_bytes: int) -> None:
        """Change what a source holds by so many pending or dead events, of that size beside 300 bytes each."""
        self._holding[source] += events
        self._held_bytes[source] += size_bytes + events * BESIDE_BODY_BYTES

    def flush_counts(self) -> None:
        """Write the counters."""
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
    """The tables of ids seen, one for each day. A day's table exists before its first id."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self._run = session.run
        self._known: set[int] = set()

    def make(self, days: Collection[int]) -> None:
        """Create the missing tables of these days, outside of a transaction or in one of its own.

        A table is created apart and then attached, so that no put waits for it.
        """
        for day in set(days) - self._known:
            if day in self.days():
                self._known.add(day)
                continue
            with self._transaction():
                self._run(SQL["lock_days"])
                self._run(f"CREATE TABLE IF NOT EXISTS seen_{day:d} (LIKE seen INCLUDING ALL, CHECK (day = {day:d}))")
                if day not in self.days():  # another replica created it first
                    self._run(f"ALTER TABLE seen ATTACH PARTITION seen_{day:d} FOR VALUES IN ({day:d})")
            self._known.add(day)

    def forget(self) -> None:
        """A put failed: read the tables again before the next one."""
        self._known.clear()

    def days(self) -> list[int]:
        """The days that have a table."""
        return sorted(day for (day,) in self._run(SQL["days_seen"]).fetchall())

    def drop(self, day: int) -> None:
        """Delete the ids of a day."""
        self._known.discard(day)
        with self._transaction():
            # Puts wait for this statement as long as it waits for a reader, so it is tried again in 5 s.
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

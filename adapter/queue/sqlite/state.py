"""The state that the owner's thread caches of the queue file between two statements, and reads again after a rollback:
numbers of sources and seqs, the ids seen, and counters that are written at the end of a group.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from adapter.queue.records import Retention
from adapter.queue.shares import BESIDE_BODY_BYTES, NOTHING, Usage
from adapter.queue.sqlite.seen import SeenIds, SeenSizes
from adapter.queue.sqlite.statements import for_rows, statements
from adapter.queue.sqlite.trusted_time import Kept, TrustedTime

US = 1_000_000
DAY_US = 86_400 * US
SQL = statements("queue.sql")


def for_one(name: str) -> str:
    """The statement `name`, which is for many rows, for one row."""
    return for_rows(SQL[name], 1)


def trusted_time(
    connection: sqlite3.Connection, *, wall: Callable[[], float], steady: Callable[[], float]
) -> TrustedTime:
    """The trusted time, continued from what the file has of it."""
    return TrustedTime(_kept_time(connection, wall), wall=wall, steady=steady)


def _kept_time(connection: sqlite3.Connection, wall: Callable[[], float]) -> Kept | None:
    """A file from before version 4 has time stamps alone; those ahead of the clock are ignored."""
    kept = {name: connection.execute(SQL["state"], (name,)).fetchone() for name in ("trusted_us", "credit_us")}
    if kept["trusted_us"] is not None:
        return Kept(kept["trusted_us"][0] / US, kept["credit_us"][0] / US)
    newest_us = connection.execute(SQL["newest_stamp"]).fetchone()[0]
    return None if newest_us is None else Kept(min(newest_us / US, wall()))


class WriterState:
    """See the module. `now` returns seconds since 1970 and never jumps; lanes become due by it. `trusted` returns
    seconds since 1970 for retention.

    `held` is what each source holds, by name, as of the last group. May be read from any thread.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        now: Callable[[], float],
        trusted: TrustedTime,
        retention: Retention,
        seen_sizes: SeenSizes,
    ) -> None:
        self._connection = connection
        self.run = connection.execute
        self.retention = retention
        self.seen = SeenIds(self.run, window_s=retention.dedup_s, sizes=seen_sizes)
        self.trusted = trusted
        self._now = now
        self._counts: Counter[tuple[int, str]] = Counter()
        self._holding: Counter[int] = Counter()
        self._held_bytes: Counter[int] = Counter()
        self.held: Mapping[str, Usage] = {}
        self._version: int | None = None
        self._changes = 0
        self._read()

    def begin(self) -> None:
        """Called when a transaction was opened: read everything again if another connection has changed the file, or
        after a rollback. Operators assign seqs and store ids, too.
        """
        version = self.run(SQL["data_version"]).fetchone()[0]
        if version != self._version:
            self._read()
            self._version = version
        self.seen.begin()
        self._changes = self._connection.total_changes

    def rollback(self) -> None:
        """Called when the transaction was rolled back: everything cached in it may be wrong."""
        self._counts.clear()
        self._holding.clear()
        self._held_bytes.clear()
        self.seen.rollback()
        self._version = None

    def _read(self) -> None:
        self._names: dict[int, str] = dict(self.run(SQL["sources"]).fetchall())
        self._sources = {name: number for number, name in self._names.items()}
        self._last_seq: int = self.run(SQL["last_seq"]).fetchone()[0]
        self.seen.read()
        self._read_held()

    def _read_held(self) -> None:
        self.held = {name: Usage(events, size_bytes) for name, events, size_bytes in self.run(SQL["held"])}

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return round(self._now() * US)

    def trusted_us(self) -> int:
        """Microseconds since 1970 that a wrong clock of the machine does not move: see trusted_time.py."""
        return round(self.trusted() * US)

    def keep_time(self) -> None:
        """Read the clocks and store the time, for operators beside the service and for the next start."""
        self.trusted.look()
        kept = self.trusted.kept
        facts = (("trusted_us", kept.at_s * US), ("credit_us", kept.credit_s * US), ("steady_us", self._now() * US))
        for name, value in facts:
            self.run(SQL["set_state"], (name, round(value)))

    def sql(self, name: str, count: int) -> str:
        """The statement `name` for `count` rows at once."""
        return for_rows(SQL[name], count)

    # -- numbers ---------------------------------------------------------------------------------------------------

    def source(self, name: str) -> int:
        """The number of the source `name`, created if it is new."""
        number = self._sources.get(name)
        if number is None:
            number = self._sources[name] = self.run(SQL["add_source"], (name,)).lastrowid or 0
            self._names[number] = name
        return number

    def sources(self, names: Sequence[str]) -> list[int]:
        """The numbers of those of `names` that ever sent something."""
        return [self._sources[name] for name in names if name in self._sources]

    def next_seq(self) -> int:
        """A seq that was never used; AUTOINCREMENT remembers the highest one."""
        self._last_seq += 1
        return self._last_seq

    # -- counters --------------------------------------------------------------------------------------------------

    def count(self, source: int, term: str, *, n: int = 1) -> None:
        """Add to a counter of the balance at the end of this group."""
        self._counts[source, term] += n

    def hold(self, source: int, *, events: int, size_bytes: int) -> None:
        """Change what a source holds by so many pending or dead events, of that size beside 300 bytes each."""
        self._holding[source] += events
        self._held_bytes[source] += size_bytes + events * BESIDE_BODY_BYTES

    @property
    def has_changed_rows(self) -> bool:
        """Whether a row was written since `begin`. Puts and settles are staged, and are written at the end of a
        group.
        """
        return self._connection.total_changes != self._changes

    def flush_counts(self, *, read_held: bool) -> None:
        """Write the counters. `read_held`: other rows changed what sources hold in this group, so read that again."""
        held = dict(self.held)
        for source, events in self._holding.items():
            size_bytes = self._held_bytes[source]
            self.run(SQL["hold"], (source, events, size_bytes))
            name = self._names[source]
            own = held.get(name, NOTHING)
            held[name] = Usage(own.events + events, own.size_bytes + size_bytes)
        self._holding.clear()
        self._held_bytes.clear()
        if read_held:
            self._read_held()
        else:
            self.held = held
        for (source, term), n in self._counts.items():
            self.run(SQL["count"], (source, term, n))
        self._counts.clear()

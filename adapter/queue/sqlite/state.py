"""What the thread that owns the queue file remembers of it between two statements, and reads again after a rollback:
numbers of sources and seqs, the days of the dedup window, counters that wait for the end of their group.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from adapter.queue.records import Retention
from adapter.queue.shares import BESIDE_BODY_BYTES, Usage
from adapter.queue.sqlite.statements import for_rows, statements
from adapter.queue.sqlite.trusted_time import Kept, TrustedTime

US = 1_000_000
DAY_US = 86_400 * US
SQL = statements("queue.sql")


def trusted_time(
    connection: sqlite3.Connection, *, wall: Callable[[], float], steady: Callable[[], float]
) -> TrustedTime:
    """The trusted time, from what the file has of it on."""
    return TrustedTime(_kept_time(connection, wall), wall=wall, steady=steady)


def _kept_time(connection: sqlite3.Connection, wall: Callable[[], float]) -> Kept | None:
    """A file of before version 4 has stamps alone; those ahead of the clock count for nothing."""
    kept = {name: connection.execute(SQL["state"], (name,)).fetchone() for name in ("trusted_us", "credit_us")}
    if kept["trusted_us"] is not None:
        return Kept(kept["trusted_us"][0] / US, kept["credit_us"][0] / US)
    newest_us = connection.execute(SQL["newest_stamp"]).fetchone()[0]
    return None if newest_us is None else Kept(min(newest_us / US, wall()))


class WriterState:
    """See the module. `now` gives seconds since 1970 and never jumps: lanes are due by it. `trusted` gives them
    too, for what is kept for a while.

    `held` is what each source holds, by name, as of the last group; any thread may read it.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, now: Callable[[], float], trusted: TrustedTime, retention: Retention
    ) -> None:
        self.run = connection.execute
        self.retention = retention
        self.trusted = trusted
        self._now = now
        self._counts: Counter[tuple[int, str]] = Counter()
        self._holding: Counter[int] = Counter()
        self._held_bytes: Counter[int] = Counter()
        self.held: Mapping[str, Usage] = {}
        self._templates: dict[str, str] = {}
        self._version: int | None = None
        self._read()

    def begin(self) -> None:
        """A transaction was opened: read all of it again if another connection has changed the file, or after
        `forget`. Operators give out seqs and keep ids of their own.
        """
        version = self.run(SQL["data_version"]).fetchone()[0]
        if version != self._version:
            self._read()
            self._version = version

    def rollback(self) -> None:
        """The transaction was rolled back, and what was learned in it may not be so."""
        self._counts.clear()
        self._holding.clear()
        self._held_bytes.clear()
        self._version = None

    def _read(self) -> None:
        self._sources = {name: number for number, name in self.run(SQL["sources"])}
        self._days = [day for (day,) in self.run(SQL["dedup_days"])]
        self._last_seq: int = self.run(SQL["last_seq"]).fetchone()[0]
        self.has_kept_digests: bool = self.run(SQL["kept_digests"]).fetchone()[0] > 0
        plain = self.run(SQL["state"], ("plain_digests_to",)).fetchone()
        self._plain_to: int | None = None if plain is None else plain[0]
        self._read_held()
        self._templates.clear()

    def _read_held(self) -> None:
        self.held = {name: Usage(events, size_bytes) for name, events, size_bytes in self.run(SQL["held"])}

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return round(self._now() * US)

    def trusted_us(self) -> int:
        """Microseconds since 1970 that no wrong clock of the machine moves: see trusted_time.py."""
        return round(self.trusted() * US)

    def keep_time(self) -> None:
        """Look at the clocks and keep the time, for operators beside the service and for the next start."""
        self.trusted.look()
        kept = self.trusted.kept
        facts = (("trusted_us", kept.at_s * US), ("credit_us", kept.credit_s * US), ("steady_us", self._now() * US))
        for name, value in facts:
            self.run(SQL["set_state"], (name, round(value)))

    def sql(self, name: str, count: int) -> str:
        """The statement `name` for `count` rows at once."""
        template = self._templates.get(name)
        if template is None:
            template = self._templates[name] = self._template(name)
        return for_rows(template, count)

    def _template(self, name: str) -> str:
        if name == "seen_in":
            tables = ["kept", *self._days] if self.has_kept_digests else self._days
            return " UNION ALL ".join(SQL["seen_in"].replace("{table}", str(table)) for table in tables)
        return SQL[name].replace("{day}", str(self._days[-1])) if "{day}" in SQL[name] else SQL[name]

    # -- numbers ---------------------------------------------------------------------------------------------------

    def source(self, name: str) -> int:
        """The number of the source `name`, made if it is new."""
        number = self._sources.get(name)
        if number is None:
            number = self._sources[name] = self.run(SQL["add_source"], (name,)).lastrowid or 0
        return number

    def sources(self, names: Sequence[str]) -> list[int]:
        """The numbers of those of `names` that ever sent something."""
        return [self._sources[name] for name in names if name in self._sources]

    def next_seq(self) -> int:
        """A number that was never used; AUTOINCREMENT remembers the highest one."""
        self._last_seq += 1
        return self._last_seq

    # -- counters --------------------------------------------------------------------------------------------------

    def count(self, source: int, term: str, *, n: int = 1) -> None:
        """Add to a counter of the balance at the end of this group."""
        self._counts[source, term] += n

    def hold(self, source: int, *, events: int, size_bytes: int) -> None:
        """A source has so many pending or dead events more, or fewer, of that size beside 300 bytes each."""
        self._holding[source] += events
        self._held_bytes[source] += size_bytes + events * BESIDE_BODY_BYTES

    def flush_counts(self) -> None:
        """Write what was counted."""
        for source, events in self._holding.items():
            self.run(SQL["hold"], (source, events, self._held_bytes[source]))
        self._holding.clear()
        self._held_bytes.clear()
        self._read_held()
        for (source, term), n in self._counts.items():
            self.run(SQL["count"], (source, term, n))
        self._counts.clear()

    @property
    def today(self) -> int:
        """The day of the newest table of ids."""
        return int(self._days[-1])

    @property
    def has_plain_digests(self) -> bool:
        """Ids may be there that were seen before version 4, whose digests are of source and message id alone."""
        return self._plain_to is not None and (self.has_kept_digests or self._days[0] <= self._plain_to)

    # -- the dedup window ------------------------------------------------------------------------------------------

    def begin_day(self, today: int) -> None:
        """Have a table for the ids of `today`, and none for days that lie wholly before the dedup window.

        A day more than one ahead is of a clock that was wrong: its ids are those of today.
        """
        for day in [day for day in self._days if day > today + 1]:
            self._bring_back(day, today)
        if self._days and self._days[-1] >= today:
            return
        window_days = self.retention.dedup_s * US / DAY_US
        for day in [day for day in self._days if day + 1 + window_days <= today]:
            self.run(SQL["keep_dedup_of_unfinished"].format(day=day))
            self.run(SQL["drop_dedup_day"].format(day=day))
            self._days.remove(day)
        self.run(SQL["add_dedup_day"].format(day=today))
        self._days.append(today)
        self.has_kept_digests = self.run(SQL["kept_digests"]).fetchone()[0] > 0
        self._templates.clear()

    def _bring_back(self, day: int, today: int) -> None:
        names = {"day": day, "today": today}
        if today in self._days:
            self.run(SQL["merge_dedup_day"].format(**names))
            self.run(SQL["drop_dedup_day"].format(day=day))
        else:
            self.run(SQL["rename_dedup_day"].format(**names))
        self._days = sorted({*self._days, today} - {day})
        if self._plain_to is not None and day <= self._plain_to:
            self.run(SQL["set_state"], ("plain_digests_to", today))
            self._plain_to = today
        self._templates.clear()

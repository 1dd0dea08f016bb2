"""Moves a queue to another backend or place, row by row: all rows or none. Theory of operation.

`queue.backends` opens both ends; no process serves either of them meanwhile. The steps: rows are loaded in one
transaction of the target, read back and compared one by one; the source is marked as moved; the transaction is
committed. A crash before the mark leaves both ends as they were. A crash between mark and commit leaves a source that
cannot be served, so no event is ever delivered from both ends; the same command starts the move again.

A row is a tuple of integers, texts and bytes. Data of a sender is bytes, which both databases keep as they are; text
for people has U+2400 in place of a NUL. Pure but for the two ends.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Final, Protocol, TypeAlias

from adapter.errors import ConfigError, QueueError

Row: TypeAlias = tuple[int | float | str | bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that both databases have. `key` orders its rows, which are read in pages of `page`; a table without `key`
    is small and read at once. The columns in `sent` hold data of a sender.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    sent: frozenset[str] = frozenset()
    page: int = 5_000


def _table(name: str, columns: str, *, key: str = "", sent: str = "", page: int = 5_000) -> Table:
    return Table(name, tuple(columns.split()), tuple(key.split()), frozenset(sent.split()), page)


TABLES: Final = (
    _table("source", "id name"),
    _table(
        "message",
        "seq source message_id type user_id anonymous_id timestamp_us received_us body traceparent",
        key="seq",
        sent="message_id type user_id anonymous_id",
        page=500,
    ),
    _table("lane", "lane source head priority due_us attempt retried_us reason detail", key="lane"),
    _table("waiting", "lane seq", key="lane seq"),
    _table("sent", "seq key", key="seq key", sent="key"),
    _table("finished", "seq outcome reason rule detail attempt mapping finished_us", key="seq"),
    _table("dead", "seq reason detail attempt mapping died_us", key="seq"),
    _table(
        "rejection",
        "id source reason message_id problems body received_us event kept_us",
        key="id",
        sent="message_id",
        page=500,
    ),
    _table("warning", "seq ingest mapping", key="seq"),
    _table("failure", "seq at_us call status cause ms", key="seq at_us"),
    _table("dedup_kept", "digest seq", key="digest"),
    _table("mapping_text", "digest text"),
    _table("activation", "id name version digest at_us by", key="id"),
    _table("learned", "project per_s met_at_s"),
    _table("sampled", "source term n"),
    _table("sample", "source minute term n", key="source minute term"),
    _table("backlog", "minute pending", key="minute"),
    _table("pace", "minute project per_s limit_per_s", key="minute project"),
    _table(
        "deletion",
        "seq source user_id message_id received_us events rejections done_us",
        key="seq",
        sent="user_id message_id",
    ),
)
"""Tables that are equal in both databases. A new column must be added here; tests/integration/test_moving.py checks it.
"""

SEEN: Final = "seen"
"""Ids seen: (digest, day since 1970, seq)."""
COUNTERS: Final = ("ledger", "held")
"""Sums of (source, term, n) and of (source, events, bytes), without those that are 0."""
NUMBERS: Final = "numbers"
"""The last number that was assigned in each table of NUMBERED: (table, number)."""
NUMBERED: Final = ("source", "message", "rejection", "activation")
PARTS: Final = (*(table.name for table in TABLES), SEEN, *COUNTERS, NUMBERS)
BY_NAME: Final = {table.name: table for table in TABLES}
SEEN_PREFIXES: Final = 256
"""The ids seen of a day come in so many pages: digests are hashes, so all pages have about the same size."""


class MovedFrom(Protocol):
    """The source of a move. All methods raise QueueError if the database fails."""

    def moved_to(self) -> str | None:
        """The place that this queue was moved to, as passed to `mark_moved`; None if it was not moved."""
        ...

    def count(self) -> int:
        """The approximate number of rows to move."""
        ...

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """The rows of one of PARTS in pages, in an order that both ends have."""
        ...

    def mark_moved(self, place: str) -> None:
        """Mark the queue as moved, durably: it can neither be served nor read any more."""
        ...


class MovedTo(Protocol):
    """The target of a move. All methods raise QueueError if the database fails."""

    def is_empty(self) -> bool:
        """Whether the target never received anything."""
        ...

    def load(self, part: str, rows: Sequence[Row]) -> None:
        """Add rows of one of PARTS. The first call empties tables that are not of events."""
        ...

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """The loaded rows, as `MovedFrom.rows`."""
        ...

    def commit(self) -> None:
        """Commit, durably: the target can be served."""
        ...


def move(
    source: MovedFrom, target: MovedTo, *, leaving: str, to: str, show: Callable[[int], None] = lambda _: None
) -> int:
    """Move everything, and return the number of rows; `leaving` and `to` name the two places. `show` is called with the
    progress, out of twice `MovedFrom.count`.

    Raises ConfigError if the source was moved elsewhere before or the target is not empty, QueueError if a database
    fails or the rows read back differ: then nothing has changed.
    """
    moved_to = source.moved_to()
    if moved_to is not None and (moved_to != to or not target.is_empty()):
        raise ConfigError(f"{leaving}: was moved to {moved_to} before; serve that one")
    if not target.is_empty():
        raise ConfigError(f"{to}: has received something already; move to a place where no queue is, or an empty one")
    done = 0
    for part in PARTS:
        for page in source.rows(part):
            target.load(part, page)
            done += len(page)
            show(done)
    for part in PARTS:
        for compared in _compared(source, target, part):
            show(done + compared)
        done += compared
    source.mark_moved(to)
    target.commit()
    return done // 2


def _compared(source: MovedFrom, target: MovedTo, part: str) -> Iterator[int]:
    """The number of rows found equal so far, now and then and at the end of the part."""
    pairs = zip_longest(chain.from_iterable(source.rows(part)), chain.from_iterable(target.rows(part)))
    number = 0
    for number, (there, here) in enumerate(pairs, start=1):
        if there != here:
            raise QueueError(f"row {number} of `{part}` differs after it was moved; nothing was changed")
        if number % 5_000 == 0:
            yield number
    yield number


def without_nul(row: Row) -> Row:
    """A row whose texts every database can store."""
    if any(type(value) is str and "\0" in value for value in row):
        return tuple(value.replace("\0", "\u2400") if type(value) is str else value for value in row)
    return row

"""Moves a queue to another place, whatever each of the two is: every row, and all of them or none.

`queue.backends` opens both ends; nobody serves either of them meanwhile. Rows are loaded in one transaction of the
target, read back and compared one by one. Then the source is marked as moved, and the transaction is committed: a move
that is cut off leaves the target as it was, and is begun again with the same command. Between the two marks neither end
can be served, so that no event is ever delivered from both.

A row is a tuple of numbers, texts and bytes. What a sender wrote is bytes, which both databases keep as they are; text
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
    """A table that both databases have alike. `key` orders its rows, which come in pages of `page`; without it they are
    few, and come at once. Columns of `sent` are what a sender wrote.
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
"""What is the same in both. A column that is added to a queue is added here: see tests/integration/test_moving.py."""

SEEN: Final = "seen"
"""Ids seen: (digest, day since 1970, seq)."""
COUNTERS: Final = ("ledger", "held")
"""Sums of (source, term, n) and of (source, events, bytes), without those that are 0."""
NUMBERS: Final = "numbers"
"""The last number that was given out to each of NUMBERED: (table, number)."""
NUMBERED: Final = ("source", "message", "rejection", "activation")
PARTS: Final = (*(table.name for table in TABLES), SEEN, *COUNTERS, NUMBERS)
BY_NAME: Final = {table.name: table for table in TABLES}
SEEN_PREFIXES: Final = 256
"""Ids seen of a day come in as many pages: digests are hashes, so each has about as many."""


class MovedFrom(Protocol):
    """The end that is left. All methods raise QueueError if the database fails."""

    def moved_to(self) -> str | None:
        """Where it was moved to, as `mark_moved` was called; None if it was not."""
        ...

    def count(self) -> int:
        """About how many rows there are to move."""
        ...

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """The rows of one of PARTS in pages, in an order that both ends have."""
        ...

    def mark_moved(self, place: str) -> None:
        """Have nobody serve it any more, or look into it. Durable."""
        ...


class MovedTo(Protocol):
    """The end that is filled. All methods raise QueueError if the database fails."""

    def is_empty(self) -> bool:
        """Whether nothing was ever received there."""
        ...

    def load(self, part: str, rows: Sequence[Row]) -> None:
        """Add rows of one of PARTS; the first call empties what is there beside events."""
        ...

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        """As `MovedFrom.rows`: what was loaded."""
        ...

    def commit(self) -> None:
        """Let it be served. Durable."""
        ...


def move(
    source: MovedFrom, target: MovedTo, *, leaving: str, to: str, show: Callable[[int], None] = lambda _: None
) -> int:
    """Move everything, and say how many rows there were; `leaving` and `to` name the two places. `show` is called with
    how far it is, of twice `MovedFrom.count`.

    Raises ConfigError if the source was moved elsewhere before or the target is not empty, QueueError if a database
    fails or what was read back differs: then nothing has changed.
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
    """How many rows of a part were found equal, now and then and at its end."""
    pairs = zip_longest(chain.from_iterable(source.rows(part)), chain.from_iterable(target.rows(part)))
    number = 0
    for number, (there, here) in enumerate(pairs, start=1):
        if there != here:
            raise QueueError(f"row {number} of `{part}` differs after it was moved; nothing was changed")
        if number % 5_000 == 0:
            yield number
    yield number


def without_nul(row: Row) -> Row:
    """A row whose texts any database can hold."""
    if any(type(value) is str and "\0" in value for value in row):
        return tuple(value.replace("\0", "\u2400") if type(value) is str else value for value in row)
    return row

"""Merges events and rejections into one order, a page at a time, with a cursor for the next page. Pure.

Both are numbered in the order of receipt, each by numbers of their own, so a cursor is a pair of numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from adapter.console import serialize
from adapter.console.serialize import Entry
from adapter.queue.records import EventRecord

_WRITTEN = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


class Cursor(NamedTuple):
    """A place between events and between rejections: the seq and the number of its neighbours; written `12.3`."""

    seq: int
    number: int

    def __str__(self) -> str:
        return f"{self.seq}.{self.number}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The cursor in `text`, None if it is not one."""
        found = _WRITTEN.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Stream:
    """Entries in the order of their numbers, read from `start` to `reached`.

    `is_all`: there are no more. Otherwise `until` is when the last entry that was read was received.
    """

    found: Sequence[Entry]
    start: int
    reached: int
    is_all: bool
    until: datetime | None = None

    def place(self, taken: int) -> int:
        """The next start if the first `taken` entries are used."""
        if taken == len(self.found):
            return self.reached
        return number_of(self.found[taken - 1]) if taken else self.start

    def is_done(self, taken: int) -> bool:
        """Whether there are no entries after the first `taken`."""
        return taken == len(self.found) and self.is_all

    def head(self, taken: int) -> datetime | None:
        """When the entry after the first `taken` was received, or the latest possible instant; None at the end."""
        if taken < len(self.found):
            return serialize.received_at(self.found[taken])
        return None if self.is_all else self.until


def number_of(entry: Entry) -> int:
    """Its seq, or its number."""
    return entry.seq if isinstance(entry, EventRecord) else entry.number


def merge(events: Stream, rejections: Stream, *, limit: int, newest_first: bool) -> tuple[list[Entry], Cursor | None]:
    """Up to `limit` of both, each in its own order, and the next cursor; None if there are no more.

    Ends early if one of them was not read far enough to know which entry is next.
    """
    both, taken, page = (events, rejections), [0, 0], list[Entry]()
    while len(page) < limit:
        heads = [stream.head(count) for stream, count in zip(both, taken, strict=True)]
        known = [(head, turn) for turn, head in enumerate(heads) if head is not None]
        if not known:
            break
        _, turn = max(known) if newest_first else min(known)
        if taken[turn] == len(both[turn].found):
            break
        page.append(both[turn].found[taken[turn]])
        taken[turn] += 1
    # Numbers follow the order of receipt, except for requeued rejections. A page is cut by number, sorted by time.
    page.sort(key=serialize.received_at, reverse=newest_first)
    if all(stream.is_done(count) for stream, count in zip(both, taken, strict=True)):
        return page, None
    return page, Cursor(events.place(taken[0]), rejections.place(taken[1]))

"""Puts events and rejections in one order, a page at a time, and says where the next page begins. Pure.

Both are numbered as they were received, each in its own row of numbers, so a place in the order is a pair of them.
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
        """The cursor in `text`, None if it holds none."""
        found = _WRITTEN.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Stream:
    """Entries in the order of their numbers, which was begun at `start` and looked through until `reached`.

    `is_all`: there is no more. Else `until` is when the last that was looked at was received.
    """

    found: Sequence[Entry]
    start: int
    reached: int
    is_all: bool
    until: datetime | None = None

    def place(self, taken: int) -> int:
        """Where to go on when the first `taken` of it are done with."""
        if taken == len(self.found):
            return self.reached
        return number_of(self.found[taken - 1]) if taken else self.start

    def is_done(self, taken: int) -> bool:
        """Whether nothing of it is left after the first `taken`."""
        return taken == len(self.found) and self.is_all

    def head(self, taken: int) -> datetime | None:
        """When the next after the first `taken` was received, or may have been at the latest; None at its end."""
        if taken < len(self.found):
            return serialize.received_at(self.found[taken])
        return None if self.is_all else self.until


def number_of(entry: Entry) -> int:
    """Its seq, or its number."""
    return entry.seq if isinstance(entry, EventRecord) else entry.number


def merge(events: Stream, rejections: Stream, *, limit: int, newest_first: bool) -> tuple[list[Entry], Cursor | None]:
    """Up to `limit` of both, each in its own order, and where to go on; None if there is no more.

    Ends early where one of them was not looked through far enough to know which comes next.
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
    # Numbers follow the order of arrival, except those of requeued events. A page is cut by number and sorted by time.
    page.sort(key=serialize.received_at, reverse=newest_first)
    if all(stream.is_done(count) for stream, count in zip(both, taken, strict=True)):
        return page, None
    return page, Cursor(events.place(taken[0]), rejections.place(taken[1]))

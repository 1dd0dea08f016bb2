"""SQLite's write-ahead log as bytes: which of its frames were certainly synced. Pure.

The format is https://www.sqlite.org/fileformat2.html#walformat. A log is a header and frames; a frame is a header and a
page of the database. A frame whose header has the size of the database ends a commit. Frames of one run through the log
carry the salts of the log's header. A checksum continues from frame to frame, so each frame can be checked against the
checksum of the frame before it, whatever came earlier.

The frame behind a commit shows that the commit was synced: with `synchronous = FULL` nothing is written after a commit
until it is synced, and the next frame continues the checksum of the commit. Without such a frame nothing is certain:
after a power cut, unsynced data may survive in any parts, in any order, in sectors of 512 bytes.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeAlias

HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_SECTOR_BYTES = 512
_MASK = 0xFFFFFFFF
_ORDERS = {b"\x37\x7f\x06\x82": "<", b"\x37\x7f\x06\x83": ">"}
"""Byte orders of the words in checksums, by the first bytes of the log."""
_PAGE_SIZES = frozenset(512 << power for power in range(8))

Read: TypeAlias = Callable[[int, int], bytes]
"""Reads so many bytes of a file from an offset; fewer at its end."""
Sum: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LogFrame:
    """The header of a frame: the page it holds, whether it ends a commit, and the checksum up to and with it."""

    page: int
    is_commit: bool
    salts: bytes
    checksum: Sum


@dataclass(frozen=True)
class Log:
    """A log with a header, complete or damaged; created by `opened`. Frames are numbered from 1."""

    read: Read
    page_bytes: int
    count: int
    salts: bytes
    order: str
    header_checksum: Sum
    has_header: bool

    @classmethod
    def opened(cls, read: Read, *, size: int, page_bytes: int) -> Self | None:
        """The log in `size` bytes; None if it has no frame. `page_bytes` is the size of the database's pages.

        If the header is damaged, its values are taken from the first frame and the database.
        """
        header = read(0, HEADER_BYTES)
        order = _ORDERS.get(header[:4], "")
        has_header = len(header) == HEADER_BYTES and order != "" and checksum(header[:24], order=order) == _sum(header)
        if has_header:
            page_bytes = int.from_bytes(header[8:12], "big")
        if page_bytes not in _PAGE_SIZES:
            return None
        count = (size - HEADER_BYTES) // (_FRAME_HEADER_BYTES + page_bytes)
        if count < 1:
            return None
        log = cls(
            read=read,
            page_bytes=page_bytes,
            count=count,
            salts=header[16:24],
            order=order,
            header_checksum=_sum(header),
            has_header=has_header,
        )
        return log if has_header else log._without_header()

    def _without_header(self) -> Self:
        salts = self.frame(1).salts
        order = "<" if self._follows(2, salts, "<") else ">"
        return type(self)(**{**vars(self), "salts": salts, "order": order})

    @cached_property
    def synced(self) -> int:
        """The last frame that was certainly synced; it ends a commit. 0 if there is none."""
        behind = self.frame(self.count)
        for number in range(self.count - 1, 0, -1):
            frame = self.frame(number)
            has_salts = frame.salts == behind.salts == self.salts
            if has_salts and frame.is_commit and self.is_intact(number + 1) and self._ends_commit(number):
                return number
            behind = frame
        return 0

    def _ends_commit(self, number: int) -> bool:
        """Whether frame `number`, whose checksum the next one confirms, really ends a commit.

        A header within one sector was written with its checksum; of one that lies in two, half may be older.
        """
        start = self.end_of(number - 1)
        is_in_one_sector = start // _SECTOR_BYTES == (start + _FRAME_HEADER_BYTES - 1) // _SECTOR_BYTES
        return is_in_one_sector or self.is_intact(number)

    def is_intact(self, number: int) -> bool:
        """Whether frame `number` belongs to this run through the log and matches its checksum."""
        return self._follows(number, self.salts, self.order)

    def first_damaged(self, *, after: int) -> int | None:
        """The first frame behind frame `after`, and up to the last synced one, that does not match its checksum."""
        numbers = range(after + 1, self.synced + 1)
        return next((number for number in numbers if not self.is_intact(number)), None)

    def commits(self, *, after: int) -> int:
        """How many commits behind frame `after` were certainly synced."""
        return sum(frame.is_commit for _, frame in self._frames(after, self.synced))

    def is_ahead(self, *, after: int, page_of: Callable[[int], bytes]) -> bool:
        """Whether the database, whose pages `page_of` returns, has a page from behind frame `after`.

        Then a checkpoint wrote that page, and older frames of the same page must not be read any more.
        """
        before = {frame.page: number for number, frame in self._frames(0, after)}
        for number, frame in self._frames(after, self.count):
            page = self._page(number)
            if frame.page > 0 and page_of(frame.page) == page and self.is_intact(number):
                older = before.get(frame.page)
                if older is None or self._page(older) != page:
                    return True
        return False

    def end_of(self, number: int) -> int:
        """The offset at which frame `number` ends; for 0, the offset of the first frame."""
        return HEADER_BYTES + number * (_FRAME_HEADER_BYTES + self.page_bytes)

    def frame(self, number: int) -> LogFrame:
        """The header of frame `number`, which must exist."""
        header = self.read(self.end_of(number - 1), _FRAME_HEADER_BYTES)
        page, pages, salts = struct.unpack(">II8s", header[:16])
        return LogFrame(page=page, is_commit=pages != 0, salts=salts, checksum=_sum(header))

    def _frames(self, after: int, last: int) -> Iterator[tuple[int, LogFrame]]:
        for number in range(after + 1, last + 1):
            frame = self.frame(number)
            if frame.salts == self.salts:
                yield number, frame

    def _page(self, number: int) -> bytes:
        return self.read(self.end_of(number) - self.page_bytes, self.page_bytes)

    def _follows(self, number: int, salts: bytes, order: str) -> bool:
        if number > self.count:
            return False
        frame = self.frame(number)
        if frame.salts != salts:
            return False
        seed = self.header_checksum if number == 1 else self.frame(number - 1).checksum
        start = self.read(self.end_of(number - 1), 8)
        return checksum(start + self._page(number), seed=seed, order=order) == frame.checksum


def checksum(data: bytes, *, order: str, seed: Sum = (0, 0)) -> Sum:
    """The checksum of SQLite's log over `data`, pairs of 32-bit words in `order`, continued from `seed`."""
    first, second = seed
    for one, other in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second


def _sum(header: bytes) -> Sum:
    """The checksum stored at the end of a header, of the log or of a frame."""
    return int.from_bytes(header[-8:-4], "big"), int.from_bytes(header[-4:], "big")

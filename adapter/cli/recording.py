"""Reads recorded events from lines of a file or of a service, in constant memory, with a progress bar on a terminal.

A line is one JSON object: a line of `export`, or a bare message as a sender sends it. Each line shows which. Messages
are read as a webhook would read them, without a check by their schema.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import BinaryIO, Final

from adapter.cli.ndjson import progress
from adapter.cli.unwrap import unwrap
from adapter.errors import ConfigError
from adapter.ingest.decode import Body, decode
from adapter.ingest.read import read_unchecked
from adapter.model import Event, JsonObject
from adapter.printable import printable
from adapter.privacy.storage import marked
from adapter.wire.instants import parse_instant

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""So a file without line ends cannot fill the memory. Messages are far smaller: `limits.message` is 512 KB."""
MAX_REPORTED: Final = 20
"""Unreadable lines that are reported one by one."""

_EXPORTED: Final = frozenset({"source", "receivedAt", "message"})
_LINES_A_STEP: Final = 256
"""Updating the bar costs as much as reading a line."""
_UNREADABLE: Final = {
    "json": "not JSON; each line must be one message",
    "encoding": "not UTF-8 text",
    "type": "not a JSON object; each line must be one message",
}
"""The decoder's errors about a body, worded for a line."""


class EventRecording:
    """The events in `lines` of the file or service `name`, `size` bytes in all: iterate once, then call `complete`.
    `now` is the receipt if none is recorded; `nothing` says that there are no events.

    A line that cannot be read is skipped, and reported by `complete`.
    """

    def __init__(
        self,
        lines: Iterable[bytes],
        *,
        name: str,
        now: datetime,
        size: int | None = None,
        nothing: str = "contains no events",
    ) -> None:
        self.read = 0
        self.unread = 0
        self._raw_lines = lines
        self._name = printable(name)
        self._size = size
        self._nothing = nothing
        self._now = now
        self._lines = 0
        self._reported: list[str] = []

    def __iter__(self) -> Iterator[Event]:
        """Each event in turn. Raises what `lines` raises."""
        read_bytes = 0
        with progress(self._name, self._size, in_bytes=True, transient=True) as show:
            for line in self._raw_lines:
                self._lines += 1
                read_bytes += len(line)
                if self._lines % _LINES_A_STEP == 0:
                    show(read_bytes)
                found = self._event(line) if line.strip() else None
                if isinstance(found, Event):
                    self.read += 1
                    yield found
                elif found is not None:
                    self._note(found)

    def complete(self) -> None:
        """Raises ConfigError, with file and line, if lines could not be read, or if there were no events."""
        if self.unread:
            left_out = f"{self._name}: {self.unread} of {self._lines} lines cannot be read; the result is without them"
            raise ConfigError("\n".join([*self._reported, left_out]), is_listing=True)
        if not self.read:
            raise ConfigError(f"{self._name}: {printable(self._nothing)}")

    def _event(self, line: bytes) -> Event | str:
        """The event of one line, or what is wrong with it."""
        if len(line) > MAX_LINE_BYTES:
            return f"longer than {MAX_LINE_BYTES} bytes; each line must be one message"
        body = decode(line)
        if not isinstance(body, Body):
            return _UNREADABLE.get(body.keyword, body.message)
        if not body.is_single:
            return _UNREADABLE["type"]
        return recorded(body.messages[0], now=self._now, place=f"{self._name}:{self._lines}")

    def _note(self, problem: str) -> None:
        self.unread += 1
        if len(self._reported) < MAX_REPORTED:
            self._reported.append(f"{self._name}:{self._lines}: {problem}")


def recording_of(file: BinaryIO, *, now: datetime) -> EventRecording:
    """The events in `file`. Reading raises ConfigError if the file cannot be read."""
    name = str(getattr(file, "name", "<stdin>"))
    return EventRecording(_lines_of(file, printable(name)), name=name, now=now, size=_size(file))


def _lines_of(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Lines with their ends; of a line that is too long, just enough to show that."""
    while True:
        try:
            line = rest = file.readline(MAX_LINE_BYTES + 1)
            while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE_BYTES + 1)
        except OSError as cause:
            raise ConfigError(f"cannot read {name}: {cause.strerror}") from cause
        if not line:
            return
        yield line


def recorded(held: JsonObject, *, now: datetime, place: str) -> Event | str:
    """The event of a line of `export`, of the output of our commands (`adapter.cli.unwrap`), or of a bare message
    received `now`; or what is wrong with it.

    `place` replaces a missing id. The guards that a line names are not applied again.
    """
    opened = unwrap(held)
    if isinstance(opened, str):
        return opened
    held, _ = opened
    if not held.keys() >= _EXPORTED or "type" in held:
        return read_unchecked(held, source="test", received_at=now, new_id=lambda: place)
    source, received_at, message = held["source"], parse_instant(held["receivedAt"]), held["message"]
    if not isinstance(source, str) or received_at is None or not isinstance(message, dict):
        return "not as `export` writes it: source, a text; receivedAt, a date; message, an object"
    event = read_unchecked(message, source=source, received_at=received_at, new_id=lambda: place)
    return marked(event, held.get("privacy"))


def _size(file: BinaryIO) -> int | None:
    """The size of a regular file in bytes; None for a pipe, whose size is unknown."""
    with suppress(OSError):
        found = os.fstat(file.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else None
    return None

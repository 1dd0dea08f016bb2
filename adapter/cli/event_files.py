"""Reads files of events: lines of `export`, or bare messages as a sender wrote them, some at a time. Sends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import BinaryIO

import orjson

from adapter.model import JsonObject
from adapter.privacy.storage import MARK
from adapter.wire.instants import parse_instant

_WINDOW_BYTES = 500_000
_WINDOW_LINES = 500


@dataclass(slots=True)
class Window:
    """Some lines of a file, read up to byte `end`: the messages of each source in order, as JSON, and the numbers of
    lines without a message. `oldest` is the earliest time in the messages.
    """

    end: int
    lines: int
    messages: dict[str, list[bytes]] = field(default_factory=dict)
    broken: list[int] = field(default_factory=list)
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How lines are read: only those of source `only`, if given; all of them as of source `sent_as`, if given.

    `bare` is the source of lines that are a message and name no source.
    """

    only: str | None = None
    sent_as: str | None = None
    bare: str = "default"


def windows(file: BinaryIO, reading: Reading, *, start: int = 0, lines: int = 0) -> Iterator[Window]:
    """The file from byte `start`, before which there are `lines`, to its end."""
    file.seek(start)
    window = Window(start, lines)
    for line in file:
        _take(line, window, reading)
        window.lines += 1
        window.end += len(line)
        if window.end - start >= _WINDOW_BYTES or window.lines - lines >= _WINDOW_LINES:
            yield window
            start, lines = window.end, window.lines
            window = Window(start, lines)
    if window.end > start:
        yield window


def _take(line: bytes, window: Window, reading: Reading) -> None:
    if not line.strip():
        return
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        window.broken.append(window.lines + 1)
        return
    source, message = _opened(value, reading.bare)
    if reading.only in (None, source):
        at = parse_instant(message.get("timestamp")) or parse_instant(message.get("originalTimestamp"))
        if at is not None and (window.oldest is None or at < window.oldest):
            window.oldest = at
        encoded = orjson.dumps(_with_id(message, line, window.end))
        window.messages.setdefault(reading.sent_as or source, []).append(encoded)


def _opened(value: JsonObject, bare: str) -> tuple[str, JsonObject]:
    match value:
        case {"source": str() as source, "message": dict() as message, "privacy": privacy}:
            return source, {**message, MARK: privacy}
        case {"source": str() as source, "message": dict() as message}:
            return source, message
        case _:
            return bare, value


def _with_id(message: JsonObject, line: bytes, offset: int) -> JsonObject:
    # A message without id and time would be another event each time it is sent. With an id made of its place in the
    # file it stays the same event when sending continues after an interruption.
    if any(message.get(name) is not None for name in ("messageId", "timestamp", "originalTimestamp")):
        return message
    digest = blake2b(offset.to_bytes(8) + line.strip(), digest_size=16)
    return {**message, "messageId": digest.hexdigest()}

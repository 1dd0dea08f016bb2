"""Compressed bytes → bytes, up to a limit; and the limit of values, which bytes alone do not show. Pure.

The bytes say whether they are compressed: the header `Content-Encoding` is often wrong, and JSON never begins as gzip
or zlib.
"""

import zlib
from collections.abc import Generator

from msgspec import Struct

from adapter.model import Problem

MOST_VALUES = 1_000_000
"""Values by `_weight`; reading them takes about 150 ms. 4,000 events of Segment (4 MB) have 700,000."""

LARGE_BYTES = 100_000
"""Reading a body from this size on may take longer than others should wait; a smaller one takes at most 10 ms."""

_STEP_BYTES = 1_000_000
_COMPRESSED_HEADERS = frozenset({b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"})
"""The first bytes of gzip (the first) and zlib streams; JSON never begins with them."""

_NO_MARKS = bytes(set(range(256)) - set(b"[{,:"))
_EITHER_FORMAT = zlib.MAX_WBITS | 32


class TooLarge(Struct, frozen=True):
    """The body, inflated, is larger than allowed; `limit` says what is allowed."""

    limit: str


def values_limit(max_values: int) -> str:
    """The limit of values, in words."""
    return f"at most {max_values} values are taken, of which an object or array counts as four"


def is_compressed(raw: bytes) -> bool:
    """Whether `raw` begins as a gzip or zlib stream does."""
    return raw[:2] in _COMPRESSED_HEADERS


def inflating(
    raw: bytes, *, max_bytes: int, max_values: int = MOST_VALUES
) -> Generator[None, None, bytes | Problem | TooLarge]:
    """Inflate the gzip or zlib stream `raw`, in steps of about a millisecond.

    Never makes more than `max_bytes`, and stops if there are more values than `has_too_many_values` allows.
    """
    stream = zlib.decompressobj(_EITHER_FORMAT)
    parts: list[bytes] = []
    left, room, weight = raw, max_bytes, 0
    while True:
        try:
            part = stream.decompress(left, min(_STEP_BYTES, room + 1))
        except zlib.error:
            return Problem("", "gzip", "the compressed body is damaged")
        parts.append(part)
        left, room = stream.unconsumed_tail, room - len(part)
        if room < 0:
            return TooLarge(f"at most {max_bytes} bytes are taken after decompression")
        if stream.eof or not part:
            break
        weight += _weight(part)
        if weight > max_values:
            return TooLarge(values_limit(max_values))
        yield
    # One stream in a body: many tiny ones would cost time without limit, and no sender makes them.
    if not stream.eof or stream.unused_data:
        return Problem("", "gzip", "the compressed body is not one whole gzip stream")
    return b"".join(parts)


def inflated(raw: bytes, *, max_bytes: int) -> bytes | Problem | TooLarge:
    """The same at once, for a small `max_bytes`."""
    steps = inflating(raw, max_bytes=max_bytes)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: bytes | Problem | TooLarge = end.value
            return found


def has_too_many_values(raw: bytes, *, max_values: int = MOST_VALUES) -> bool:
    """Whether reading `raw` would take far more time and memory than its size suggests.

    20 KB of gzip inflate to 20 MB of empty arrays, which would take 9 s to read and 600 MB to hold. Counting the
    characters that begin and separate values shows that before reading. Characters within texts count too, but no real
    body comes near the limit.
    """
    # A body weighs at most four times its bytes, so most need no counting.
    return len(raw) >= LARGE_BYTES and 4 * len(raw) > max_values and _weight(raw) > max_values


def _weight(raw: bytes) -> int:
    """The most values that `raw` may hold: an object or array takes as long as four others."""
    # Removing all other characters first takes a third of the time of counting in the whole body.
    marks = raw.translate(None, _NO_MARKS)
    return len(marks) + 3 * (marks.count(b"[") + marks.count(b"{"))

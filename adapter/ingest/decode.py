"""Raw bytes → messages. Pure. Ignores Content-Type and Content-Encoding, which are often wrong.

Browser SDKs send JSON as text/plain, RudderStack's Node SDK as a gzipped form, Python SDKs with bare NaN. So the bytes
decide: bytes that begin like gzip or zlib are inflated (JSON never begins so), and JSON or almost JSON is read.
"""

import codecs
import json
import math
import re
import zlib
from collections.abc import Generator, Sequence
from typing import Any

import orjson
from msgspec import Struct

from adapter.model import JsonObject, Problem

MAX_DEPTH = 200
"""The most levels of objects and arrays, the body's own included. Stored messages are encoded again, and orjson encodes
254 levels; RudderStack documents 200."""
_ENCODED_DEPTH = 254

MOST_VALUES = 1_000_000
"""Values by `_weight`; reading them takes about 150 ms. 4,000 events of Segment (4 MB) have 700,000."""

_MOST_LINES = 10_000
"""As many as messages in one request; each line is read by itself, in about 5 µs even if it is bad."""

LARGE_BYTES = 100_000
"""Reading a body from this size on may take longer than others should wait; a smaller one takes at most 10 ms."""

_STEP_BYTES = 1_000_000
_COUNTED_BYTES = 20_000

_COMPRESSED_HEADERS = frozenset({b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"})
"""The first bytes of gzip (the first) and zlib streams; JSON never begins with them."""

_NO_MARKS = bytes(set(range(256)) - set(b"[{,:"))
_EITHER_FORMAT = zlib.MAX_WBITS | 32
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGERS = range(-(2**63), 2**64)
_NOTHING: JsonObject = {}


class Body(Struct, frozen=True):
    """The contents of one request.

    `messages` are of any JSON type, as a member of an array may be, or `Unread`. Null members are left out, because
    they stand for an event whose data was missing. `envelope` has the fields of a `{"batch": […]}` beside its batch,
    else it is empty. `is_single` is True for one bare object. `repaired` counts values that are not JSON: NaN and
    infinities, now null, and lone surrogates, now U+FFFD.
    """

    messages: Sequence[Any]
    envelope: JsonObject
    is_single: bool
    repaired: int


class Unread(Struct, frozen=True):
    """A member of a body that contains no message: `raw` is its bytes."""

    raw: bytes
    problem: Problem


class TooLarge(Struct, frozen=True):
    """The body, inflated, is larger than allowed."""


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
            return TooLarge()
        if stream.eof or not part:
            break
        weight += _weight(part)
        if weight > max_values:
            return TooLarge()
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


def decode(raw: bytes) -> Body | Problem:
    """The messages in `raw`: an object, an array, an array of `{"json": {…}}`, `{"batch": […]}`, or lines with an
    object each (NDJSON). Never raises.
    """
    repaired = 0
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        lenient = _decode_leniently(raw)
        if isinstance(lenient, Problem):
            return _lines(raw) or lenient
        value, repaired = lenient
    # A small body rarely has so many brackets, and counting them is cheapest; a large body is a batch.
    if (len(raw) > _COUNTED_BYTES or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH) and depth_exceeds(value, MAX_DEPTH):
        return _too_deep()
    return _unpacked(value, repaired)


def _lines(raw: bytes) -> Body | Problem | None:
    """The messages in lines with an object each, whatever the Content-Type; None if `raw` is not NDJSON.

    It is NDJSON if the first line that is not blank is a whole object, or if each line begins as an object and one of
    them is whole. Any other line is then a bad one. A batch that is cut off or has a comma too many is not NDJSON: its
    first line, `{"batch": [`, is not an object, and its last does not begin as one.
    """
    lines = [line for line in raw.removeprefix(codecs.BOM_UTF8).split(b"\n") if not line.isspace() and line]
    if len(lines) < 2 or not lines[0].lstrip().startswith(b"{"):
        return None
    if len(lines) > _MOST_LINES:
        return Problem("", "maxItems", f"a body of lines must have at most {_MOST_LINES}")
    first, repaired = _line(lines[0])
    if isinstance(first, Unread) and not all(line.lstrip().startswith(b"{") for line in lines):
        return None
    messages = [first]
    for line in lines[1:]:
        message, more = _line(line)
        messages.append(message)
        repaired += more
    if all(isinstance(message, Unread) for message in messages):
        return None
    return Body(messages, _NOTHING, False, repaired)


def _line(line: bytes) -> tuple[Any, int]:
    """The object in a line, and how many of its values were repaired; `Unread` if there is no object."""
    read = _decode_leniently(line)
    if isinstance(read, Problem):
        return Unread(line, Problem("", read.keyword, "a line must be a JSON object; this one is not JSON")), 0
    value, repaired = read
    if not isinstance(value, dict):
        return Unread(line, Problem("", "type", "a line must be a JSON object")), 0
    return value, repaired


def _unpacked(value: Any, repaired: int) -> Body | Problem:
    if isinstance(value, list):
        messages = [_unwrapped(item) if type(item) is dict and len(item) == 1 else item for item in value]
        return Body([message for message in messages if message is not None], _NOTHING, False, repaired)
    if not isinstance(value, dict):
        return Problem("", "type", "the body must be a JSON object or array")
    batch = value.get("batch")
    if not isinstance(batch, list):
        return Body((value,), _NOTHING, True, repaired)
    envelope = {name: held for name, held in value.items() if name != "batch"}
    return Body([item for item in batch if item is not None], envelope, False, repaired)


def _unwrapped(item: JsonObject) -> Any:
    """Segment's Extensible Webhook wraps each member of its arrays (seen on the wire of its package 3.497.0)."""
    inner = item.get("json")
    return inner if isinstance(inner, dict) else item


def _decode_leniently(raw: bytes) -> tuple[Any, int] | Problem:
    """Read what JavaScript's and Python's encoders emit beside JSON, by Python's json, and make JSON of it."""
    nulled: list[str] = []

    def finite(digits: str) -> float | None:
        value = float(digits)
        if math.isfinite(value):
            return value
        nulled.append(digits)
        return None

    def integer(digits: str) -> int | float | None:
        # As orjson does: integers beyond 64 bits become floats.
        if len(digits) <= 20 and (exact := int(digits)) in _INTEGERS:
            return exact
        return finite(digits)

    try:
        # Some .NET senders begin with a byte order mark.
        text = raw.decode("utf-8-sig")
        value = json.loads(text, parse_constant=nulled.append, parse_float=finite, parse_int=integer)
    except UnicodeDecodeError:
        return Problem("", "encoding", "the body must be UTF-8")
    except json.JSONDecodeError as error:
        return Problem("", "json", f"the body must be JSON; it is not at line {error.lineno}, column {error.colno}")
    except RecursionError:
        return _too_deep()
    if depth_exceeds(value, MAX_DEPTH):
        return _too_deep()
    if b"\\u" not in raw:
        return value, len(nulled)
    repaired, replaced = _without_surrogates(value)
    return repaired, replaced + len(nulled)


def _without_surrogates(value: Any) -> tuple[Any, int]:
    """`value` with U+FFFD for each lone surrogate, and their number. json has joined the pairs, so the rest are
    lone.
    """
    if isinstance(value, str):
        return _LONE_SURROGATE.subn("\ufffd", value)
    if isinstance(value, list):
        members = [_without_surrogates(member) for member in value]
        return [member for member, _ in members], sum(count for _, count in members)
    if isinstance(value, dict):
        pairs = [(_without_surrogates(name), _without_surrogates(held)) for name, held in value.items()]
        repaired = {name: held for (name, _), (held, _) in pairs}
        return repaired, sum(of_name + of_held for (_, of_name), (_, of_held) in pairs)
    return value, 0


def depth_exceeds(value: Any, max_depth: int) -> bool:
    """Whether `value` has more than `max_depth` levels of objects and arrays; `max_depth` is up to 254.

    orjson refuses values beyond its own limit, so encoding shows the depth in an eighth of the time of a walk: within
    as many arrays as the limit exceeds `max_depth`, a value that is too deep is beyond the limit.
    """
    enclosed = value
    for _ in range(_ENCODED_DEPTH - max_depth):
        enclosed = [enclosed]
    try:
        orjson.dumps(enclosed)
    except orjson.JSONEncodeError:
        return _is_deeper(value, max_depth)  # it refuses lone surrogates too
    return False


def _is_deeper(value: Any, max_depth: int) -> bool:
    """The same by a walk, level by level, so that depth costs no stack."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [
            member
            for container in level
            for member in (container.values() if isinstance(container, dict) else container)
            if isinstance(member, (dict, list))
        ]
        if not level:
            return False
    return True


def _too_deep() -> Problem:
    return Problem("", "depth", f"the body must not nest deeper than {MAX_DEPTH} objects and arrays")

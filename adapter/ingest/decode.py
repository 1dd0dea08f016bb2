"""Raw bytes → messages. Pure. Ignores Content-Type and Content-Encoding, which are often wrong.

Browser SDKs send JSON as text/plain, RudderStack's Node SDK as a gzipped form, Python SDKs with bare NaN. So the bytes
decide: what is compressed is inflated (inflate.py), and JSON or almost JSON is read.
"""

import codecs
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import orjson
from msgspec import Struct

from adapter.ingest.inflate import has_too_many_values
from adapter.ingest.validate import kind_of
from adapter.model import JsonObject, Problem

MAX_DEPTH = 200
"""The most levels of objects and arrays, the body's own included. Stored messages are encoded again, and orjson encodes
254 levels; RudderStack documents 200."""
_ENCODED_DEPTH = 254

_MOST_LINES = 10_000
"""As many as messages in one request; each line is read by itself, in about 5 µs even if it is bad."""

_COUNTED_BYTES = 20_000

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGERS = range(-(2**63), 2**64)
_NOTHING: JsonObject = {}
_EMPTY = Problem("", "json", "the body is empty; it must be a JSON object or array")
_TOO_MANY_LINES = Problem("", "maxItems", f"a body of lines must have at most {_MOST_LINES}")


class Body(Struct, frozen=True):
    """The contents of one request.

    `messages` are of any JSON type, as a member of an array may be, or `Unread`. Null members are left out, because
    they stand for an event whose data was missing. `envelope` has the fields of a `{"batch": […]}` beside its batch,
    else it is empty. `is_single` is True for one bare object. `repaired` counts values that are not JSON: lone
    surrogates, now U+FFFD, and NaN and infinities, which stay in the messages until `fields.clean` replaces them and
    names the field.
    """

    messages: Sequence[Any]
    envelope: JsonObject
    is_single: bool
    repaired: int


class Unread(Struct, frozen=True):
    """A member of a body that contains no message: `raw` is its bytes."""

    raw: bytes
    problem: Problem


def decode(raw: bytes) -> Body | Problem:
    """The messages in `raw`: an object, an array, an array of `{"json": {…}}`, `{"batch": […]}`, or lines with an
    object each (NDJSON). Never raises.
    """
    repaired = 0
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # Python's json takes several times as long, so a body is read by it only up to a third of the largest size.
        is_small = not has_too_many_values(raw)
        lenient = _decode_leniently(raw) if is_small else _not_json(error)
        if isinstance(lenient, Problem):
            return _lines(raw, is_lenient=is_small) or lenient
        value, repaired = lenient
    # A small body rarely has so many brackets, and counting them is cheapest; a large body is a batch.
    if (len(raw) > _COUNTED_BYTES or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH) and depth_exceeds(value, MAX_DEPTH):
        return _too_deep()
    return _unpacked(value, repaired)


def _lines(raw: bytes, *, is_lenient: bool) -> Body | None:
    """The messages in lines with an object each, whatever the Content-Type; None if `raw` is not NDJSON.

    It is NDJSON if the first line that is not blank is a whole object, or if each line begins as an object and one of
    them is whole. Any other line is then a bad one. A batch that is cut off or has a comma too many is not NDJSON: its
    first line, `{"batch": [`, is not an object, and its last does not begin as one.
    """
    lines = [line for line in raw.removeprefix(codecs.BOM_UTF8).split(b"\n") if not line.isspace() and line]
    if len(lines) < 2 or not lines[0].lstrip().startswith(b"{"):
        return None
    if len(lines) > _MOST_LINES:
        # None of them is read: a request of so many messages is refused.
        return Body([Unread(line, _TOO_MANY_LINES) for line in lines], _NOTHING, False, 0)
    first, repaired = _line(lines[0], is_lenient)
    if isinstance(first, Unread) and not all(line.lstrip().startswith(b"{") for line in lines):
        return None
    messages = [first]
    for line in lines[1:]:
        message, more = _line(line, is_lenient)
        messages.append(message)
        repaired += more
    if all(isinstance(message, Unread) for message in messages):
        return None
    return Body(messages, _NOTHING, False, repaired)


def _line(line: bytes, is_lenient: bool) -> tuple[Any, int]:
    """The object in a line, and how many of its values were repaired; `Unread` if there is no object."""
    read: tuple[Any, int] | Problem
    try:
        read = orjson.loads(line), 0
    except orjson.JSONDecodeError as error:
        read = _decode_leniently(line) if is_lenient else _not_json(error)
    if isinstance(read, Problem):
        return Unread(line, Problem("", read.keyword, "a line must be a JSON object; this one is not JSON")), 0
    value, repaired = read
    if not isinstance(value, dict):
        return Unread(line, Problem("", "type", f"a line must be a JSON object, not {kind_of(value)}")), 0
    if depth_exceeds(value, MAX_DEPTH):
        return Unread(line, _too_deep()), 0
    return value, repaired


def _unpacked(value: Any, repaired: int) -> Body | Problem:
    if isinstance(value, list):
        messages = [_unwrapped(item) if type(item) is dict and len(item) == 1 else item for item in value]
        return Body([message for message in messages if message is not None], _NOTHING, False, repaired)
    if not isinstance(value, dict):
        return Problem("", "type", f"the body must be a JSON object or array, not {kind_of(value)}")
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
    odd: list[str] = []

    def real(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            odd.append(digits)
        return value

    def constant(name: str) -> float:
        odd.append(name)
        return float(name)

    def integer(digits: str) -> int | float:
        # As orjson does: integers beyond 64 bits become floats.
        if len(digits) <= 20 and (exact := int(digits)) in _INTEGERS:
            return exact
        return real(digits)

    try:
        # Some .NET senders begin with a byte order mark.
        text = raw.decode("utf-8-sig")
        value = json.loads(text, parse_constant=constant, parse_float=real, parse_int=integer)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is not"
        return Problem("", "encoding", f"the body must be UTF-8, as it is or compressed by gzip or zlib; {where}")
    except json.JSONDecodeError as error:
        return _not_json(error) if raw.strip() else _EMPTY
    except RecursionError:
        return _too_deep()
    if depth_exceeds(value, MAX_DEPTH):
        return _too_deep()
    if b"\\u" not in raw:
        return value, len(odd)
    repaired, replaced = _without_surrogates(value)
    return repaired, replaced + len(odd)


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


def _not_json(error: json.JSONDecodeError) -> Problem:
    return Problem("", "json", f"the body must be JSON; it is not at line {error.lineno}, column {error.colno}")


def _too_deep() -> Problem:
    return Problem("", "depth", f"the body must not nest deeper than {MAX_DEPTH} objects and arrays")

"""Bytes → messages: every shape a sender was seen to post, and what hostile ones post."""

import gzip
import json
import time
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.ingest.decode import MAX_DEPTH, Body, Unread, decode, depth_exceeds
from adapter.ingest.inflate import TooLarge, has_too_many_values, inflated, is_compressed
from adapter.model import Problem

A, B = {"type": "track", "event": "A"}, {"type": "track", "event": "B"}


def inflate(raw: bytes, *, max_bytes: int) -> bytes | Problem | TooLarge:
    return inflated(raw, max_bytes=max_bytes) if is_compressed(raw) else raw


def body(raw: bytes) -> Body:
    decoded = decode(raw)
    assert isinstance(decoded, Body), decoded
    return decoded


def problem(raw: bytes) -> Problem:
    decoded = decode(raw)
    assert isinstance(decoded, Problem), decoded
    return decoded


@pytest.mark.parametrize(
    ("value", "messages", "envelope", "is_single"),
    [
        (A, [A], {}, True),
        ([A, B], [A, B], {}, False),
        ([None, A, {}, 5], [A, {}, 5], {}, False),
        ([{"json": A}, B, {"json": 1}, {"json": A, "x": 1}], [A, B, {"json": 1}, {"json": A, "x": 1}], {}, False),
        ({"batch": [A, None, B], "sentAt": "x"}, [A, B], {"sentAt": "x"}, False),
        ({"batch": []}, [], {}, False),
        ([], [], {}, False),
        ({"batch": "not a list"}, [{"batch": "not a list"}], {}, True),
    ],
    ids=["object", "array", "nulls left out", "wrapped", "batch", "empty batch", "empty array", "a field named batch"],
)  # fmt: skip
def test_the_messages_of_every_shape(
    value: Any, messages: list[Any], envelope: dict[str, Any], is_single: bool
) -> None:
    """Object, array, wrapped array and batch all come down to messages and what stood around them."""
    decoded = body(json.dumps(value).encode())
    assert (list(decoded.messages), decoded.envelope, decoded.is_single) == (messages, envelope, is_single)
    assert decoded.repaired == 0


@pytest.mark.parametrize(
    ("raw", "value", "repaired"),
    [
        (b'{"a":NaN,"b":[Infinity,-Infinity]}', {"a": None, "b": [None, None]}, 3),
        (b'{"a":1e999,"b":-1e999}', {"a": None, "b": None}, 2),
        (b'{"a":NaN,"b":' + b"9" * 5000 + b"}", {"a": None, "b": None}, 2),
        (rb'{"a":"x\ud800y","\udc00":["\ud83d\ude00",7]}', {"a": "x�y", "�": ["😀", 7]}, 2),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}, 0),
        (b'{"a":1,"a":2}', {"a": 2}, 0),
        (b'{"a":1,"a":2,"b":NaN}', {"a": 2, "b": None}, 1),
        (b'{"a":NaN,"b":18446744073709551615}', {"a": None, "b": 2**64 - 1}, 1),
        (b'{"a":NaN,"b":18446744073709551616,"c":1.5}', {"a": None, "b": float(2**64), "c": 1.5}, 1),
    ],
    ids=[
        "NaN and infinities", "beyond a double", "5000 digits", "lone surrogates", "byte order mark", "duplicate keys",
        "duplicate keys beside NaN", "64 bits", "beyond 64 bits",
    ],
)  # fmt: skip
def test_what_is_nearly_json_is_repaired_and_counted(raw: bytes, value: Any, repaired: int) -> None:
    """Python's and JavaScript's encoders write these; what is not JSON is null or U+FFFD once encoded, and counted."""
    assert (orjson.loads(orjson.dumps(body(raw).messages[0])), body(raw).repaired) == (value, repaired)


@pytest.mark.parametrize(
    ("raw", "keyword"),
    [
        (b"", "json"), (b"{", "json"), (b"a=1&b=2", "json"), (b'{"a":1} x', "json"), (b"{'a':1}", "json"),
        (b"\xff\xfe{}", "encoding"), (b'{"a":"\xff"}', "encoding"), (b'{"a":"\xed\xa0\x80"}', "encoding"),
        (b"null", "type"), (b"5", "type"), (b'"x"', "type"), (b"true", "type"), (b"NaN", "type"),
        (b"[" * 10_000 + b"]" * 10_000, "depth"), (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "depth"),
        (b'{"a":NaN,"b":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "depth"),
        (b"[NaN," + b"[" * 300 + b"]" * 300 + b"]", "depth"),
        (b"[" * 10_000, "depth"),
    ],
    ids=lambda value: repr(value)[:24],
)  # fmt: skip
def test_what_holds_no_message_is_a_problem(raw: bytes, keyword: str) -> None:
    """Never an exception, however deep it nests, and never a word of the body in the answer."""
    found = problem(raw)
    assert (found.pointer, found.keyword) == ("", keyword)
    assert "a=1" not in found.message


@pytest.mark.parametrize(
    ("raw", "keyword", "message"),
    [
        (b"", "json", "the body is empty; it must be a JSON object or array"),
        (b" \r\n", "json", "the body is empty; it must be a JSON object or array"),
        (b"5", "type", "the body must be a JSON object or array, not a number"),
        (b'"{}"', "type", "the body must be a JSON object or array, not text"),
        (b'{"a":"\xe9"}', "encoding", "the body must be UTF-8, as it is or compressed by gzip or zlib; byte 7 is not"),
        (b"\x8b\x02\x80", "encoding", "the body must be UTF-8, as it is or compressed by gzip or zlib; byte 1 is not"),
        (b'{"a":1,}', "json", "the body must be JSON; it is not at line 1, column 8"),
    ],
)
def test_a_refusal_names_the_place_what_is_there_and_what_is_allowed(raw: bytes, keyword: str, message: str) -> None:
    """An operator who reads it at the sender's end has nothing else."""
    assert problem(raw) == Problem("", keyword, message)


def test_a_body_of_very_many_values_must_be_json() -> None:
    """Python's json, which reads what is nearly JSON, would take seconds for it."""
    numbers = b"[" + b"1," * 1_000_001
    assert isinstance(decode(numbers + b"2]"), Body)
    assert problem(numbers + b"NaN]").keyword == "json"
    lines = decode(b'{"a":[' + b"1," * 1_000_001 + b'2]}\n{"a":NaN}\n{"b":[1]}')
    assert isinstance(lines, Body)
    assert [isinstance(line, Unread) for line in lines.messages] == [False, True, False]


@pytest.mark.parametrize(("depth", "is_read"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)], ids=["at", "beyond"])
def test_the_depth_limit(depth: int, is_read: bool) -> None:
    """What is read can be encoded again; breadth is not depth."""
    deep = b"[" * depth + b"]" * depth
    assert isinstance(decode(deep), Body) is is_read
    assert isinstance(decode(b"[" + b"[]," * 1000 + b"[]]"), Body)


@pytest.mark.parametrize("padding", [b"", b"x" * 100_000], ids=["small", "large"])
@pytest.mark.parametrize("is_repaired", [False, True], ids=["JSON", "repaired"])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"a":', b"}"), (b'["]]]",', b"]"), (b'{"}]":"]}]","a":', b"}")],
    ids=["arrays", "objects", "arrays with brackets in texts", "objects with brackets in texts"],
)
def test_brackets_in_texts_hide_no_depth(opening: bytes, closing: bytes, is_repaired: bool, padding: bytes) -> None:
    """The limit is exact for a body of any size, and for one that is not quite JSON."""
    value = b"NaN" if is_repaired else b"1"

    def nested(depth: int) -> bytes:
        return b'{"text":"' + padding + b'","deep":' + opening * (depth - 1) + value + closing * (depth - 1) + b"}"

    assert isinstance(decode(nested(MAX_DEPTH)), Body)
    assert problem(nested(MAX_DEPTH + 1)).keyword == "depth"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.one_of(st.binary(), json_values.map(lambda value: json.dumps(value).encode())))
def test_nothing_raises_and_what_is_read_is_json(raw: bytes) -> None:
    """Any bytes end in messages that orjson can encode, or in a problem."""
    decoded = decode(raw)
    if isinstance(decoded, Body):
        orjson.dumps(decoded.messages)


def depth_of(value: Any) -> int:
    """Objects and arrays within each other."""
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


@settings(deadline=None)
@given(json_values, st.integers(0, 300), st.booleans(), st.integers(1, 254), st.booleans())
def test_the_depth_is_what_a_walk_finds(inner: Any, around: int, in_objects: bool, most: int, at_limit: bool) -> None:
    """For any value, those that orjson cannot encode included, and for every limit."""
    value = inner
    for _ in range(around):
        value = {"a": value, "b": []} if in_objects else [value, "]"]
    depth = depth_of(value)
    if at_limit:
        most = max(1, min(254, depth - most % 2))
    assert depth_exceeds(value, most) is (depth > most)


PLAIN = b'{"event":"' + b"x" * 1000 + b'"}'


@pytest.mark.parametrize(
    ("raw", "inflated"),
    [
        (PLAIN, PLAIN),
        (b"", b""),
        (gzip.compress(PLAIN), PLAIN),
        (zlib.compress(PLAIN), PLAIN),
        (gzip.compress(PLAIN[:100]), PLAIN[:100]),
        (gzip.compress(b"x" * 1013), TooLarge("at most 1012 bytes are taken after decompression")),
        (gzip.compress(b"\0" * 50_000_000), TooLarge("at most 1012 bytes are taken after decompression")),
        (gzip.compress(b"[]," * 400_000), TooLarge("at most 1012 bytes are taken after decompression")),
    ],
    ids=["plain", "empty", "gzip", "zlib", "short gzip", "one byte too many", "bomb", "arrays"],
)
def test_the_bytes_say_whether_they_are_compressed(raw: bytes, inflated: object) -> None:
    """No header is asked: gzip that does not say so is inflated, plain JSON that claims gzip is not."""
    assert inflate(raw, max_bytes=len(PLAIN)) == inflated


@pytest.mark.parametrize("size", [999_999, 1_000_000, 1_000_001, 2_000_000, 4_500_000])
def test_what_is_inflated_in_steps_is_whole(size: int) -> None:
    """A limit that is reached exactly, and sizes around that of a step, lose nothing; a byte more is too much."""
    plain = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for packed in (gzip.compress(plain, 1), zlib.compress(plain, 9)):
        assert inflate(packed, max_bytes=size) == plain
        assert isinstance(inflate(packed, max_bytes=size - 1), TooLarge)


@pytest.mark.parametrize(
    "raw",
    [
        gzip.compress(PLAIN)[:-9],
        gzip.compress(PLAIN) + b"x",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        b"\x1f\x8b nonsense",
        b"\x78\x9c",
    ],
    ids=["cut", "more behind it", "two streams", "no gzip", "header only"],
)
def test_damaged_compression_is_a_problem(raw: bytes) -> None:
    """What cannot be inflated to its end is refused, not taken in part."""
    found = inflate(raw, max_bytes=10_000)
    assert isinstance(found, Problem)
    assert found.keyword == "gzip"


BATCH = [{"type": "track", "event": "A", "userId": "u", "context": {"page": {"url": "https://a.example/b"}}} | {
    f"property_{number}": [number, {"a": None}] for number in range(10)
}]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "crammed"),
    [
        (b"[" + b"[]," * 6_000_000 + b"0]", True),
        (b"[" + b"{}," * 250_000 + b"0]", True),
        (b"[" + b"1," * 1_100_000 + b"0]", True),
        (b'{"a":[NaN' + b',"b"' * 1_100_000 + b"]}", True),
        (b'{"a":"' + b"x" * 19_000_000 + b'"}', False),
        (b"[" + b"[]," * 30_000 + b"0]", False),
        (json.dumps(BATCH * 4000, separators=(",", ":")).encode(), False),
        (b"[" * 250_001, True),
        (b"[" * 250_000, False),
    ],
    ids=[
        "arrays", "objects", "numbers", "not quite JSON", "a long text", "many in a small body", "4,000 real ones",
        "brackets alone, one too many", "brackets alone",
    ],
)  # fmt: skip
def test_what_would_take_seconds_to_read_is_known_before(raw: bytes, crammed: bool) -> None:
    """A body of 20 KB that inflates to millions of empty arrays holds up no other; the largest real batch passes."""
    assert has_too_many_values(raw) is crammed


@pytest.mark.parametrize("digits", [b"9" * 4_000_000, b"0." + b"1" * 4_000_000, b"1e" + b"9" * 4_000_000])
def test_a_number_of_millions_of_digits_is_read_in_no_time(digits: bytes) -> None:
    """Reading digits exactly takes time that grows with their square."""
    started = time.perf_counter()
    decode(b'{"a":NaN,"b":' + digits + b"}")
    assert time.perf_counter() - started < 1


# -- lines ---------------------------------------------------------------------------------------------------------

TRACK, PAGE = b'{"type":"track","event":"A"}', b'{"type":"page"}'


@pytest.mark.parametrize(
    "body",
    [
        TRACK + b"\n" + PAGE,
        TRACK + b"\r\n" + PAGE + b"\r\n",
        b"\n\n" + TRACK + b"\n \n" + PAGE + b"\n",
        b"\xef\xbb\xbf" + TRACK + b"\n" + PAGE,
    ],
    ids=["bare", "CRLF", "blank lines", "byte order mark"],
)
def test_lines_of_an_object_each_are_messages(body: bytes) -> None:
    """Vector and other log shippers send so, under any Content-Type."""
    found = decode(body)
    assert isinstance(found, Body)
    assert found == Body([{"type": "track", "event": "A"}, {"type": "page"}], {}, is_single=False, repaired=0)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        (TRACK + b'\n{"cut": "of\n' + PAGE, [b'{"cut": "of']),
        (TRACK + b"\n" + PAGE + b'\n{"type":"tra', [b'{"type":"tra']),
        (b'{"cut": \n' + TRACK + b"\n" + PAGE, [b'{"cut": ']),
        (TRACK + b"\nnull\n[1]\ngarbage\n" + PAGE, [b"null", b"[1]", b"garbage"]),
        (TRACK + b"\n{'single': 'quotes'}\n" + PAGE, [b"{'single': 'quotes'}"]),
        (TRACK + b"\n" + b'{"a":' * 300 + b"1" + b"}" * 300 + b"\n" + PAGE, [b'{"a":' * 300 + b"1" + b"}" * 300]),
    ],
    ids=["cut", "cut at the end", "the first", "no objects", "no JSON", "too deep"],
)
def test_a_bad_line_fails_alone(body: bytes, bad: list[bytes]) -> None:
    """The others are messages; the bad one is kept as it stood, with what is wrong."""
    found = decode(body)
    assert isinstance(found, Body)
    assert [message.raw for message in found.messages if isinstance(message, Unread)] == bad
    assert [message["type"] for message in found.messages if isinstance(message, dict)] == ["track", "page"]


def test_a_line_is_repaired_as_a_body_is() -> None:
    """Python's encoders write NaN into lines too."""
    found = decode(b'{"a": NaN}\n{"b": 1}')
    assert isinstance(found, Body)
    assert (orjson.loads(orjson.dumps(found.messages)), found.repaired) == ([{"a": None}, {"b": 1}], 1)


@pytest.mark.parametrize(
    "body",
    [
        b'{ "batch": [\n' + TRACK + b",\n\n," + PAGE + b'],"sentAt":"x","writeKey":"key"}',
        b'{"batch":[\n' + TRACK + b"\n,\n" + PAGE + b"\n,\n]}",
        b'{\n  "type": "track",\n  "event": "A",\n}',
        b"payload=%7B%7D\na=b",
        b"[\n" + TRACK + b"\n" + PAGE,
        b"{\n{\n{",
        b'{"cut": \n{"cut": ',
        TRACK + b" " + PAGE,
        b"\n\n",
    ],
    ids=["swift", "comma", "pretty", "form", "array", "braces", "all bad", "one line", "blank"],
)
def test_what_is_broken_otherwise_is_not_read_by_halves(body: bytes) -> None:
    """TRACK batch's members are not messages by themselves: what stands beside them would be lost."""
    assert isinstance(decode(body), Problem)


def test_lines_without_end_are_refused_unread() -> None:
    """As messages would be: other requests do not wait while a million bad lines are read."""
    found = decode(TRACK + b"\n{" * 200_000)
    assert isinstance(found, Body)
    assert len(found.messages) == 200_001
    assert {type(message) for message in found.messages} == {Unread}

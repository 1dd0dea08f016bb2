"""Recorded events are read line by line: what `export` writes and bare messages, and nothing is passed over unseen."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapter.cli.recording import MAX_LINE_BYTES, MAX_REPORTED, EventRecording, recording_of
from adapter.errors import ConfigError

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RECEIVED = datetime(2024, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)
MESSAGE = {"type": "track", "event": "Order Completed", "messageId": "m-1", "userId": " u-1 "}
EXPORTED = {"source": "shop", "receivedAt": "2024-05-01T10:00:00.500Z", "message": MESSAGE}


class Named(io.BytesIO):
    """Bytes with the name of a file and none to look at, as a terminal's input is."""

    name = "e.ndjson"


def recording(*lines: object) -> EventRecording:
    """A file with these lines: bytes as they are, all else as JSON."""
    encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return recording_of(Named(b"\n".join(encoded)), now=NOW)


def problems(read: EventRecording) -> list[str]:
    assert list(read) == []
    with pytest.raises(ConfigError) as refused:
        read.complete()
    return str(refused.value).splitlines()


def test_each_line_says_what_it_is() -> None:
    """An exported event has the source and the receipt that were recorded; a bare message was received now."""
    exported, bare = recording(EXPORTED, MESSAGE)
    assert (exported.source, exported.received_at, exported.user_id) == ("shop", RECEIVED, "u-1")
    assert exported.body == bare.body
    assert (bare.message_id, bare.received_at) == ("m-1", NOW)


def test_a_message_with_a_field_message_is_a_message() -> None:
    """Somebody's properties may sit beside words that `export` uses."""
    (event,) = recording({**EXPORTED, "type": "track", "messageId": "m-2"})
    assert event.message_id == "m-2"


def test_a_message_without_an_id_is_called_by_its_line() -> None:
    """So that it can be found, and has the same fate whenever the command runs."""
    _, event = recording(MESSAGE, {"type": "track", "event": "Clicked"})
    assert event.message_id == "e.ndjson:2"


def test_blank_lines_are_nothing() -> None:
    """Nor is the end of the last line; Windows' line ends are ends too."""
    read = recording(b"", json.dumps(MESSAGE).encode() + b"\r", b"  ", b"")
    assert len(list(read)) == 1
    read.complete()


def test_what_a_webhook_takes_is_read() -> None:
    """Near misses of JSON that senders emit are repaired here as they are there."""
    (event,) = recording(b'\xef\xbb\xbf{"type": "track", "event": "Order Completed", "properties": {"total": NaN}}')
    assert event.body["properties"] == {"total": None}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"type": "track"', "not JSON; each line must be one message"),
        (b'{"type": "\xff"}', "not UTF-8 text"),
        ([MESSAGE], "not a JSON object; each line must be one message"),
        ({"batch": [MESSAGE]}, "not a JSON object; each line must be one message"),
        (7, "not a JSON object; each line must be one message"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "the body must not nest deeper than 200 objects and arrays"),
        (
            {**EXPORTED, "message": "m"},
            "not as `export` writes it: source, a text; receivedAt, a date; message, an object",
        ),
        (
            {**EXPORTED, "receivedAt": "then"},
            "not as `export` writes it: source, a text; receivedAt, a date; message, an object",
        ),
        (
            {**EXPORTED, "source": None},
            "not as `export` writes it: source, a text; receivedAt, a date; message, an object",
        ),
    ],
    ids=["cut", "bytes", "array", "batch", "number", "deep", "message", "receivedAt", "source"],
)
def test_a_line_that_cannot_be_read_is_reported_with_its_place(line: object, problem: str) -> None:
    """File, line and what is wrong, and how much is missing from the result."""
    assert problems(recording(line)) == [
        f"e.ndjson:1: {problem}",
        "e.ndjson: 1 of 1 lines cannot be read; the result is without them",
    ]


def test_a_line_without_end_fills_no_memory() -> None:
    """A file that is one long line is reported as such, and what comes after such a line is read."""
    read = recording(b"x" * (2 * MAX_LINE_BYTES + 7), MESSAGE)
    assert [event.message_id for event in read] == ["m-1"]
    with pytest.raises(ConfigError, match=f"^e.ndjson:1: longer than {MAX_LINE_BYTES} bytes"):
        read.complete()


def test_many_broken_lines_are_counted() -> None:
    """The first ones are reported; a file of something else entirely is not printed out."""
    found = problems(recording(*[b"{"] * 500))
    assert len(found) == MAX_REPORTED + 1
    assert found[-1] == "e.ndjson: 500 of 500 lines cannot be read; the result is without them"


def test_a_file_that_cannot_be_read_on_is_reported(tmp_path: Path) -> None:
    """A machine's fault is not the end of the file."""
    with (
        (tmp_path / "e.ndjson").open("wb") as written_only,
        pytest.raises(ConfigError, match=r"cannot read .*e\.ndjson"),
    ):
        list(recording_of(written_only, now=NOW))


def test_an_exported_time_is_held_against_its_own_receipt() -> None:
    """A timestamp far ahead of the receipt was passed over then, and is now."""
    ahead = (RECEIVED + timedelta(days=30)).isoformat()
    (event,) = recording({**EXPORTED, "message": {**MESSAGE, "timestamp": ahead}})
    assert event.timestamp == RECEIVED

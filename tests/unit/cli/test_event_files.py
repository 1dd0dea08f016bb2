"""Files of events are read line by line, whatever wrote them."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from adapter.cli.event_files import Reading, Window, windows
from adapter.cli.send import warn_of_old


def lines(*values: object) -> BytesIO:
    return BytesIO(b"".join(json.dumps(value).encode() + b"\n" for value in values))


def exported(source: str, message_id: str) -> dict[str, object]:
    return {"source": source, "receivedAt": "2026-11-23T12:00:00.000Z", "message": {"messageId": message_id}}


def sent(file: BytesIO, reading: Reading | None = None) -> dict[str, list[str]]:
    """The ids of the messages of each source, of all windows."""
    found: dict[str, list[str]] = {}
    for window in windows(file, reading or Reading()):
        for source, messages in window.messages.items():
            found.setdefault(source, []).extend(json.loads(message)["messageId"] for message in messages)
    return found


def test_lines_of_export_name_their_source_and_bare_messages_none() -> None:
    """Both may stand in one file; each source keeps its order."""
    file = lines(exported("shop", "1"), exported("app", "2"), {"messageId": "3"}, exported("shop", "4"))
    assert sent(file) == {"shop": ["1", "4"], "app": ["2"], "default": ["3"]}


def test_a_source_can_be_chosen_and_renamed() -> None:
    """So that each can be sent with its own key, or all of them to a source of another name."""
    values = (exported("shop", "1"), exported("app", "2"), {"messageId": "3"})
    assert sent(lines(*values), Reading(only="app")) == {"app": ["2"]}
    assert sent(lines(*values), Reading(sent_as="new")) == {"new": ["1", "2", "3"]}
    assert sent(lines(*values), Reading(only="shop", sent_as="new")) == {"new": ["1"]}


def test_a_message_that_has_a_message_is_not_opened() -> None:
    """Only a line with source and message is one of export's."""
    file = lines({"messageId": "1", "message": {"messageId": "2"}}, {"messageId": "3", "source": "app"})
    assert sent(file) == {"default": ["1", "3"]}


def test_lines_that_are_no_object_are_reported_by_their_number() -> None:
    """Counted from 1, blank lines too; the others are sent."""
    file = BytesIO(b'\nnope\n[1]\n{"messageId": "1"}\n"x"')
    [window] = windows(file, Reading())
    assert window.broken == [2, 3, 5]
    assert window.messages == {"default": [b'{"messageId":"1"}']}


def test_what_has_neither_id_nor_time_gets_an_id_of_its_place() -> None:
    """Two equal lines are two events; the same line sent again is the same event."""
    line = {"type": "track", "event": "A", "userId": "u"}
    first, second = sent(lines(line, line))["default"]
    assert first != second
    assert sent(lines(line, line)) == {"default": [first, second]}
    timed = {"type": "track", "timestamp": "2026-11-23T12:00:00Z"}
    [window] = windows(lines(timed), Reading())
    assert json.loads(window.messages["default"][0]) == timed


def test_reading_goes_on_at_the_end_of_a_window() -> None:
    """From the byte and line where a window ended, the rest is the same as without the interruption."""
    file = lines(*(exported("shop", str(n)) for n in range(1_200)))
    found = list(windows(file, Reading()))
    assert [window.lines for window in found] == [500, 1_000, 1_200]
    again = list(windows(file, Reading(), start=found[0].end, lines=found[0].lines))
    assert again == found[1:]
    assert found[-1].end == len(file.getvalue())


def test_large_lines_make_small_windows() -> None:
    """A body stays far below what an adapter takes."""
    file = lines(*({"messageId": str(n), "x": "y" * 200_000} for n in range(5)))
    assert [window.lines for window in windows(file, Reading())] == [3, 5]


def test_a_window_knows_its_oldest_event() -> None:
    """So that `send` can warn of a replay before it sends one; times that cannot be read do not count."""
    messages = [{"timestamp": "2026-11-23"}, {"originalTimestamp": "2019-03-01"}, {"timestamp": "soon"}, {}]
    [window] = windows(lines(*messages), Reading())
    assert window.oldest == datetime(2019, 3, 1, tzinfo=UTC)
    [without] = windows(lines({"messageId": "1"}), Reading())
    assert without.oldest is None


@pytest.mark.parametrize(("days", "warns"), [(2, False), (4, True)])
def test_old_events_are_warned_of(days: int, warns: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A platform's retries are younger than three days."""
    now = datetime(2026, 11, 27, tzinfo=UTC)
    window = Window(end=1, lines=1, oldest=now - timedelta(days=days))
    assert warn_of_old(Path("events.ndjson"), window, now=now) is warns
    assert ("max_age" in capsys.readouterr().err) is warns

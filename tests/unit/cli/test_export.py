"""`export` writes stored events, and goes on where it was interrupted."""

import json
import os

import pytest

from adapter.model import Dead, Delivered, Reason
from tests.unit.cli.conftest import Shell
from tests.unit.cli.queues import USER, Ended, an_order, fill


@pytest.fixture
async def queue(shop: Shell) -> Shell:
    """Three events, one of them dead, one delivered, one pending."""
    await fill(
        shop.folder / "queue.db",
        [
            Ended(an_order("m-1"), Delivered()),
            Ended(an_order("m-2", user="bob"), Dead(Reason.REFUSED, "no")),
            Ended(an_order("m-3", user="cat")),
        ],
    )
    return shop


def exported(shop: Shell) -> list[str]:
    lines = [json.loads(line) for line in (shop.folder / "e.ndjson").read_text().splitlines()]
    assert {tuple(line) for line in lines} <= {("source", "receivedAt", "message")}
    return [line["message"]["messageId"] for line in lines]


def test_every_stored_event_is_written(queue: Shell) -> None:
    """In the order received; beside the file nothing is left."""
    result = queue.run("export", "e.ndjson")
    assert result.stdout == "e.ndjson: 3 events\n"
    assert exported(queue) == ["m-1", "m-2", "m-3"]
    assert sorted(file.name for file in queue.folder.glob("e.ndjson*")) == ["e.ndjson"]


def test_what_people_did_is_readable_by_the_owner_only(queue: Shell) -> None:
    """Events and dead letters alike, whatever the shell's umask."""
    before = os.umask(0o022)
    try:
        queue.run("export", "e.ndjson")
        queue.run("dead", "export", "dead.ndjson")
        modes = {name: (queue.folder / name).stat().st_mode & 0o777 for name in ("e.ndjson", "dead.ndjson")}
        assert modes == {"e.ndjson": 0o600, "dead.ndjson": 0o600}
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_source_can_be_chosen(queue: Shell) -> None:
    """Of a source that sent nothing, the file is there and empty."""
    assert queue.run("export", "e.ndjson", "--source", "nobody").exit_code == 0
    assert exported(queue) == []


def test_an_interrupted_export_goes_on(queue: Shell) -> None:
    """After the last whole line that was noted; what was written after the note is written again, once."""
    queue.run("export", "e.ndjson")
    lines = (queue.folder / "e.ndjson").read_bytes().splitlines(keepends=True)
    (queue.folder / "e.ndjson").unlink()
    (queue.folder / "e.ndjson.part").write_bytes(lines[0] + lines[1][:20])
    queue.write("e.ndjson.done", json.dumps({"seq": 1, "bytes": len(lines[0]), "lines": 1}))
    assert queue.run("export", "e.ndjson").stdout == "e.ndjson: 3 events\n"
    assert (queue.folder / "e.ndjson").read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    "note", ["{", "[]", '{"to": "http://x"}', "[" * 100_000], ids=["broken", "array", "of send", "deep"]
)
def test_a_note_of_something_else_is_reported(queue: Shell, note: str) -> None:
    """Rather than a file with a hole in it."""
    queue.write("e.ndjson.part", "")
    queue.write("e.ndjson.done", note)
    result = queue.run("export", "e.ndjson")
    assert result.exit_code == 2
    assert "e.ndjson.done" in result.stderr


def test_no_file_is_written_over(queue: Shell) -> None:
    """An earlier export stays as it is."""
    queue.write("e.ndjson", "precious")
    assert queue.run("export", "e.ndjson").exit_code == 2
    assert (queue.folder / "e.ndjson").read_text() == "precious"


def test_a_folder_that_is_not_there_is_reported(queue: Shell) -> None:
    """In words."""
    result = queue.run("export", "no/e.ndjson")
    assert (result.exit_code, "cannot write no/e.ndjson.part" in result.stderr) == (2, True)


def test_deleted_users_are_not_exported(queue: Shell) -> None:
    """There is nothing left to write."""
    queue.run("events", "purge", "--user", USER, "--yes")
    queue.run("export", "e.ndjson")
    assert exported(queue) == ["m-2", "m-3"]

"""`diff` shows what a change of a mapping would do to events that were recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import MAPPING, Shell

ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "u-1",
    "properties": {"total": "27.50", "tax": 2},
}
OTHER = {"type": "track", "event": "Other", "messageId": "m-2", "userId": "u-1"}
RENAMED = MAPPING.replace(
    "    track: ORDER_COMPLETED\n", "    track: ORDER_COMPLETED\n    rename: {tax: vat}\n", 1
).partition("tests:")[0]
HASHING = MAPPING.partition("tests:")[0].replace(
    "properties: {total:", "properties: {who: {from: userId, apply: [hash]}, total:"
)
ROOT = Path(__file__).parents[3]
MEMORY = Path("/proc/self/status")
EVENTS = 100_000
NAMES = ("Order Completed", "Other")
SECONDS = 20
GROWTH_KB = 8_000
MEASURED = """
import pathlib, re, sys, time
from adapter.cli.main import main
try:
    main()
finally:
    (peak_kb,) = re.findall(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())
    print(peak_kb, time.process_time(), file=sys.stderr)
"""


@pytest.fixture
def maps(shell: Shell) -> Shell:
    """A command line with two mappings and a file of two events."""
    shell.write("old.yaml", MAPPING)
    shell.write("new.yaml", RENAMED)
    shell.write("broken.yaml", "version: 1\nruls: []\n")
    shell.write("events.ndjson", f"{json.dumps(ORDER)}\n{json.dumps(OTHER)}\n")
    return shell


DIFF = ("diff", "old.yaml", "new.yaml", "--events")


def test_what_is_different_is_reported_with_an_example(maps: Shell) -> None:
    """Once for all events that are alike, with the values of the first, and the totals."""
    result = maps.run(*DIFF, "events.ndjson")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "1 event: call 1 properties.tax → vat",
        "    m-1  track Order Completed",
        "      call 1 properties.tax: 2 -> (absent)",
        "      call 1 properties.vat: (absent) -> 2",
        "2 events: 1 the same, 1 different",
    ]


@pytest.mark.parametrize(("new", "code"), [("new.yaml", 1), ("old.yaml", 0)], ids=["different", "the same"])
def test_a_change_can_fail_a_build(maps: Shell, new: str, code: int) -> None:
    """With --fail-on-change the exit code says whether anything would become something else."""
    assert maps.run("diff", "old.yaml", new, "--events", "events.ndjson", "--fail-on-change").exit_code == code


def test_programs_read_it_as_json(maps: Shell) -> None:
    """The same facts as data."""
    report = json.loads(maps.run(*DIFF, "events.ndjson", "--json").stdout)
    assert (report["events"], report["same"], report["different"], report["unread"]) == (2, 1, 1, 0)
    (change,) = report["changes"]
    assert (change["events"], change["what"], change["examples"]) == (1, "call 1 properties.tax → vat", ["m-1"])


def test_shipped_mappings_and_stdin_will_do(maps: Shell) -> None:
    """A name instead of a file, - instead of a file of events."""
    result = maps.run("diff", "default", "ecommerce", "--events", "-", stdin=json.dumps(ORDER))
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("1 event: 0 the same, 1 different\n")


def test_a_pipe_will_do_for_a_mapping(maps: Shell) -> None:
    """So that a shell can hand over what git has: <(git show HEAD:old.yaml)."""
    reading, writing = os.pipe()
    os.write(writing, MAPPING.encode())
    os.close(writing)
    result = maps.run("diff", f"/dev/fd/{reading}", "new.yaml", "--events", "events.ndjson")
    os.close(reading)
    assert result.exit_code == 0, result.output
    assert "tax → vat" in result.stdout


def test_a_demo_key_hashes_where_there_is_none(maps: Shell) -> None:
    """As in `explain`: a mapping that hashes can be compared without the secret, and the output says so."""
    maps.write("hashing.yaml", HASHING)
    words = ("diff", "old.yaml", "hashing.yaml", "--events", "events.ndjson")
    assert "the hashes of hashing.yaml are made with a demo key" in maps.run(*words).stderr
    assert maps.run(*words, env={"ADAPTER_HASH_KEY": "0123456789abcdef"}).stderr == ""


def test_lines_that_cannot_be_read_are_reported_after_the_result(maps: Shell) -> None:
    """What can be compared is, and no build goes on as if all had been: exit code 2, before that of a change."""
    maps.write("events.ndjson", f"{{\n{json.dumps(ORDER)}\n[]\n")
    result = maps.run(*DIFF, "events.ndjson", "--fail-on-change")
    assert result.exit_code == 2
    assert result.stdout.endswith("1 event: 0 the same, 1 different\n")
    assert result.stderr.splitlines() == [
        "events.ndjson:1: not JSON; each line must be one message",
        "events.ndjson:3: not a JSON object; each line must be one message",
        "events.ndjson: 2 of 3 lines cannot be read; the result is without them",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("old.yaml", "new.yaml", "--events", "nowhere.ndjson"), "nowhere.ndjson"),
        (("old.yaml", "nowhere.yaml", "--events", "events.ndjson"), "no mapping file nowhere.yaml"),
        (("old.yaml", "broken.yaml", "--events", "events.ndjson"), "broken.yaml:2:1: error E"),
        (("old.yaml", "new.yaml"), "there is no queue here"),
        (("old.yaml", "new.yaml", "--events", os.devnull), "contains no events"),
    ],
    ids=["no events", "no mapping", "not a mapping", "neither events nor a queue", "empty"],
)
def test_wrong_use_is_reported(maps: Shell, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and the reason; comparing nothing proves nothing."""
    result = maps.run("diff", *words)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.skipif(not MEMORY.exists(), reason="peak memory is read from /proc")
def test_a_hundred_thousand_events_take_seconds_and_no_memory(maps: Shell) -> None:
    """The file's size costs time only: a recorded week can be held against a change before it goes live."""
    for name, count in (("few.ndjson", 1_000), ("many.ndjson", EVENTS)):
        events = (
            json.dumps({**ORDER, "messageId": f"m-{number}", "event": NAMES[number % 2]}) for number in range(count)
        )
        maps.write(name, "\n".join(events))
    few, _, _ = measured(maps.folder, "few.ndjson")
    many, processor_s, said = measured(maps.folder, "many.ndjson")
    assert processor_s < SECONDS
    assert many - few < GROWTH_KB
    assert said.startswith("50000 events: call 1 properties.tax → vat\n    m-0  track Order Completed\n")
    assert said.endswith(f"\n{EVENTS} events: 50000 the same, 50000 different\n")


def measured(folder: Path, events: str) -> tuple[int, float, str]:
    """The most memory, in KB, and the time of the processor that a process of its own used to compare `events`, and
    what it said.
    """
    files = [str(folder / name) for name in ("old.yaml", "new.yaml", events)]
    command = [sys.executable, "-c", MEASURED, "diff", *files[:2], "--events", files[2]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=True)
    peak_kb, processor_s = done.stderr.split()
    return int(peak_kb), float(processor_s), done.stdout

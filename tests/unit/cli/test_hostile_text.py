"""No command prints a sender's text as it came: nothing commands the terminal, forges a line or shows Python."""

import asyncio
import json

import pytest
from click.testing import Result
from msgspec.structs import replace

from adapter.model import Dead, Problem, Reason
from adapter.observe.printable import printable_lines
from tests.unit.cli.conftest import SETTINGS, Shell
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

EVIL = "e\n\x1b[2J\u202evil\u2066\u2028\x9b1\x7f\u200b\U000e0041 'q'"
PYTHON = ("<Reason.", "=None", ": None", "<adapter", "object at 0x", "Traceback", "('", "['")
COMMANDS = [
    ("events", "list"),
    ("events", "list", "--json"),
    ("events", "tail"),
    ("events", "show", "1"),
    ("events", "show", "1", "--json"),
    ("events", "show", "r1"),
    ("events", "show", "r1", "--json"),
    ("events", "show", EVIL),
    ("events", "show", f"none{EVIL}"),
    ("where", EVIL),
    ("where", f"none{EVIL}"),
    ("dead", "list"),
    ("dead", "list", "--group"),
    ("dead", "list", "--group", "--json"),
    ("dead", "requeue", f"none{EVIL}"),
    ("dead", "discard", "--cause", EVIL, "--yes"),
    ("events", "purge", "--user", EVIL, "--yes"),
    ("explain", "all.yaml", "message.json"),
    ("explain", "all.yaml", "message.json", "--json"),
    ("explain", f"{EVIL}.yaml", "message.json"),
    ("explain", "all.yaml", f"{EVIL}.json"),
    ("check", f"file{EVIL}.yaml"),
    ("check", f"file{EVIL}.yaml", "--format", "github"),
    ("check", f"file{EVIL}.yaml", "--format", "json"),
    ("check", f"none{EVIL}.yaml"),
    ("diff", "all.yaml", "default", "--events", "message.json"),
    ("diff", "all.yaml", "default", "--events", "message.json", "--json"),
    ("suggest", "--events", "message.json"),
    ("suggest", "--events", f"{EVIL}.json"),
    ("doctor", "--config", f"{EVIL}.yaml"),
    (EVIL,),
    ("events", EVIL),
]
ALL = "version: 1\nrules:\n  - when: {type: [track, identify]}\n    track: {from: event}\n"


@pytest.fixture
def besieged(shell: Shell) -> Shell:
    """A folder with a queue in which every text of a sender is hostile."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", ALL)
    shell.write("all.yaml", ALL)
    shell.write(
        f"file{EVIL}.yaml", f"version: 1\nrules:\n  - name: {json.dumps(EVIL)}\n    trakc: {json.dumps(EVIL)}\n"
    )
    message = {"type": "track", "event": EVIL, "userId": EVIL, "messageId": EVIL, "properties": {EVIL: EVIL}}
    shell.write("message.json", json.dumps(message) + "\n")
    event = an_order(EVIL, user=EVIL)
    event.body["event"] = EVIL
    event.body["properties"] = {EVIL: EVIL, "total": "1"}
    dead = Ended(event, Dead(Reason.REFUSED, f"Browsee said {EVIL}"))
    problem = Problem(f"/{EVIL}", "required", EVIL)
    rejection = replace(a_rejection(EVIL.encode()), message_id=EVIL, problems=(problem,))
    asyncio.run(fill(shell.folder / "queue.db", [dead], [rejection]))
    return shell


def printed(result: Result) -> str:
    return result.stdout + result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command).replace(EVIL, "EVIL"))
def test_what_a_sender_wrote_is_shown_safely(besieged: Shell, command: tuple[str, ...]) -> None:
    """Whatever the command makes of it, the output has no character that a terminal obeys, and no Python."""
    result = besieged.run(*command)
    assert result.exit_code in (0, 1, 2), result.output
    said = printed(result)
    assert said
    assert [hex(ord(one)) for one in said if printable_lines(one) != one] == []
    # Text of the sender that begins a line is a forged line.
    assert not [line for line in said.splitlines() if line.startswith("\ufffd[2J")]
    assert not [word for word in PYTHON if word in said]


def test_a_word_of_another_script_is_shown_as_it_is(besieged: Shell) -> None:
    """Good text is left alone."""
    besieged.write(
        "message.json", json.dumps({"type": "track", "event": "می\u200cخواهم", "userId": "پ", "messageId": "m"})
    )
    assert "می\u200cخواهم" in besieged.run("explain", "all.yaml", "message.json").stdout

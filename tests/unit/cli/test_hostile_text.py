"""No command prints a sender's text as it came: nothing commands the terminal, forges a line or shows Python."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from msgspec.structs import replace

from adapter.cli import show
from adapter.cli.main import main
from adapter.model import Dead, Problem, Reason
from adapter.printable import printable_lines
from tests.command_line import commands_of
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
    ("mappings", "history", EVIL),
    ("mappings", "show", EVIL, "1"),
    ("mappings", "rollback", EVIL, "1", "--yes"),
    ("dead", "list"),
    ("dead", "list", "--group"),
    ("dead", "list", "--group", "--json"),
    ("dead", "show", "1"),
    ("dead", "try"),
    ("dead", "try", f"none{EVIL}"),
    ("dead", "try", "--mapping", f"none{EVIL}.yaml"),
    ("events", "names"),
    ("events", "names", "--source", EVIL),
    ("dead", "show", f"none{EVIL}"),
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
    ("diff", "all.yaml", "default"),
    ("diff", "all.yaml", "default", "--source", EVIL),
    ("suggest", "--events", "message.json"),
    ("suggest",),
    ("suggest", "--source", EVIL, "--since", "1h"),
    ("suggest", "--events", f"{EVIL}.json"),
    ("doctor", "--config", f"{EVIL}.yaml"),
    ("doctor", "--sandbox"),
    ("export", f"{EVIL}.ndjson"),
    ("export", f"none{EVIL}/a.ndjson"),
    ("dead", "export", f"{EVIL}.ndjson"),
    ("dead", "export", "a.ndjson", "--cause", f"none{EVIL}"),
    ("events", "deletions"),
    ("events", "deletions", "--user", EVIL),
    ("init", f"dir{EVIL}"),
    ("init", f"file{EVIL}.yaml"),
    ("sandbox", "--script", f"{EVIL}.yaml"),
    ("sandbox", "--script", f"file{EVIL}.yaml"),
    ("sandbox", "--db", f"none{EVIL}/a.db"),
    ("sandbox", "--limit", EVIL),
    ("send", f"none{EVIL}", "--to", "http://127.0.0.1:9"),
    ("send", "message.json", "--to", f"http://127.0.0.1:9/{EVIL}"),
    ("send", "message.json", "--to", "http://127.0.0.1:9", "--key-file", f"none{EVIL}"),
    ("move", "--from", f"sqlite:///none{EVIL}.db", "--to", f"sqlite:///{EVIL}.db", "--yes"),
    ("move", "--from", f"{EVIL}", "--to", f"postgresql://{EVIL}@127.0.0.1:9/{EVIL}", "--yes"),
    ("move", "--from", "sqlite:///a.db", "--to", f"postgresql://{EVIL}@127.0.0.1:9/{EVIL}", "--yes"),
    ("serve", "--config", f"{EVIL}.yaml"),
    ("serve", "--config", f"file{EVIL}.yaml"),
    ("serve", "--host", EVIL),
    ("schema", EVIL),
    ("completion", EVIL),
    ("chaos", EVIL),
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


def leaves(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command under `group`, as the words that lead to it."""
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield (*before, name)


def test_every_command_is_tried() -> None:
    """A command that is added stands here with hostile text, too."""
    assert {words for words in leaves(main) if not any(tried[: len(words)] == words for tried in COMMANDS)} == set()


def test_commands_print_in_one_way() -> None:
    """`say` and `show` make text safe; what prints by itself is a file of ours, is escaped, or goes to no terminal."""
    own = {"completion.py", "mappings.py", "show.py", "schema.py", "suggest.py"}
    echoing = {file.name for file in Path(show.__file__).parent.glob("*.py") if "click.echo(" in file.read_text()}
    assert echoing <= own


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

"""`explain` shows what becomes of a message, without sending it anywhere."""

import asyncio
import json

import pytest

from tests.unit.cli.conftest import MAPPING, SETTINGS, Shell
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

ORDER = '{"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": "27.50"}}'
HASHING = """\
version: 1
rules:
  - when: {type: track}
    track: SEEN
    properties: {who: {from: userId, apply: [hash]}}
"""


def test_an_event_is_explained(shell: Shell) -> None:
    """The outcome, the rule and the call as Browsee would get it."""
    shell.write("event.json", ORDER)
    result = shell.run("explain", shell.write("shop.yaml", MAPPING), "event.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("sent  by ")
    assert "track ORDER_COMPLETED  userId=u-1" in result.stdout
    assert "27.5" in result.stdout


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (ORDER, "sent"),
        ('{"type": "track", "event": "Other"}', "dropped"),
        ('{"type": "track", "event": "Order Completed"}', "rejected"),
        ('{"type": "merge"}', "unmatched"),
    ],
    ids=["sent", "dropped", "rejected", "unmatched"],
)
def test_each_outcome_is_an_answer(shell: Shell, message: str, outcome: str) -> None:
    """Whatever becomes of the event, the command has done its work; programs read it as JSON."""
    result = shell.run("explain", shell.write("shop.yaml", MAPPING), "-", "--json", stdin=message)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["outcome"] == outcome


def test_each_line_of_a_file_of_lines_is_explained(shell: Shell) -> None:
    """As `export` writes them, with where each was read; a message over several lines stays one message."""
    mapping = shell.write("shop.yaml", MAPPING)
    lines = shell.write("lines.ndjson", f'{ORDER}\n\n{{"type": "track", "event": "Other"}}\n')
    shown = shell.run("explain", mapping, lines).stdout.splitlines()
    assert [line for line in shown if line.startswith((lines, "sent", "dropped"))][0::2] == [f"{lines}:1", f"{lines}:3"]
    assert sum(line.startswith(("sent", "dropped")) for line in shown) == 2
    answers = [json.loads(line) for line in shell.run("explain", mapping, lines, "--json").stdout.splitlines()]
    assert [answer["outcome"] for answer in answers] == ["sent", "dropped"]
    assert (
        shell.run("explain", mapping, shell.write("one.json", json.dumps(json.loads(ORDER), indent=1))).exit_code == 0
    )


def test_a_broken_line_is_reported_where_it_is(shell: Shell) -> None:
    """The lines above it count, empty ones too."""
    lines = shell.write("lines.ndjson", f'{ORDER}\n{ORDER}\n\n{{"type": \n')
    result = shell.run("explain", shell.write("shop.yaml", MAPPING), lines)
    assert result.exit_code == 2
    assert f"{lines}:4:" in result.stderr
    assert "not JSON" in result.stderr


def test_a_shipped_mapping_is_named_by_a_word(shell: Shell) -> None:
    """One can try what comes with the adapter without knowing where it lies."""
    result = shell.run("explain", "default", "-", stdin=ORDER)
    assert result.exit_code == 0, result.output
    assert "ORDER_COMPLETED" in result.stdout


def test_a_demo_key_hashes_where_there_is_none(shell: Shell) -> None:
    """A mapping can be tried without the secret, and the output says that the hashes are not the real ones."""
    shell.write("event.json", ORDER)
    words = ("explain", shell.write("shop.yaml", HASHING), "event.json", "--json")
    demo, real = shell.run(*words), shell.run(*words, env={"ADAPTER_HASH_KEY": "0123456789abcdef"})
    assert "made with a demo key" in demo.stderr
    assert real.stderr == ""
    hashes = [json.loads(result.stdout)["calls"][0]["body"]["properties"]["who"] for result in (demo, real)]
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("{", "<stdin>:1:2: not JSON: "),
        ("[]", "<stdin>: a message must be a JSON object"),
        ("", "<stdin>:1:1: not JSON: "),
        ("[" * 100_000, "<stdin>: a number has too many digits, or the nesting is too deep"),
        ("9" * 5_000, "<stdin>: a number has too many digits, or the nesting is too deep"),
    ],
    ids=["broken", "array", "empty", "deep", "digits"],
)
def test_a_message_that_is_none_is_broken_input(shell: Shell, message: str, text: str) -> None:
    """Exit code 2 and the place."""
    result = shell.run("explain", shell.write("shop.yaml", MAPPING), "-", stdin=message)
    assert result.exit_code == 2
    assert result.stderr.startswith(text)


def test_a_broken_mapping_is_reported_with_its_problems(shell: Shell) -> None:
    """The same words as `check` has, and exit code 2: there is nothing to explain with."""
    broken = shell.write("shop.yaml", MAPPING.replace("drop:", "dorp:"))
    result = shell.run("explain", broken, "-", stdin=ORDER)
    assert result.exit_code == 2
    assert "did you mean `drop`?" in result.stderr


def test_a_missing_mapping_is_named(shell: Shell) -> None:
    """A misspelt path is wrong use."""
    result = shell.run("explain", "nowhere.yaml", "-", stdin=ORDER)
    assert result.exit_code == 2
    assert "no mapping file nowhere.yaml" in result.stderr


def _shown(shell: Shell, *, rejected: bool = False) -> None:
    """A folder with a queue that holds one order, and one rejection if `rejected`."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", MAPPING)
    asyncio.run(fill(shell.folder / "queue.db", [Ended(an_order("m-1"))], [a_rejection()] if rejected else []))


def test_what_events_show_prints_is_explained(shell: Shell) -> None:
    """The message is taken out of what our own command prints, and the command says so."""
    _shown(shell)
    printed = shell.run("events", "show", "m-1", "--json").stdout
    for wrapped in (printed, json.dumps({"found": [json.loads(printed)]})):
        result = shell.run("explain", "shop.yaml", "-", stdin=wrapped)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("sent  by ")
        assert "the message is that of event 1" in result.stderr


def test_an_event_of_the_queue_is_explained(shell: Shell) -> None:
    """Its id is enough; one that is not kept is said."""
    _shown(shell)
    assert "track ORDER_COMPLETED" in shell.run("explain", "shop.yaml", "--event", "m-1").stdout
    assert shell.run("explain", "shop.yaml", "--event", "m-2").exit_code == 1
    assert shell.run("explain", "shop.yaml").exit_code == 2
    assert shell.run("explain", "shop.yaml", "-", "--event", "m-1", stdin=ORDER).exit_code == 2


def test_a_rejection_is_explained_as_the_message_it_holds(shell: Shell) -> None:
    """What was rejected is what the mapping is to be tried with."""
    _shown(shell, rejected=True)
    result = shell.run("explain", "shop.yaml", "--event", "r1")
    assert "the message is that of rejection r1" in result.stderr


@pytest.mark.parametrize(
    ("wrapped", "said"),
    [
        ({"data": json.loads(ORDER)}, "the value of `data` looks like one"),
        ({"batch": [json.loads(ORDER)]}, "the value of `batch` looks like one"),
        ({"found": []}, "holds 0 events"),
        ({"entries": [{}, {}]}, "holds 2 events"),
        ({"id": "7", "source": "s", "receivedAt": "2026-11-27", "outcome": "dead", "type": "track"}, "events show 7"),
        ({"id": "7", "source": "s", "receivedAt": "2026-11-27", "outcome": "dead", "message": {}}, "was deleted"),
        ({"id": "r7", "source": "s", "receivedAt": "2026-11-27", "outcome": "rejected", "body": "x"}, "not a message"),
    ],
)
def test_a_wrapper_without_a_message_is_an_error(shell: Shell, wrapped: object, said: str) -> None:
    """A wrong answer is never given in silence."""
    shell.write("shop.yaml", MAPPING)
    result = shell.run("explain", "shop.yaml", "-", stdin=json.dumps(wrapped))
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_message_with_the_names_of_a_wrapper_is_a_message(shell: Shell) -> None:
    """Senders may use `found`, `entries` and `message` for fields of their own."""
    shell.write("shop.yaml", MAPPING)
    own = {**json.loads(ORDER), "found": [], "entries": [{}], "message": {"type": "x"}, "source": "s"}
    assert shell.run("explain", "shop.yaml", "-", stdin=json.dumps(own)).stdout.startswith("sent")

"""`explain` shows what becomes of a message, without sending it anywhere."""

import json

import pytest

from tests.unit.cli.conftest import MAPPING, Shell

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


def test_a_shipped_mapping_is_named_by_a_word(shell: Shell) -> None:
    """One can try what comes with the adapter without knowing where it lies."""
    result = shell.run("explain", "default", "-", stdin=ORDER)
    assert result.exit_code == 0, result.output
    assert "ORDER_COMPLETED" in result.stdout


def test_a_demo_key_hashes_where_there_is_none(shell: Shell) -> None:
    """A mapping can be tried without the secret, and the reader is told that the hashes are not the real ones."""
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
        ("[]", "<stdin>: one message is a JSON object"),
        ("", "<stdin>:1:1: not JSON: "),
    ],
    ids=["broken", "array", "empty"],
)
def test_a_message_that_is_none_is_broken_input(shell: Shell, message: str, text: str) -> None:
    """Exit code 2 and the place."""
    result = shell.run("explain", shell.write("shop.yaml", MAPPING), "-", stdin=message)
    assert result.exit_code == 2
    assert result.stderr.startswith(text)


def test_a_broken_mapping_is_told_with_its_problems(shell: Shell) -> None:
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

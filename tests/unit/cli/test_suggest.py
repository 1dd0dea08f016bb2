"""`suggest` writes a mapping to start from, out of the events that were seen."""

import json

import pytest

from tests.unit.cli.conftest import MAPPING, Shell

NAMES = ("Order Completed", "Signed Up", "Signed Up", "Plan: Changed")


@pytest.fixture
def seen(shell: Shell) -> Shell:
    """A command line with a mapping and a file of events, exported and bare."""
    shell.write("shop.yaml", MAPPING)
    messages = [*({"type": "track", "event": name} for name in NAMES), {"type": "merge"}]
    exported = [{"source": "shop", "receivedAt": "2024-05-01T10:00:00Z", "message": message} for message in messages]
    shell.write("events.ndjson", "\n".join(map(json.dumps, [*messages, *exported])))
    return shell


SUGGEST = ("suggest", "--events", "events.ndjson")


def test_what_is_suggested_works_as_it_is(seen: Shell) -> None:
    """The output, put into a file, passes `check` and maps what was seen."""
    result = seen.run(*SUGGEST)
    assert result.exit_code == 0, result.output
    assert result.stderr == "note: without a rule that names it: 3 event names\n"
    assert "    Signed Up: SIGNED_UP    # seen 4 times\n" in result.stdout
    checked = seen.run("check", seen.write("new.yaml", result.stdout))
    assert checked.stdout.startswith(
        "new.yaml:10:1: note: no rule handles: identify, page, screen, group, alias\n1 file: "
    )
    mapped = seen.run("explain", "new.yaml", "-", stdin='{"type": "track", "event": "Plan: Changed", "userId": "u-1"}')
    assert mapped.stdout.startswith("sent  by 'Names that we agreed on'\n  track PLAN_CHANGED")


def test_what_a_mapping_names_is_left_out(seen: Shell) -> None:
    """And the types of messages that none of its rules takes are reported."""
    result = seen.run(*SUGGEST, "--mapping", "shop.yaml")
    assert result.exit_code == 0, result.output
    assert "Order Completed" not in result.stdout
    assert result.stderr.splitlines() == [
        "note: without a rule that names it: 2 event names",
        "note: no rule takes messages of type 'merge': 2 seen",
    ]


def test_nothing_new_is_no_mapping(seen: Shell) -> None:
    """Nothing is printed that would overwrite a file with less than it had."""
    orders = json.dumps({"type": "track", "event": "Order Completed"})
    result = seen.run("suggest", "--events", "-", "--mapping", "shop.yaml", stdin=orders)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "note: rules name every event name\n"


def test_lines_that_cannot_be_read_are_reported(seen: Shell) -> None:
    """What was read is suggested, and exit code 2 says that it is not all."""
    result = seen.run("suggest", "--events", "-", stdin='{"type": "track", "event": "Signed Up"}\n{\n')
    assert result.exit_code == 2
    assert "SIGNED_UP" in result.stdout
    assert "<stdin>:2: not JSON; each line must be one message\n" in result.stderr


def test_names_too_many_to_list_are_counted(seen: Shell) -> None:
    """An event name made of ids fills neither the memory nor the file, and is not passed over unseen."""
    names = "\n".join(json.dumps({"type": "track", "event": f"Order {number}"}) for number in range(1_003))
    result = seen.run("suggest", "--events", "-", stdin=names)
    assert "note: 3 messages with names that are too many, or that no file can hold\n" in result.stderr


@pytest.mark.parametrize(
    "condition",
    [
        "{type: track, event: {like: 'Debug *'}}",
        "{type: track, event: {in: noise}}",
        "{type: track, event: {regex: '^Debug '}}",
        "{any: [{event: {like: 'Debug *'}}, {type: alias}]}",
        "{event: {like: 'DEBUG *', ignore_case: true}}",
        "{type: track, event: {exists: true}, properties.debug: true}",
    ],
    ids=["like", "table", "regex", "any", "folded", "another field"],
)
@pytest.mark.parametrize("ending", ["drop: noise", "track: NOISE"])
def test_what_a_rule_takes_by_its_name_is_left_out(shell: Shell, condition: str, ending: str) -> None:
    """Events that are dropped on purpose are no gap, but names that only a rule for the rest takes are."""
    named = "properties.debug" not in condition
    rules = (
        f"version: 1\ntables:\n  noise: {{Debug Click: x}}\nrules:\n  - {{name: noise, when: {condition}, {ending}}}\n"
    )
    shell.write("shop.yaml", f"{rules}  - {{name: rest, when: {{type: track}}, drop: rest}}\n")
    seen = [
        {"type": "track", "event": "Debug Click", "properties": {"debug": True}},
        {"type": "track", "event": "Signed Up"},
    ]
    result = shell.run("suggest", "--events", "-", "--mapping", "shop.yaml", stdin="\n".join(map(json.dumps, seen)))
    assert result.exit_code == 0, result.output
    assert ("Debug Click" in result.stdout, "Signed Up" in result.stdout) == (not named, True)

"""docs/security.md names tests that exist, and what it says of options and dependencies is so."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from adapter.cli.main import main
from tests.command_line import commands_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
DEFENCES = [
    row for table in PAGE.split("| defence | test |\n|---|---|\n")[1:] for row in table.split("\n\n")[0].splitlines()
]


@cache
def defined_in(file: str) -> set[str]:
    """The names of the tests that `file` defines."""
    nodes = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_page_names_tests_that_exist(file: str, name: str) -> None:
    """A renamed or removed test must be updated on the page, or the page would promise an untested defence."""
    assert name.startswith("test_")
    assert name in defined_in(file)


def test_every_line_of_defence_names_its_test() -> None:
    """What no test holds is no defence."""
    assert len(DEFENCES) > 20
    assert [row for row in DEFENCES if not re.search(r"\| `tests/[\w/]+\.py::test_\w+`", row)] == []
    # None is written in a way that the other test would not see.
    assert PAGE.count("tests/") == sum(len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", row)) for row in DEFENCES)


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in commands_of(group).values():
        if isinstance(command, click.Group):
            yield from commands(command)
        yield command


def test_no_option_takes_a_secret() -> None:
    """Options stand in the list of processes; a secret comes by the environment or in a file."""
    options = {name for command in commands(main) for option in command.params for name in option.opts}
    assert "--config" in options
    assert {name for name in options if re.search("key|token|secret|password", name)} <= {"--key-file", "--secret-file"}


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_every_dependency_is_pinned_with_its_hash(lock: str) -> None:
    """What is installed is what was tried, wherever it comes from."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(pinned) > 10
    assert [line for line in pinned if not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []

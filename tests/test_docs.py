"""What the documentation shows is there: commands, options, settings, variables, mappings, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from adapter.cli.main import main
from adapter.files.document import read_document
from adapter.files.finding import Severity, as_text
from adapter.mapping import load as mapping
from adapter.model import JsonObject
from adapter.service.mappings import read_message
from adapter.settings.environment import CONFIG_VARIABLE, PROCESS_VARIABLES, SOURCE_VARIABLES, VARIABLES
from adapter.settings.load import check_settings, settings_schema
from tests.command_line import commands_of
from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.renew import generated

SETTINGS = PAGES["docs/settings.md"]
ENVIRONMENT = {*VARIABLES, *SOURCE_VARIABLES, *PROCESS_VARIABLES, CONFIG_VARIABLE}
EACH_PAGE = pytest.mark.parametrize("page", PAGES)
EACH_COMMAND = pytest.mark.parametrize("name", commands_of(main))


def calls_of(tool: str, text: str) -> Iterator[list[str]]:
    """The words that stand after `tool` in each line of the code blocks and in code within the text."""
    lines = [line for code in blocks(text, "") for line in code.splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for line in [*lines, *re.findall(r"`([^`\n]+)`", prose)]:
        words = shlex.split(line, comments=True) if tool in line else []
        if tool in words:
            yield words[words.index(tool) + 1 :]


def meant(words: list[str]) -> click.Command | None:
    """The command that `words` call; in a group the one that is named, if one is."""
    command = commands_of(main).get(words[0])
    if isinstance(command, click.Group) and len(words) > 1:
        return commands_of(command).get(words[1])
    return command


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting in nested data; `vars` is one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def schema_leaves(node: JsonObject, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], JsonObject]]:
    """Every setting that the schema knows, those of sources below `shop`."""
    for key, inner in node["properties"].items():
        if key == "sources":
            yield from schema_leaves(settings_schema()["$defs"]["source"], ("sources", "shop"))
        elif "properties" in inner:
            yield from schema_leaves(inner, (*path, key))
        else:
            yield (*path, key), inner


@EACH_PAGE
def test_commands_that_are_shown_exist(page: str) -> None:
    """Every line of a command in the documentation parses without a usage error."""
    for words in calls_of("browsee-adapter", PAGES[page]):
        if not words or words[0].startswith("-"):
            continue
        command = meant(words)
        assert command is not None, words
        known = {option for param in command.params for option in param.opts}
        given = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        assert given - known - {"--help"} == set(), words


@EACH_PAGE
def test_make_targets_that_are_shown_exist(page: str) -> None:
    """The same for make."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {words[0] for words in calls_of("make", PAGES[page]) if words} <= targets


@EACH_COMMAND
def test_every_command_is_listed_and_has_an_example(name: str) -> None:
    """The page of commands lists each, and its own help shows how to call it."""
    assert f"| `{name}` |" in PAGES["docs/commands.md"]
    text = commands_of(main)[name].get_help(click.Context(commands_of(main)[name], info_name=name))
    assert "Example" in text
    assert f"browsee-adapter {name}" in text


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(PAGES[page], "yaml")])
def test_mappings_that_are_shown_work(page: str) -> None:
    """A mapping in the documentation has no error and no warning, and passes its own tests."""
    for code in blocks(PAGES[page], "yaml"):
        if code.lstrip().startswith("version:") and "rules:" in code:
            findings = mapping.check(code, file=page, read=read_message)
            assert [as_text(found) for found in findings if found.severity is not Severity.NOTE] == []


def shown_settings() -> str:
    (shown,) = [code for code in blocks(SETTINGS, "yaml") if code.startswith("listen:")]
    return shown


def test_the_settings_that_are_shown_can_be_used() -> None:
    """The settings in the example are all there are, and the adapter would take them."""
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", shown_settings()), "a-secret-of-some-length")
    assert [
        as_text(found) for found in check_settings(shown_settings(), file=Path("docs/settings.md"), environ=environ)
    ] == []
    shown = {path for path, _ in leaves(read_document(shown_settings(), file="").data)}
    known = {path for path, _ in schema_leaves(settings_schema())}
    assert {path[:3] if path[:1] == ("sources",) else path for path in shown} == known


def test_the_defaults_that_are_shown_are_the_defaults() -> None:
    """The example says that a setting that is left out has the value that is shown."""
    shown = dict(leaves(read_document(shown_settings(), file="").data))
    # A list is shown with an example in it.
    known = {path: node["default"] for path, node in schema_leaves(settings_schema()) if node.get("default", []) != []}
    assert {path: shown[path] for path in known} == known


def test_every_variable_is_listed() -> None:
    """The page of settings has each environment variable that is read, and no other."""
    assert set(re.findall(r"(?m)^\| `([A-Z_]+)`", PAGES["docs/settings.md"])) == ENVIRONMENT


@pytest.mark.parametrize("page", generated())
def test_generated_parts_are_as_the_code_is(page: str) -> None:
    """What a page takes from the code is there as the code has it now; `make docs` renews it."""
    assert (ROOT / page).read_text(encoding="utf-8") == generated()[page]


def test_the_schema_names_the_variables() -> None:
    """The description of a setting names the variable that sets it too."""
    described = str(settings_schema())
    for name in ENVIRONMENT - {CONFIG_VARIABLE, "ADAPTER_LOG_FORMAT", "ADAPTER_LOG_LEVEL", "ADAPTER_ROLE"}:
        assert name in described, name

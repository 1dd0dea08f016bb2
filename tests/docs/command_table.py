"""docs/commands.md: every command with what it does, as its own help has it."""

import re
from collections.abc import Iterator

import click

from adapter.cli.main import COMMANDS, main
from tests.command_line import commands_of

PAGE = "docs/commands.md"

_MARKED = re.compile(r"(<!-- part: commands -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """The page with the commands of now. Raises ValueError if the page has no place for them."""
    if not _MARKED.search(page):
        raise ValueError(f"{PAGE} has no part for commands")
    text = "\n".join(_lines())
    return _MARKED.sub(lambda marks: f"{marks[1]}\n{text}\n{marks[2]}", page)


def _lines() -> Iterator[str]:
    commands = commands_of(main)
    for section, names in COMMANDS.items():
        yield from (f"## {section}", "", "| command | what it does |", "|---|---|")
        for name in names:
            yield from _rows(name, commands[name])
        yield ""


def _rows(name: str, command: click.Command) -> Iterator[str]:
    yield f"| `{name}` | {command.get_short_help_str(limit=200)} |"
    if isinstance(command, click.Group):
        for inner, child in commands_of(command).items():
            yield from _rows(f"{name} {inner}", child)

"""docs/browsee-adapter.1: the manual page of the command, from the help of each command. It is in the wheel.

Written here and not by click-man, which makes a page for each of forty commands and puts examples into paragraphs.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from adapter.cli.main import COMMANDS, main
from tests.command_line import commands_of

PAGE = "docs/browsee-adapter.1"

_NAME = "browsee-adapter"
_WIDTH = 72
_OWN = ("-h, ", "--help")
"""Options that every command has."""
_EXIT = {
    "0": "All is well.",
    "1": "Problems were found.",
    "2": "Wrong use, or input that cannot be used.",
    "70": "A bug in the adapter.",
}
_FILES = {
    "adapter.yaml": "Settings, in the current directory; --config or ADAPTER_CONFIG name another file.",
    ".env": "Variables that the environment does not have, one NAME=value a line, in the current directory.",
}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH {_NAME.upper()} 1 "" "" "{_NAME}"'
    yield from (".SH NAME", f"{_NAME} \\- deliver events of customer-data platforms to Browsee")
    yield from (".SH SYNOPSIS", f".B {_NAME}", ".I COMMAND", "[ARGUMENT]...")
    yield ".SH DESCRIPTION"
    yield from _help(main)
    yield from (".PP", "Every command has \\-\\-help; \\-\\-version shows the version.")
    commands = commands_of(main)
    for section, names in COMMANDS.items():
        yield f'.SH "{section.upper()}"'
        for name in names:
            yield from _command(f"{_NAME} {name}", commands[name])
    yield ".SH EXIT STATUS"
    yield from _tagged(_EXIT)
    yield ".SH FILES"
    yield from _tagged(_FILES)
    yield from (".SH ENVIRONMENT", "NO_COLOR turns colours off. docs/settings.md lists every variable.")
    yield from (".SH SEE ALSO", "https://github.com/browsee/browsee\\-adapter/blob/main/docs/README.md")


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f'.SS "{_escaped(f"{name} {usage}")}"'
    yield from _help(command)
    records = filter(None, (param.get_help_record(context) for param in command.get_params(context)))
    yield from _tagged({tag: text for tag, text in records if text and not tag.startswith(_OWN)})
    if isinstance(command, click.Group):
        for inner, child in commands_of(command).items():
            yield from _command(f"{name} {inner}", child)


def _help(command: click.Command) -> Iterator[str]:
    """The paragraphs; what click shows line by line stands line by line."""
    for number, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b\n"):
            yield from (".nf", *map(_line, paragraph.splitlines()[1:]), ".fi")
        else:
            yield from _wrapped(paragraph)


def _tagged(entries: dict[str, str]) -> Iterator[str]:
    for tag, text in entries.items():
        yield from (".TP", f"\\fB{_escaped(tag)}\\fR", *_wrapped(text))


def _wrapped(text: str) -> Iterator[str]:
    return map(_line, textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _line(text: str) -> str:
    """One line of text: what begins with a dot or a quote would be a request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("`", "")
    return re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", escaped)

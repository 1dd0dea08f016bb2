"""The command line: one file for each group of commands, and one way to report errors for all of them (`ending`)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from adapter.cli.ending import errors_in_words
from adapter.cli.env_file import fill_in_environment, take_back
from adapter.version import VERSION

_FOR_EVERYBODY = frozenset({"init"})
"""Commands whose files hold no secrets and no events; in a container another user reads those of `init`."""


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command that is imported when it is used: `adapter.cli.<module>` defines it by its name. `help` is one line."""

    module: str
    help: str


COMMANDS: Final[Mapping[str, Mapping[str, Lazy]]] = {
    "Set up": {
        "init": Lazy("init", "Create a settings file and a mapping to start from."),
        "serve": Lazy("serve", "Receive events and deliver them, until SIGINT or SIGTERM."),
        "sandbox": Lazy("sandbox", "Run a stand-in for Browsee."),
        "doctor": Lazy("doctor", "Check whether the service would work here."),
        "completion": Lazy("completion", "Print the script with which a shell completes commands."),
    },
    "Mapping": {
        "check": Lazy("check", "Find every problem in your files, and run their tests."),
        "explain": Lazy("explain", "Show what a mapping makes of an event."),
        "diff": Lazy("diff", "Show what a change to a mapping would do."),
        "suggest": Lazy("suggest", "Write a mapping for the names of received events."),
        "mappings": Lazy("mappings", "Show the history of a mapping, and roll back."),
        "schema": Lazy("schema", "Print the JSON Schema of your files."),
    },
    "Events": {
        "events": Lazy("events", "List, follow and show events; erase a user's data."),
        "where": Lazy("where", "Show where a message is now, and why."),
        "dead": Lazy("dead", "List dead letters and rejections, and requeue them."),
        "export": Lazy("export", "Write every stored event to a file."),
        "send": Lazy("send", "Send a file of events to an adapter."),
        "move": Lazy("move", "Move a queue to another place."),
    },
    "Reliability": {
        "chaos": Lazy("chaos", "Break the service on purpose, and check that every promise holds."),
    },
}
"""Every command, in the sections of `--help`."""


class Commands(click.Group):
    """Imports a command when it is used, and reports its errors."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, Lazy]] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._sections = sections or {}
        self._lazy = {name: lazy for commands in self._sections.values() for name, lazy in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of the help."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported; None if there is none."""
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"adapter.cli.{lazy.module}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with; the error for an unknown name suggests the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            # Imported here, because only a typing error needs the module.
            from difflib import get_close_matches  # noqa: PLC0415

            # click suggests only among the commands that are imported already.
            near = get_close_matches(args[0], self._lazy, n=1)
            if not near:
                raise
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx=error.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections of commands, without importing one."""
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.help) for name, lazy in commands.items()])
        if not self._sections:
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The completions after the group's name; the commands, without importing one."""
        if not self._sections:
            return super().shell_complete(ctx, incomplete)
        offered = [
            CompletionItem(name, help=lazy.help) for name, lazy in self._lazy.items() if name.startswith(incomplete)
        ]
        return [*offered, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the options; `--help` and `--version` print here."""
        with errors_in_words():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that `ctx` names."""
        with errors_in_words():
            return super().invoke(ctx)


@click.group(
    cls=Commands,
    sections=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 problems found or a question not answered with yes, 2 wrong usage or unusable "
    "input, 70 a bug in the adapter, 130 interrupted with Ctrl-C, 141 the reader of the output is gone.",
)
@click.version_option(VERSION, prog_name="browsee-adapter")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Receive events from customer-data platforms and deliver them to Browsee.

    \b
    Start here:
      browsee-adapter init shop         a first settings file and mapping
      browsee-adapter serve --sandbox   the service, with a stand-in for Browsee
    """
    if ctx.invoked_subcommand not in _FOR_EVERYBODY:
        # Only the user of the command may read generated keys and the data of events.
        before = os.umask(0o077)
        ctx.call_on_close(lambda: os.umask(before))
        filled = fill_in_environment(Path())
        ctx.call_on_close(lambda: take_back(filled))

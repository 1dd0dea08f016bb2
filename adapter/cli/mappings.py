"""`browsee-adapter mappings`: the history of a mapping file, and rollback."""

import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path
from secrets import token_hex

import click

from adapter.bundled import bundled
from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.at_queue import settings_of
from adapter.cli.completing import source_names
from adapter.cli.remote import HttpConsole
from adapter.cli.show import say, show, show_json
from adapter.cli.table import plain, show_table
from adapter.console.console import Console
from adapter.errors import ConfigError
from adapter.model import JsonObject
from adapter.queue.activations import MAX_ACTIVATIONS, text_digest
from adapter.service.mappings import live_loader
from adapter.service.rewriting import locked, not_writable_text, replace_file, why_not_writable

_COLUMNS = ("id", "version", "activated", "by", "")


@click.group()
def mappings() -> None:
    """Show the history of a mapping file, and roll back to an earlier version.

    Every activation is kept with its text, the last 200 of each file, even if only a comment changed.

    \b
    Examples:
      browsee-adapter mappings history shop
      browsee-adapter mappings show shop 12
      browsee-adapter mappings rollback shop 12
    """


@mappings.command()
@click.argument("source", shell_complete=source_names)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Maximum number of lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@console_options
def history(source: str, limit: int, as_json: bool, target: Target) -> None:
    """List the activations of a source's mapping file, the newest first.

    \b
    Example:
      browsee-adapter mappings history shop --limit 5
    """
    with console_at(target) as console:
        versions = console.mapping_history(source, limit=limit)["versions"]
    if as_json:
        for version in versions:
            show_json(version)
        return
    rows = [
        (each["id"], each["version"], each["at"], each["by"], "active" if each["active"] else "") for each in versions
    ]
    show_table(_COLUMNS, rows, empty=f"no activation of the mapping of {plain(source)} is kept")


@mappings.command("show")
@click.argument("source", shell_complete=source_names)
@click.argument("id_", metavar="ID", type=click.IntRange(1))
@console_options
def show_(source: str, id_: int, target: Target) -> None:
    """Print the text of one activation.

    \b
    Example:
      browsee-adapter mappings show shop 12 > before.yaml
    """
    with console_at(target) as console:
        text = _version(console, source, id_)["text"]
    # A file gets the exact text; a terminal gets it without control characters.
    if sys.stdout.isatty():
        show(text)
    else:
        click.echo(text, nl=False)


@mappings.command()
@click.argument("source", shell_complete=source_names)
@click.argument("id_", metavar="ID", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help="Do not ask.")
@console_options
def rollback(source: str, id_: int, yes: bool, target: Target) -> None:
    """Write the text of an earlier activation to the mapping file.

    The text is checked with the current settings. A running service activates it within seconds, for every source of
    the file, and maps pending events by it.

    \b
    Examples:
      browsee-adapter mappings rollback shop 12
      browsee-adapter mappings rollback shop 12 --yes --url https://adapter.example.com
    """
    with console_at(target) as console:
        version = _version(console, source, id_)
        if not yes:
            click.confirm(f"Roll the mapping of {plain(source)} back to version {version['version']}?", abort=True)
        if isinstance(console, HttpConsole):
            console.roll_back(source, id_, text=version["text"])
            say(f"version {version['version']} is active")
            return
        kept = {row["digest"] for row in console.mapping_history(source, limit=MAX_ACTIVATIONS)["versions"]}
    file = _replace(source, version["text"], target, kept=kept)
    say(f"{plain(str(file))}: is version {version['version']} again; a running service activates it within seconds")


def _version(console: Console, source: str, id_: int) -> JsonObject:
    found = console.mapping_version(source, id_)
    if found is None:
        raise ConfigError(f"no activation {id_} of the mapping of {plain(source)} is kept; see `mappings history`")
    return found


def _replace(source: str, text: str, target: Target, *, kept: Collection[str]) -> Path:
    """Write `text` to the mapping file of `source`. The old text is kept beside it unless `kept`, the digests of the
    history, have it. Raises ConfigError if the file cannot be written or the text has errors.
    """
    settings = settings_of(target.config, sandbox=target.sandbox)
    found = next((each for each in settings.sources if each.name == source), None)
    if found is None:
        raise ConfigError(f"the settings have no source {plain(source)}")
    file = found.mapping
    if why_not := why_not_writable(file, bundled_folder=bundled("mappings")):
        raise ConfigError(f"{plain(str(file))}: cannot be written: {why_not}")
    for sharing in settings.sources:
        if sharing.mapping.resolve() == file.resolve():
            live_loader(settings, sharing)(text)
    try:
        with locked(file):
            before = file.read_bytes()
            if text_digest(before.decode(errors="replace")) not in kept:
                _keep_beside(file, before)
            replace_file(file, text.encode(), compared=before, keep=partial(_keep_beside, file))
    except OSError as exc:
        raise ConfigError(f"{plain(str(file))}: cannot be written: {not_writable_text(exc)}") from exc
    return file


def _keep_beside(file: Path, raw: bytes) -> None:
    """A text that the history, which the service writes, does not have."""
    kept = file.with_name(f"{file.name}.before-{token_hex(4)}")
    kept.write_bytes(raw)
    say(f"{plain(str(kept))}: contains the previous text of the file, which was never active", err=True)

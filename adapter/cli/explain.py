"""`browsee-adapter explain`: what a mapping makes of one message. Sends and stores nothing."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO
from uuid import uuid4

import click
from rich.text import Text

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.completing import mappings_and_codes
from adapter.cli.events import not_kept
from adapter.cli.reading import ruleset_of
from adapter.cli.recording import recorded
from adapter.cli.show import coloured, say, show, show_json
from adapter.cli.unwrap import unwrap
from adapter.errors import ConfigError
from adapter.files.encoding import not_utf8
from adapter.files.finding import did_you_mean
from adapter.mapping import explain as explanation
from adapter.mapping.language.codes import CODES
from adapter.mapping.mistakes import explain_code, is_code
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import JsonObject
from adapter.printable import printable
from adapter.settings.codes import SETTINGS_CODES
from adapter.settings.mistakes import explain_settings_code

_STYLES = (
    (r"(?m)^sent\b", "bold green"),
    (r"(?m)^(dropped|unmatched)\b", "bold yellow"),
    (r"(?m)^rejected\b", "bold red"),
    (r"(?m)^  (track|identify)( \S+)?", "bold"),
    (r"(?m)^  warning:", "bold yellow"),
)


@click.command()
@click.argument("mapping", metavar="MAPPING|CODE", shell_complete=mappings_and_codes)
@click.argument("event", metavar="[FILE]", type=click.File(encoding="utf-8"), required=False)
@click.option("--event", "id_", metavar="ID", help="Read this event from the queue instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
@console_options
def explain(mapping: str, event: TextIO | None, id_: str | None, as_json: bool, target: Target) -> None:
    """Show what a mapping makes of an event, or what a code of `check` means.

    Says which rule applies, and lists the warnings. MAPPING is a file, or the name of a mapping that comes with the
    adapter. FILE contains the message as the sender sends it, a line as `export` writes it, or the output of `events
    show ID --json` or of the API; - for stdin. Several messages, one on each line, are shown one after another. With
    --event the message is read from the queue, or with --url from a
    running service. A mapping that hashes uses ADAPTER_HASH_KEY, or else a demo key.

    A CODE of `check` or of a message about settings, such as E150 or E301, is explained with an example.

    \b
    Examples:
      browsee-adapter explain mappings/shop.yaml event.json
      browsee-adapter explain mappings/shop.yaml events.ndjson
      echo '{"type":"track","event":"Signed Up"}' | browsee-adapter explain default -
      browsee-adapter explain mappings/shop.yaml --event 4711
      browsee-adapter explain E150
      browsee-adapter explain E301
    """
    if event is None and id_ is None and is_code(mapping):
        _explain_code(mapping)
        return
    match event, id_:
        case None, str():
            messages = [(f"event {id_}", _kept(id_, target))]
        case _, None if event is not None:
            messages = _messages(event)
        case _:
            raise click.UsageError("give either a FILE (- for stdin) or --event ID")
    ruleset = ruleset_of(mapping)
    for name, message in messages:
        if len(messages) > 1 and not as_json:
            show(Text(printable(name), "dim"))
        _explain(ruleset, name, message, as_json=as_json, is_one=len(messages) == 1)


def _explain(ruleset: Ruleset, name: str, message: JsonObject, *, as_json: bool, is_one: bool) -> None:
    """Show what `ruleset` makes of one message; as JSON, one of several takes one line."""
    read = recorded(message, now=datetime.now(UTC), place=uuid4().hex)
    if isinstance(read, str):
        raise ConfigError(printable(f"{name}: {read}"))
    opened = unwrap(message)
    if not isinstance(opened, str) and opened[1]:
        say(f"note: the message is that of {opened[1]}", err=True)
    rendered, derived = ruleset.explain(read)
    hint = ruleset.hint(read)
    if as_json:
        values = {"derived": dict(derived)} if derived else {}
        show_json({**explanation.as_json(rendered, hint, read.warnings), **values}, indented=is_one)
        return
    shown = Text(explanation.as_text(rendered, hint, read.warnings, derived=derived))
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    show(shown)


def _explain_code(code: str) -> None:
    said = explain_code(code) or explain_settings_code(code)
    if said is None:
        raise ConfigError(f"there is no code {code.upper()}{did_you_mean(code.upper(), [*CODES, *SETTINGS_CODES])}")
    show(coloured(said))


def _kept(id_: str, target: Target) -> JsonObject:
    with console_at(target) as console:
        found = console.event(id_)["found"]
    if not found:
        not_kept(id_)
    return {"found": found}


def _messages(file: TextIO) -> list[tuple[str, JsonObject]]:
    """The message of a file under its name, or the messages of its lines under `name:line`. Raises ConfigError."""
    try:
        text = file.read()
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{file.name} {not_utf8(cause)}") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > 1 and all(_is_object(line) for _, line in lines[:2]):
        return [(f"{file.name}:{number}", _message(file.name, line, above=number - 1)) for number, line in lines]
    return [(file.name, _message(file.name, text))]


def _is_object(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(text), dict)
    return False


def _message(name: str, text: str, *, above: int = 0) -> JsonObject:
    """The one message in `text`, which `above` lines of the file precede."""
    try:
        message = json.loads(text)
    except json.JSONDecodeError as cause:
        raise ConfigError(f"{name}:{above + cause.lineno}:{cause.colno}: not JSON: {cause.msg}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}: a number has too many digits, or the nesting is too deep") from None
    if not isinstance(message, dict):
        raise ConfigError(f"{name}: a message must be a JSON object; this is not one")
    return message

"""`browsee-adapter explain`: what a mapping makes of one message. Sends and stores nothing."""

import json
import os
from pathlib import Path
from typing import TextIO

import click
from rich.text import Text

from adapter.activation import read_message
from adapter.cli.reading import text_of
from adapter.cli.show import show
from adapter.errors import ConfigError, MappingError
from adapter.mapping.explain import as_json, as_text
from adapter.mapping.filetests import DEMO_KEY
from adapter.mapping.load import load
from adapter.mapping.ruleset import Ruleset
from adapter.model import JsonObject
from adapter.settings.mapping_choice import named_mapping

_STYLES = (
    (r"(?m)^sent\b", "bold green"),
    (r"(?m)^(dropped|unmatched)\b", "bold yellow"),
    (r"(?m)^rejected\b", "bold red"),
    (r"(?m)^  (track|identify)( \S+)?", "bold"),
    (r"(?m)^  warning:", "bold yellow"),
)


@click.command()
@click.argument("mapping")
@click.argument("event", type=click.File(encoding="utf-8"))
@click.option("--json", "machine", is_flag=True, help="As JSON, for other programs.")
def explain(mapping: str, event: TextIO, machine: bool) -> None:
    """Show what a mapping makes of an event.

    Says by which rule, and with which warnings. MAPPING is a file, or the name of a mapping that comes with the
    adapter. EVENT is a file with the message as the sender sends it, or - for stdin. A mapping that hashes does so with
    ADAPTER_HASH_KEY, or else with a demo key.

    \b
    Example:
      browsee-adapter explain mappings/shop.yaml event.json
      echo '{"type":"track","event":"Signed Up"}' | browsee-adapter explain default -
    """
    ruleset = _ruleset(named_mapping(mapping, folder=Path()))
    read = read_message(_message(event))
    rendered, hint = ruleset.render(read), ruleset.hint(read)
    if machine:
        click.echo(json.dumps(as_json(rendered, hint), indent=2, ensure_ascii=False))
        return
    shown = Text(as_text(rendered, hint))
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    show(shown)


def _ruleset(file: Path) -> Ruleset:
    text = text_of(file)
    hash_key = os.environ.get("ADAPTER_HASH_KEY") or None
    try:
        return load(text, file=str(file), read=read_message, hash_key=hash_key)
    except MappingError:
        if hash_key is not None:
            raise
    ruleset = load(text, file=str(file), read=read_message, hash_key=DEMO_KEY)
    # Only a mapping that hashes gets here: without the demo key it could not be used.
    click.echo("note: ADAPTER_HASH_KEY is not set, so hashes are made with a demo key", err=True)
    return ruleset


def _message(file: TextIO) -> JsonObject:
    try:
        message = json.load(file)
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{file.name} is not UTF-8 text, from byte {cause.start} on") from None
    except json.JSONDecodeError as cause:
        raise ConfigError(f"{file.name}:{cause.lineno}:{cause.colno}: not JSON: {cause.msg}") from None
    if not isinstance(message, dict):
        raise ConfigError(f"{file.name}: one message is a JSON object; this is something else")
    return message

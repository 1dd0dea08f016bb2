"""`browsee-adapter explain`: what a mapping makes of one message. Sends and stores nothing."""

import json
from datetime import UTC, datetime
from typing import TextIO
from uuid import uuid4

import click
from rich.text import Text

from adapter.cli.reading import ruleset_of
from adapter.cli.recording import recorded
from adapter.cli.show import show, show_json
from adapter.errors import ConfigError
from adapter.mapping.explain import as_json, as_text
from adapter.model import JsonObject

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
    adapter. EVENT is a file with the message as the sender sends it, or a line as `export` writes it; - for stdin. A
    mapping that hashes does so with ADAPTER_HASH_KEY, or else with a demo key.

    \b
    Example:
      browsee-adapter explain mappings/shop.yaml event.json
      echo '{"type":"track","event":"Signed Up"}' | browsee-adapter explain default -
    """
    ruleset = ruleset_of(mapping)
    read = recorded(_message(event), now=datetime.now(UTC), place=uuid4().hex)
    if isinstance(read, str):
        raise ConfigError(f"{event.name}: {read}")
    rendered, hint = ruleset.render(read), ruleset.hint(read)
    if machine:
        show_json(as_json(rendered, hint, read.warnings), indented=True)
        return
    shown = Text(as_text(rendered, hint, read.warnings))
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    show(shown)


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

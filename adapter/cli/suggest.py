"""`browsee-adapter suggest`: a mapping to start from, out of the events that were seen. Writes no file."""

from datetime import UTC, datetime
from typing import BinaryIO

import click

from adapter.cli.completing import mappings
from adapter.cli.reading import ruleset_of
from adapter.cli.recording import EventRecording
from adapter.cli.show import say
from adapter.mapping import suggest as suggesting
from adapter.mapping.suggest import Suggestion


@click.command()
@click.option("--events", type=click.File("rb"), required=True, help="Recorded events, one a line; - for stdin.")
@click.option(
    "--mapping",
    shell_complete=mappings,
    help="Leave out what this mapping names: a file, or one that comes with the adapter.",
)
def suggest(events: BinaryIO, mapping: str | None) -> None:
    """Write a mapping for the event names that were received.

    Names that no rule of the mapping names go into a table, most frequent first, and into a rule that reads it, ready
    to be edited. The mapping goes to stdout and notes to stderr. A line of the events is what `export` writes, or a
    bare message.

    \b
    Example:
      browsee-adapter suggest --events events.ndjson > mappings/shop.yaml
      browsee-adapter suggest --events events.ndjson --mapping mappings/shop.yaml
    """
    recording = EventRecording(events, now=datetime.now(UTC))
    suggestion = suggesting.suggest(recording, ruleset_of(mapping) if mapping else None)
    click.echo(suggestion.mapping(), nl=False)
    for note in _notes(suggestion):
        say(f"note: {note}", err=True)
    recording.complete()


def _notes(suggestion: Suggestion) -> list[str]:
    notes = [f"{len(suggestion.names) or 'no'} event names that no rule names"]
    notes += [f"no rule takes messages of type '{name}': {count} seen" for name, count in suggestion.types]
    if suggestion.uncounted:
        notes.append(f"{suggestion.uncounted} messages with names that are too many, or that no file can hold")
    return notes

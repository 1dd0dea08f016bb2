"""`browsee-adapter suggest`: a mapping to start from, made of recorded events. Writes no file."""

import click

from adapter.cli.completing import mappings
from adapter.cli.queued import EventsOrigin, events_of, events_options
from adapter.cli.reading import ruleset_of
from adapter.cli.show import say
from adapter.console.wording import counted
from adapter.mapping import suggest as suggesting
from adapter.mapping.suggest import Suggestion


@click.command()
@events_options
@click.option(
    "--mapping",
    shell_complete=mappings,
    help="Leave out what this mapping names: a file, or one that comes with the adapter.",
)
def suggest(origin: EventsOrigin, mapping: str | None) -> None:
    """Write a mapping for the names of received events.

    Names that no rule of the mapping mentions are listed in a table, most frequent first, with a rule that reads it,
    ready to be edited. The mapping is written to stdout and notes to stderr. The events are those that the queue keeps,
    with --url those of a running service, or of a file: a line is what `export` writes, or a bare message.

    \b
    Examples:
      browsee-adapter suggest --source shop --mapping mappings/shop.yaml
      browsee-adapter suggest --events events.ndjson > mappings/shop.yaml
      browsee-adapter suggest --events events.ndjson --mapping mappings/shop.yaml
    """
    rules = ruleset_of(mapping) if mapping else None
    with events_of(origin) as recording:
        suggestion = suggesting.suggest(recording, rules)
    click.echo(suggestion.mapping(), nl=False)
    for note in _notes(suggestion) if recording.read else ():
        say(f"note: {note}", err=True)
    recording.complete()


def _notes(suggestion: Suggestion) -> list[str]:
    unnamed = counted(len(suggestion.names), "event name")
    notes = [f"without a rule that names it: {unnamed}" if suggestion.names else "rules name every event name"]
    notes += [f"no rule takes messages of type '{name}': {count} seen" for name, count in suggestion.types]
    if suggestion.uncounted:
        notes.append(f"{suggestion.uncounted} messages with names that are too many, or that no file can hold")
    return notes

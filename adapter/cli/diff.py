"""`browsee-adapter diff`: what a change of a mapping would do to recorded events. Sends and stores nothing."""

import click
from rich.text import Text

from adapter.cli.completing import mappings
from adapter.cli.queued import EventsOrigin, events_of, events_options
from adapter.cli.reading import ruleset_of
from adapter.cli.show import show, show_json
from adapter.mapping.diff import Summary, compare

_STYLES = (
    (r"(?m)^\d+ events?: .*$", "bold"),
    (r"(?m)^      \+ .*$", "green"),
    (r"(?m)^      - .*$", "red"),
)


@click.command()
@click.argument("old", shell_complete=mappings)
@click.argument("new", shell_complete=mappings)
@events_options
@click.option("--fail-on-change", is_flag=True, help="Exit with status 1 if any event would map differently.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
def diff(old: str, new: str, origin: EventsOrigin, fail_on_change: bool, as_json: bool) -> None:
    """Show what a change to a mapping would do.

    Every event is mapped by OLD and by NEW, which are files or names of mappings that come with the adapter. Events
    with the same difference are shown together, with an example. The events are those that the queue keeps, with --url
    those of a running service, or of a file: a line is what `export` writes, or a bare message. Lines that cannot be
    read are reported; the command then exits with status 2 after the result.

    \b
    Examples:
      browsee-adapter diff default mappings/shop.yaml --source shop --since 24h
      browsee-adapter diff default mappings/shop.yaml --url https://adapter.example.com
      browsee-adapter diff old.yaml mappings/shop.yaml --events events.ndjson
      browsee-adapter diff <(git show HEAD:shop.yaml) shop.yaml --events events.ndjson --fail-on-change
    """
    before, after = ruleset_of(old), ruleset_of(new)
    summary = Summary()
    with events_of(origin) as recording:
        for event in recording:
            summary.add(event, compare(before, after, event))
    if as_json:
        report = {**summary.as_json(), "unread": recording.unread}
        show_json(report, indented=True)
    elif recording.read:
        _tell(summary)
    recording.complete()
    if fail_on_change and summary.different:
        raise SystemExit(1)


def _tell(summary: Summary) -> None:
    shown = Text("\n".join(summary.lines()))
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    show(shown)

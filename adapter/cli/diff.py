"""`browsee-adapter diff`: what a change of a mapping would do to recorded events. Sends and stores nothing."""

from datetime import UTC, datetime
from typing import BinaryIO

import click
from rich.text import Text

from adapter.cli.completing import mappings
from adapter.cli.reading import ruleset_of
from adapter.cli.recording import EventRecording
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
@click.option("--events", type=click.File("rb"), required=True, help="Recorded events, one a line; - for stdin.")
@click.option("--fail-on-change", is_flag=True, help="Exit with status 1 if any event would map differently.")
@click.option("--json", "machine", is_flag=True, help="As JSON, for other programs.")
def diff(old: str, new: str, events: BinaryIO, fail_on_change: bool, machine: bool) -> None:
    """Show what a change to a mapping would do.

    Every event is mapped by OLD and by NEW, which are files or names of mappings that come with the adapter; what is
    different is shown once for all events that are alike, with an example. A line of the events is what `export`
    writes, or a bare message. Lines that cannot be read are reported, and end the command with 2 after the result.

    \b
    Example:
      browsee-adapter diff old.yaml mappings/shop.yaml --events events.ndjson
      browsee-adapter diff <(git show HEAD:shop.yaml) shop.yaml --events events.ndjson --fail-on-change
    """
    before, after = ruleset_of(old), ruleset_of(new)
    recording, summary = EventRecording(events, now=datetime.now(UTC)), Summary()
    for event in recording:
        summary.add(event, compare(before, after, event))
    if machine:
        report = {**summary.as_json(), "unread": recording.unread}
        show_json(report, indented=True)
    else:
        _tell(summary)
    recording.complete()
    if fail_on_change and summary.different:
        raise SystemExit(1)


def _tell(summary: Summary) -> None:
    shown = Text("\n".join(summary.lines()))
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    show(shown)

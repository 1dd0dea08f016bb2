"""`browsee-adapter events names`: the names of received events, with the types of their values and the rule of each."""

from datetime import datetime

import click

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.completing import source_names
from adapter.cli.nothing import nothing_matches
from adapter.cli.show import say, show_json
from adapter.cli.table import show_table
from adapter.cli.when import Instant
from adapter.console.console import Console
from adapter.console.names import add_up
from adapter.console.wording import counted
from adapter.model import JsonObject

_COLUMNS = ("how many", "type", "name", "source", "last", "rule", "mixed types")


@click.command("names")
@click.option("--source", metavar="NAME", shell_complete=source_names, help="Only those of one source.")
@click.option("--since", type=Instant(), help="Only of events received then or later: 24h (ago), 04:00, or a date.")
@click.option("--limit", type=click.IntRange(1), default=10_000, show_default=True, help="How many events are counted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with every value's path and types.")
@console_options
def names_(source: str | None, since: datetime | None, limit: int, as_json: bool, target: Target) -> None:
    """List the names of received events, the most frequent first.

    Of the newest events, by pages of 2,000. The rule is the one of the active mapping that matches the newest event of
    the name. Shows no value of an event: values of mixed types are named by their paths.

    \b
    Examples:
      browsee-adapter events names
      browsee-adapter events names --source shop --since 24h
      browsee-adapter events names --limit 100000 --json
    """
    with console_at(target) as console:
        pages = _pages(console, source, since, limit=limit)
    names = add_up(pages)
    if as_json:
        for name in names:
            show_json(name)
    else:
        nothing = nothing_matches({"source": source, "since": since})
        show_table(_COLUMNS, [_cells(name) for name in names], empty=nothing)
    if left := sum(page["otherNames"] for page in pages):
        say(f"{counted(left, 'event')} of further names are not shown", err=True)
    if pages[-1]["next"] is not None:
        looked = counted(sum(page["events"] for page in pages), "event")
        say(f"in the newest {looked}, back to {pages[-1]['downTo']}; --limit looks further", err=True)


def _pages(console: Console, source: str | None, since: datetime | None, *, limit: int) -> list[JsonObject]:
    """Pages of the names, newest first, of `limit` events or a few more."""
    pages = [console.names(source=source, since=since)]
    while pages[-1]["next"] is not None and sum(page["events"] for page in pages) < limit:
        pages.append(console.names(source=source, since=since, before=pages[-1]["next"]))
    return pages


def _cells(name: JsonObject) -> tuple[str, ...]:
    mixed = (path["path"] for path in name["paths"] if len(path["types"].keys() - {"null"}) > 1)
    rule = name["rule"] or {"unmatched": "no rule", "rejected": "rejected", "unknown": "not known"}.get(name["outcome"])
    facts = (str(name["events"]), name["type"], name["name"], name["source"], name["last"], rule, ", ".join(mixed))
    return tuple(fact or "-" for fact in facts)

"""`browsee-adapter events`: received events and their outcomes; erasing a user's data."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

import click

from adapter.cli import render
from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.completing import event_types, source_names
from adapter.cli.event_names import names_
from adapter.cli.flow import EVERY_S, Flow, Tail, lines_for, print_line, shows_flow, terminal
from adapter.cli.nothing import NOTHING_YET, nothing_matches
from adapter.cli.rows import DELETION_COLUMNS, cells, deletion_cells
from adapter.cli.show import say, show, show_json
from adapter.cli.table import plain, show_table, tabbed
from adapter.cli.when import Instant
from adapter.console.console import MAX_PAGE, OUTCOMES, Console, Events
from adapter.console.narrowing import split_where
from adapter.console.wording import counted
from adapter.model import JsonObject


class _Where(click.ParamType[tuple[str, str]]):
    """`properties.order_id=o-777`."""

    name = "path=value"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Path and value."""
        return split_where(value) or self.fail("write a path, = and a value: properties.order_id=o-777", param, ctx)


@click.group()
def events() -> None:
    """List, follow and show events; erase a user's data.

    \b
    Examples:
      browsee-adapter events list --outcome dead --limit 50
      browsee-adapter events tail --follow
      browsee-adapter events show 4711
      browsee-adapter events names --since 24h
      browsee-adapter events purge --user u-1
      browsee-adapter events deletions --user u-1
    """


events.add_command(names_)


@events.command("list")
@click.option("--source", metavar="NAME", shell_complete=source_names, help="Only those of one source.")
@click.option("--outcome", type=click.Choice(OUTCOMES), multiple=True, help="Only those with this outcome; repeatable.")
@click.option("--user", metavar="ID", help="Only those of one user id or anonymous id.")
@click.option("--name", metavar="EVENT", help="Only those of one event name, as it was sent.")
@click.option("--type", metavar="TYPE", shell_complete=event_types, help="Only events of one type, such as track.")
@click.option("--cause", metavar="TEXT", help="Only those whose cause contains TEXT.")
@click.option("--text", metavar="TEXT", help="Only those with TEXT in some value of the message.")
@click.option("--where", type=_Where(), help="Only those with this value at this path of the message.")
@click.option("--warned", is_flag=True, help="Only events with warnings.")
@click.option("--since", type=Instant(), help="Only those received then or later: 10m (ago), 04:00, or a date.")
@click.option("--until", type=Instant(), help="Only those received before then, written as for --since.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Maximum number of lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@console_options
def list_(as_json: bool, target: Target, **narrowed: Any) -> None:
    """List events and rejections, the newest first.

    \b
    Examples:
      browsee-adapter events list --source shop --outcome unmatched
      browsee-adapter events list --outcome dead --cause "total is required"
      browsee-adapter events list --text o-777
      browsee-adapter events list --where properties.order_id=o-777
      browsee-adapter events list --user u-1 --name "Order Completed" --since 10m
    """
    with console_at(target) as console:
        found = newest(console, Events(**narrowed))
        print_entries(found, as_json=as_json, empty=nothing_matches(narrowed))


@events.command()
@click.option("--follow", "-f", is_flag=True, help="Follow new events until Ctrl-C.")
@click.option(
    "--limit", type=click.IntRange(0, MAX_PAGE), default=10, show_default=True, help="Number of events to start with."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@console_options
def tail(follow: bool, limit: int, as_json: bool, target: Target) -> None:
    """Show the last events; with --follow also each new event, and again when it has ended.

    \b
    Example:
      browsee-adapter events tail --follow
    """
    with suppress(KeyboardInterrupt), console_at(target) as console:
        page = console.events(Events(limit=max(1, limit)))
        first = page["entries"][:limit][::-1]
        news = Tail(page["newest"], first)
        if follow and not as_json and shows_flow(terminal()):
            _flow(console, news, first)
        print_entries(first, as_json=as_json, empty=NOTHING_YET)
        while follow:
            for entry in news.look_at_all(console):
                _print_line(entry, as_json=as_json)
            time.sleep(EVERY_S)


def _flow(console: Console, news: Tail, first: list[JsonObject]) -> NoReturn:
    """Show `first` and new entries on a terminal, until Ctrl-C."""
    with Flow(terminal()) as flow:
        flow.show(first, pending=news.pending)
        while True:
            entries = list(news.look_at_all(console))
            flow.show(entries, pending=news.pending)
            time.sleep(EVERY_S)


@events.command("show")
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
@console_options
def show_(id_: str, as_json: bool, target: Target) -> None:
    """Show one event completely: received, mapped, answered.

    ID is the number that lists show (r12 for a rejection), or the message id. The event is mapped by the version that
    was used for it; a pending one by the active mapping.

    \b
    Examples:
      browsee-adapter events show 4711
      browsee-adapter events show r12
      browsee-adapter events show 0b5e3e1c-order-1
    """
    show_entries(id_, as_json=as_json, target=target)


@events.command()
@click.option("--user", required=True, metavar="ID", help="A user id or anonymous id, as in the events.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@console_options
def purge(user: str, yes: bool, target: Target) -> None:
    """Erase a user's data.

    Bodies and ids of the user are removed from pending, dead and finished events, and the user's rejections are
    deleted. Pending and dead events are then "dropped: deleted". A call in flight may still arrive. Browsee must delete
    the data that it has already. Events of a source that stores privately are found by the id as it was sent, and by
    its hash.

    \b
    Example:
      browsee-adapter events purge --user u-1
    """
    with console_at(target) as console:
        chosen = console.purge(user, dry_run=True)["chosen"]
        if not any(chosen.values()):
            say("nothing is kept of this user")
            return
        if not yes:
            click.confirm(f"Erase {_counts_text(chosen)} of this user?", abort=True)
        gone = console.purge(user)
        say(f"erased {_counts_text(gone)}")
        if gone["erasedFromDisk"] is None:
            say("PostgreSQL keeps copies until it vacuums its tables, and in its log and backups", err=True)
        elif not gone["erasedFromDisk"]:
            say(
                "the service is reading the queue, so copies stay in the write-ahead log until it is emptied next",
                err=True,
            )


@events.command("deletions")
@click.option("--user", metavar="ID", help="Only those of one user, by the id in the request.")
@click.option(
    "--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True, help="Maximum number of lines."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@console_options
def deletions_(user: str | None, limit: int, as_json: bool, target: Target) -> None:
    """List the deletion requests that a platform sent, and when each was carried out, the newest first.

    A request deletes the data of its user that its source received before it; see `events purge` for what that means.
    It is kept for retention.deletions. A source that stores privately has a hash in place of the user.

    \b
    Examples:
      browsee-adapter events deletions
      browsee-adapter events deletions --user u-1 --json
    """
    with console_at(target) as console:
        found = console.deletions(user, limit=limit)["deletions"]
    if as_json:
        for request in found:
            show_json(request)
        return
    show_table(DELETION_COLUMNS, [deletion_cells(one) for one in found], empty="no deletion request is kept")


def newest(console: Console, wanted: Events) -> list[JsonObject]:
    """The last `wanted.limit` events and rejections together, newest first, in as many pages as needed."""
    found: list[JsonObject] = []
    left = wanted
    while len(found) < wanted.limit:
        page = console.events(left)
        found += page["entries"]
        if page["next"] is None:
            break
        left = replace(wanted, limit=min(wanted.limit - len(found), MAX_PAGE) or 1, before=page["next"])
    return found


def show_entries(id_: str, *, as_json: bool, target: Target) -> None:
    """Print everything about the matches of `id_`; exit with status 1 if there is none."""
    with console_at(target) as console:
        found = console.event(id_)["found"]
    if not found:
        not_kept(id_)
    if as_json:
        for entry in found:
            show_json(entry, indented=True)
        return
    show("\n\n".join(map(render.as_text, found)))


def not_kept(id_: str) -> NoReturn:
    """Say that there is no match of `id_`, and exit with status 1."""
    say(f"{plain(id_)}: nothing is kept under this id; finished events go after retention.history", err=True)
    raise SystemExit(1)


def print_entries(found: list[JsonObject], *, as_json: bool, empty: str) -> None:
    """A line for each on a terminal, tab-separated cells elsewhere, or one JSON object a line. If there is nothing,
    `empty` says so on stderr.
    """
    screen = terminal()
    if as_json or (found and not screen.is_terminal):
        for entry in found:
            _print_line(entry, as_json=as_json)
        return
    if not found:
        say(empty, err=True)
        return
    lines = lines_for(screen, found)
    for line in (lines.head(), *map(lines.line, found)):
        print_line(screen, line)


def _counts_text(counts: JsonObject) -> str:
    return f"{counted(counts['events'], 'event')} and {counted(counts['rejections'], 'rejection')}"


def _print_line(entry: JsonObject, *, as_json: bool) -> None:
    if as_json:
        show_json(entry)
    else:
        say(tabbed(cells(entry)))

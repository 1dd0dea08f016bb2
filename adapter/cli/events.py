"""`browsee-adapter events`: what arrived and what became of it, and taking a user's data away."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, get_args

import click
import orjson

from adapter.cli import entries, told
from adapter.cli.at_queue import desk_at, queue_options, settings_of
from adapter.cli.entries import COLUMNS, Entry
from adapter.cli.show import show
from adapter.cli.table import counted, plain, show_table
from adapter.private import same_ids
from adapter.queue.desk import Desk
from adapter.queue.stories import Outcome, Rejected, Story
from adapter.settings.settings import Settings

_POLL_S = 0.5
_PAGE = 500
_MAX_WATCHED = 2_000
"""Pending events whose end `tail` waits for; of a larger backlog the latest."""

_REJECTED = "rejected"
_OUTCOMES = (*get_args(Outcome), _REJECTED)


@click.group()
def events() -> None:
    """Look at what arrived and what became of it.

    \b
    Examples:
      browsee-adapter events list --outcome dead --limit 50
      browsee-adapter events tail --follow
      browsee-adapter events show 4711
      browsee-adapter events purge --user u-1
    """


@events.command("list")
@click.option("--source", metavar="NAME", help="Only those of one source.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), help="Only those that ended so.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--json", "machine", is_flag=True, help="One JSON object a line.")
@queue_options
def list_(
    source: str | None, outcome: str | None, limit: int, machine: bool, config: Path | None, sandbox: bool
) -> None:
    """List events and rejections, the newest first.

    \b
    Example:
      browsee-adapter events list --source shop --outcome unmatched
    """
    with desk_at(settings_of(config, sandbox=sandbox)) as desk:
        print_entries(newest(desk, limit=limit, source=source, outcome=outcome), machine=machine)


@events.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with new ones as they come, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, help="How many to begin with.")
@click.option("--json", "machine", is_flag=True, help="One JSON object a line.")
@queue_options
def tail(follow: bool, limit: int, machine: bool, config: Path | None, sandbox: bool) -> None:
    """Show the last events; with --follow each new one as it comes, and again when it has ended.

    \b
    Example:
      browsee-adapter events tail --follow
    """
    with suppress(KeyboardInterrupt), desk_at(settings_of(config, sandbox=sandbox)) as desk:
        first = newest(desk, limit=limit)[::-1]
        news = Tail(desk, first)
        print_entries(first, machine=machine)
        while follow:
            for entry in news.look():
                _print_line(entry, machine=machine)
            time.sleep(_POLL_S)


@events.command("show")
@click.argument("ident", metavar="ID")
@click.option("--json", "machine", is_flag=True, help="As JSON, for other programs.")
@queue_options
def show_(ident: str, machine: bool, config: Path | None, sandbox: bool) -> None:
    """Show one event whole: received, mapped, answered.

    ID is the number that lists show (r12 for a rejection), or the message id. The event is mapped by the version that
    was used for it; one that is pending by the mapping at work.

    \b
    Examples:
      browsee-adapter events show 4711
      browsee-adapter events show r12
      browsee-adapter events show 0b5e3e1c-order-1
    """
    show_entries(ident, machine=machine, config=config, sandbox=sandbox)


@events.command()
@click.option("--user", required=True, metavar="ID", help="A user id or anonymous id, as it stands in events.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@queue_options
def purge(user: str, yes: bool, config: Path | None, sandbox: bool) -> None:
    """Take a user's data away.

    Bodies and ids of the user leave events that are pending, dead or in the history, and rejections go; what was
    pending or dead is then "dropped: deleted". A call that is under way at this moment may still arrive. What Browsee
    has got already is Browsee's to delete. Events of a source that stores privately are found by the id as it was sent,
    and by what privacy made of it.

    \b
    Example:
      browsee-adapter events purge --user u-1
    """
    settings = settings_of(config, sandbox=sandbox)
    with desk_at(settings) as desk:
        ids = same_ids(user, settings)
        receipts = sorted({receipt for ident in ids for page in desk.receipts_of_user(ident) for receipt in page})
        numbers = [number for page in desk.rejections_of_user(user) for number in page]
        if not receipts and not numbers:
            click.echo("nothing is kept of this user")
            return
        if not yes:
            told = f"{counted(len(receipts), 'event')} and {counted(len(numbers), 'rejection')}"
            click.confirm(f"Take away {told} of this user?", abort=True)
        deleted = in_pages(desk.delete_bodies, receipts)
        rejections = in_pages(desk.discard_rejections, numbers)
        click.echo(f"took away {counted(deleted, 'event')} and {counted(rejections, 'rejection')}")
        if not desk.empty_log():
            click.echo("the service is reading: copies stay in the write-ahead log until it is next emptied", err=True)


def newest(desk: Desk, *, limit: int, source: str | None = None, outcome: str | None = None) -> list[Entry]:
    """The last `limit` events and rejections together, newest first."""
    found: list[Entry] = []
    if outcome != _REJECTED:
        known = next((word for word in get_args(Outcome) if word == outcome), None)
        found += desk.newest(limit=limit, source=source, outcome=known)
    if outcome in (None, _REJECTED):
        found += desk.newest_rejections(limit=limit, source=source)
    return sorted(found, key=entries.received_at_s, reverse=True)[:limit]


def found_by(ident: str, desk: Desk, settings: Settings) -> list[Entry]:
    """What `ident` means: a receipt number, the number of a rejection after `r`, or a message id."""
    found: list[Entry | None] = []
    if ident.isascii() and ident.isdigit():
        found.append(desk.story(int(ident[:18])))
    if ident[:1] == "r" and ident[1:].isascii() and ident[1:].isdigit():
        found.append(desk.rejection(int(ident[1:19])))
    for message_id in same_ids(ident, settings):
        found += desk.of_message(message_id)
        found += desk.rejections_of(message_id)
    return list({entries.id_of(entry): entry for entry in found if entry is not None}.values())


def show_entries(ident: str, *, machine: bool, config: Path | None, sandbox: bool) -> None:
    """Print everything about what `ident` means; exit 1 if nothing is kept under it."""
    settings = settings_of(config, sandbox=sandbox)
    with desk_at(settings) as desk:
        found = found_by(ident, desk, settings)
        if not found:
            not_kept(ident)
        if machine:
            for entry in found:
                click.echo(orjson.dumps(told.as_json(entry, desk, settings), option=orjson.OPT_INDENT_2))
            return
        show("\n\n".join(told.as_text(entry, desk, settings) for entry in found))


def not_kept(ident: str) -> NoReturn:
    """Say that nothing is kept under `ident`, and exit 1."""
    click.echo(f"{plain(ident)}: nothing is kept under this id; finished events go after retention.history", err=True)
    raise SystemExit(1)


def print_entries(found: list[Entry], *, machine: bool) -> None:
    """A table, or one JSON object a line."""
    if machine:
        for entry in found:
            click.echo(orjson.dumps(entries.as_json(entry)))
        return
    show_table(COLUMNS, [entries.cells(entry) for entry in found])


def in_pages(change: Callable[[list[int]], int], ids: list[int]) -> int:
    """`change` for some of `ids` at a time, so that the service gets its turn between; the sum of what it says."""
    return sum(change(ids[start : start + _PAGE]) for start in range(0, len(ids), _PAGE))


class Tail:
    """What is new in a queue since the last look."""

    def __init__(self, desk: Desk, seen: Sequence[Entry]) -> None:
        """Begins after `seen`, the newest entries; if there are none, with what comes from now on."""
        self._desk = desk
        stories = [entry for entry in seen if isinstance(entry, Story)]
        numbers = [entry.number for entry in seen if isinstance(entry, Rejected)]
        newest_kept = [kept.number for kept in desk.newest_rejections(limit=1)]
        self._receipt = max((story.receipt for story in stories), default=desk.newest_receipt())
        self._number = max(numbers, default=max(newest_kept, default=0))
        self._open = [story.receipt for story in stories if story.outcome == "pending"]

    def look(self) -> Iterator[Entry]:
        """New events and rejections as they were received, and those seen pending before that have ended."""
        for receipt in self._open[:]:
            story = self._desk.story(receipt)
            if story is None or story.outcome != "pending":
                self._open.remove(receipt)
            if story is not None and story.outcome != "pending":
                yield story
        for story in self._new_stories():
            if story.outcome == "pending":
                self._open.append(story.receipt)
            yield story
        del self._open[:-_MAX_WATCHED]
        for kept in self._desk.rejections(after=self._number):
            self._number = kept.number
            yield kept

    def _new_stories(self) -> Iterator[Story]:
        while page := self._desk.since(self._receipt, limit=_PAGE):
            yield from page
            self._receipt = page[-1].receipt


def _print_line(entry: Entry, *, machine: bool) -> None:
    line = orjson.dumps(entries.as_json(entry)) if machine else "\t".join(plain(cell) for cell in entries.cells(entry))
    click.echo(line)

"""`browsee-adapter dead`: what did not get through, by its cause, and what to do about it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from uuid import uuid4

import click
import orjson

from adapter.app import event_validator
from adapter.cli import entries
from adapter.cli.at_queue import desk_at, queue_options, settings_of
from adapter.cli.entries import Entry
from adapter.cli.events import in_pages, print_entries, show_entries
from adapter.cli.letters import Chosen, Wanted, choose, letters, rejections
from adapter.cli.ndjson import line_of, line_of_event, part_of
from adapter.cli.read_anew import read_anew
from adapter.cli.table import counted, plain, show_table
from adapter.ingest.decode import decode
from adapter.model import Event, Problem, Secret
from adapter.queue.desk import Desk
from adapter.queue.stories import Group, Rejected, Story
from adapter.settings.settings import Settings

_PAGE = 500


@click.group()
def dead() -> None:
    """Look at dead letters and rejections, and put them back.

    A dead letter is an event that Browsee or its mapping refused, or that was tried for too long. A rejection (its id
    begins with r) is a message that does not fit its schema and so never became an event.

    \b
    Examples:
      browsee-adapter dead list --group
      browsee-adapter dead show 4711
      browsee-adapter dead requeue --cause "total is required"
      browsee-adapter dead discard r12 r13
      browsee-adapter dead export lost.ndjson
    """


@dead.command("list")
@click.option("--group", "grouped", is_flag=True, help="One line for each cause, with how many there are.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many lines at most.")
@click.option("--json", "machine", is_flag=True, help="One JSON object a line.")
@queue_options
def list_(grouped: bool, limit: int, machine: bool, config: Path | None, sandbox: bool) -> None:
    """List dead letters and rejections, the oldest first, or their causes, the most frequent first.

    \b
    Example:
      browsee-adapter dead list --group
    """
    with desk_at(settings_of(config, sandbox=sandbox)) as desk:
        if grouped:
            _print_groups(desk.groups(limit=limit), machine=machine)
            return
        found: list[Entry] = [*desk.dead(limit=limit), *desk.rejections(limit=limit)]
        print_entries(sorted(found, key=entries.received_at_s)[:limit], machine=machine)


@dead.command("show")
@click.argument("ident", metavar="ID")
@click.option("--json", "machine", is_flag=True, help="As JSON, for other programs.")
@queue_options
def show_(ident: str, machine: bool, config: Path | None, sandbox: bool) -> None:
    """Show one dead letter or rejection whole; the same as `events show`.

    \b
    Example:
      browsee-adapter dead show r12
    """
    show_entries(ident, machine=machine, config=config, sandbox=sandbox)


@dead.command()
@click.argument("idents", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters and rejections.")
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, has TEXT in it.")
@click.option("--unmatched", is_flag=True, help="The events that no rule took, as far back as history goes.")
@queue_options
def requeue(
    idents: tuple[str, ...], everything: bool, cause: str | None, unmatched: bool, config: Path | None, sandbox: bool
) -> None:
    """Make them pending again, the oldest first.

    They go within the rate and behind live traffic, and are mapped anew by the mapping that is then at work; what of
    them got through before is not sent again. A rejection is read anew, and stays if it still does not fit.

    \b
    Examples:
      browsee-adapter dead requeue --cause "total is required"
      browsee-adapter dead requeue 4711 r12
    """
    wanted = _wanted(idents, cause, everything=everything, unmatched=unmatched)
    wanted = replace(wanted, outcomes=("dead", "unmatched"))
    settings = settings_of(config, sandbox=sandbox)
    with desk_at(settings) as desk:
        chosen = choose(desk, wanted)
        count = in_pages(desk.requeue, chosen.receipts)
        read, still = _read_anew(desk, settings, chosen.numbers)
        readable = counted(read["pending"], "rejection that can be read now", "rejections that can be read now")
        click.echo(f"pending again: {counted(count, 'event')}, {readable}")
        if read["duplicate"]:
            click.echo(f"received again meanwhile, so a duplicate now: {counted(read['duplicate'], 'rejection')}")
        for reason, number in still.most_common():
            click.echo(f"still rejected: {number} × {plain(reason)}")
        _end(chosen, wanted)


@dead.command("discard")
@click.argument("idents", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters and rejections.")
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, has TEXT in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@queue_options
def discard_(
    idents: tuple[str, ...], everything: bool, cause: str | None, yes: bool, config: Path | None, sandbox: bool
) -> None:
    """Forget them for good, after asking.

    \b
    Example:
      browsee-adapter dead discard --cause "no such project" --yes
    """
    wanted = _wanted(idents, cause, everything=everything)
    with desk_at(settings_of(config, sandbox=sandbox)) as desk:
        chosen = choose(desk, wanted)
        if not yes and (chosen.receipts or chosen.numbers):
            click.confirm(f"Forget {_told(len(chosen.receipts), len(chosen.numbers))} for good?", abort=True)
        gone = in_pages(desk.discard, chosen.receipts), in_pages(desk.discard_rejections, chosen.numbers)
        click.echo(f"discarded {_told(*gone)}")
        _end(chosen, wanted)


@dead.command("export")
@click.argument("file", metavar="FILE.ndjson", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, has TEXT in it.")
@queue_options
def export_(file: Path, cause: str | None, config: Path | None, sandbox: bool) -> None:
    """Write them into a file, as `export` does: the messages, to look at or to send again.

    \b
    Example:
      browsee-adapter dead export lost.ndjson --cause "total is required"
    """
    wanted = Wanted((), cause)
    settings = settings_of(config, sandbox=sandbox)
    with desk_at(settings) as desk, part_of(file, resume=False) as part:
        found: Iterator[Entry] = chain(letters(desk), rejections(desk))
        lines = (_line(entry, settings.hash_key) for entry in found if wanted.takes(entry))
        skipped = 0
        while page := list(islice(lines, _PAGE)):
            whole = [line for line in page if line is not None]
            skipped += len(page) - len(whole)
            part.write(whole, receipt=0)
        part.finish()
        click.echo(f"{file}: {counted(part.reached.lines, 'message')}")
        if skipped:
            click.echo(f"left out, as no JSON object: {counted(skipped, 'rejection')}; see `dead show`", err=True)


def _wanted(idents: tuple[str, ...], cause: str | None, *, everything: bool, unmatched: bool = False) -> Wanted:
    if [bool(idents), cause is not None, everything, unmatched].count(True) != 1:
        raise click.UsageError("say which: either ids, or one of the options that choose, as --all and --cause")
    return Wanted(idents, cause, unmatched)


def _read_anew(desk: Desk, settings: Settings, numbers: Sequence[int]) -> tuple[Counter[str], Counter[str]]:
    """What became of the rejections that can be read now, and why the others cannot."""
    became: Counter[str] = Counter()
    still: Counter[str] = Counter()
    validator = event_validator()
    for number in numbers:
        kept = desk.rejection(number)
        if kept is None:
            continue
        read = read_anew(
            kept.rejection,
            validator=validator,
            max_message_bytes=settings.limits.message_bytes,
            new_id=lambda: uuid4().hex,
        )
        if isinstance(read, Event):
            became[desk.readmit(number, read)] += 1
        else:
            still[Rejected(number, read).cause] += 1
    return became, still


def _end(chosen: Chosen, wanted: Wanted) -> None:
    """Exit 1 if an id or a cause means nothing here."""
    for ident in chosen.missing:
        click.echo(f"{plain(ident)}: neither a dead letter nor a rejection", err=True)
    is_nothing = wanted.cause is not None and not chosen.receipts and not chosen.numbers
    if is_nothing:
        click.echo("no cause has this text; see them with: browsee-adapter dead list --group", err=True)
    if chosen.missing or is_nothing:
        raise SystemExit(1)


def _told(dead_letters: int, rejected: int) -> str:
    return f"{counted(dead_letters, 'dead letter')} and {counted(rejected, 'rejection')}"


def _print_groups(groups: Sequence[Group], *, machine: bool) -> None:
    if machine:
        for group in groups:
            click.echo(orjson.dumps({"count": group.count, "outcome": _outcome(group), "cause": group.cause}))
        return
    rows = [(str(group.count), _outcome(group), group.cause, _first(group)) for group in groups]
    show_table(("how many", "outcome", "cause", "oldest"), rows)


def _line(entry: Entry, hash_key: Secret | None) -> bytes | None:
    """The line of a file; None for a body that is no JSON object, as nothing is that was not kept."""
    if isinstance(entry, Story):
        return line_of_event(entry.event, hash_key)
    body = decode(entry.rejection.body)
    if isinstance(body, Problem) or not body.is_single:
        return None
    return line_of(entry.rejection.source, entry.rejection.received_at, body.messages[0])


def _outcome(group: Group) -> str:
    return "rejected" if group.rejected else "dead"


def _first(group: Group) -> str:
    return f"r{group.first}" if group.rejected else str(group.first)

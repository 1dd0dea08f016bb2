"""`browsee-adapter dead`: dead letters and rejections, by cause, and what to do about them."""

from collections.abc import Iterator
from pathlib import Path

import click

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.dead_try import letters, try_
from adapter.cli.events import print_entries, show_entries
from adapter.cli.ndjson import part_of
from adapter.cli.nothing import NOTHING_DEAD, nothing_dead
from adapter.cli.show import say, show_json
from adapter.cli.table import plain, show_table
from adapter.console.console import Selection
from adapter.console.wording import counted
from adapter.model import JsonObject


@click.group()
def dead() -> None:
    """List dead letters and rejections, and requeue them.

    A dead letter is an event that Browsee or its mapping refused, or that was tried for too long. A rejection (its id
    begins with r) is a message that does not fit its schema and so never became an event.

    \b
    Examples:
      browsee-adapter dead list --group
      browsee-adapter dead show 4711
      browsee-adapter dead try --mapping mappings/shop.yaml
      browsee-adapter dead requeue --cause "total is required"
      browsee-adapter dead discard r12 r13
      browsee-adapter dead export lost.ndjson
    """


dead.add_command(try_)


@dead.command("list")
@click.option("--group", "grouped", is_flag=True, help="One line for each cause, with how many there are.")
@click.option("--cause", metavar="TEXT", help="Only those whose cause contains TEXT.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@console_options
def list_(grouped: bool, cause: str | None, limit: int, as_json: bool, target: Target) -> None:
    """List dead letters and rejections, the oldest first, or their causes, the most frequent first.

    \b
    Examples:
      browsee-adapter dead list --group
      browsee-adapter dead list --cause "total is required"
    """
    if grouped and cause is not None:
        raise click.UsageError("--group lists all causes; leave out --cause")
    with console_at(target) as console:
        if grouped:
            _print_causes(console.causes(limit=limit)["causes"], as_json=as_json)
            return
        print_entries(letters(console, cause, limit=limit), as_json=as_json, empty=nothing_dead(cause))


@dead.command("show")
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
@console_options
def show_(id_: str, as_json: bool, target: Target) -> None:
    """Show one dead letter or rejection completely; the same as `events show`.

    \b
    Example:
      browsee-adapter dead show r12
    """
    show_entries(id_, as_json=as_json, target=target)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters and rejections.")
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, contains TEXT.")
@click.option("--unmatched", is_flag=True, help="The events that no rule matched, as far back as history goes.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what the active mapping would make of them.")
@console_options
def requeue(
    ids: tuple[str, ...], everything: bool, cause: str | None, unmatched: bool, dry_run: bool, target: Target
) -> None:
    """Make dead letters and rejections pending again, the oldest first.

    They are delivered within the rate and behind live traffic, and are mapped by the mapping that is then active. Calls
    already delivered are not repeated. A rejection is validated again, and stays if it still does not fit its schema.
    The command does not wait for the results; it prints the commands that show them.

    \b
    Examples:
      browsee-adapter dead requeue --cause "total is required" --dry-run
      browsee-adapter dead requeue --cause "total is required"
      browsee-adapter dead requeue 4711 r12
    """
    which = _which(ids, cause, everything=everything, unmatched=unmatched)
    with console_at(target) as console:
        done = console.requeue(which, dry_run=dry_run, preview=dry_run)
    if dry_run:
        say(_preview_text(done))
        _end(done, which)
        return
    readable = counted(done["rejections"], "rejection that can be read now", "rejections that can be read now")
    say(f"pending again: {counted(done['events'], 'event')}, {readable}")
    if done["duplicates"]:
        say(f"received again meanwhile, so a duplicate now: {counted(done['duplicates'], 'rejection')}")
    for still in done["stillRejected"]:
        say(f"still rejected: {still['count']} × {plain(still['cause'])}")
    if done["events"] or done["rejections"]:
        for line in _next_lines(done, which, target):
            say(line, err=True)
    _end(done, which)


def _next_lines(done: JsonObject, which: Selection, target: Target) -> Iterator[str]:
    """The commands that show the result."""
    if len(which.ids) == 1 and done["events"]:
        yield f"see the result with: {target.command('events', 'show', *which.ids)}"
        return
    yield f"see what is still pending with: {target.command('events', 'list', '--outcome', 'pending')}"
    yield f"see what failed again with: {target.command('dead', 'list', '--group')}"


def _preview_text(done: JsonObject) -> str:
    """`12 of 14 events would be sent; 2 refused by their mapping`."""
    would, chosen = done["would"], done["chosen"]
    words = (("refused", "refused by their mapping"), ("dropped", "dropped"), ("unmatched", "taken by no rule"))
    others = [f"{would[name]} {text}" for name, text in words if would[name]]
    first = f"{would['sent']} of {counted(would['looked'], 'event')} would be sent"
    if would["looked"] < chosen["events"]:
        first += f" (the oldest of {chosen['events']} were looked at)"
    readings = [f"{counted(chosen['rejections'], 'rejection')} would be read again"] if chosen["rejections"] else []
    return "; ".join([first, *others, *readings])


@dead.command("discard")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters and rejections.")
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, contains TEXT.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@console_options
def discard_(ids: tuple[str, ...], everything: bool, cause: str | None, yes: bool, target: Target) -> None:
    """Delete dead letters and rejections for good, after asking.

    \b
    Example:
      browsee-adapter dead discard --cause "no such project" --yes
    """
    which = _which(ids, cause, everything=everything)
    with console_at(target) as console:
        if not yes:
            chosen = console.discard(which, dry_run=True)["chosen"]
            if any(chosen.values()):
                click.confirm(f"Delete {_counts_text(chosen)} for good?", abort=True)
        done = console.discard(which)
    say(f"discarded {_counts_text(done)}")
    _end(done, which)


@dead.command("export")
@click.argument("file", metavar="FILE.ndjson", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, contains TEXT.")
@console_options
def export_(file: Path, cause: str | None, target: Target) -> None:
    """Write them to a file, as `export` does: the messages, to inspect or to send again.

    \b
    Example:
      browsee-adapter dead export lost.ndjson --cause "total is required"
    """
    with console_at(target) as console, part_of(file, resume=False) as part:
        export = console.export(cause)
        for page in export.pages:
            part.write(list(page), seq=0)
        part.finish()
        say(f"{file}: {counted(part.reached.lines, 'message')}")
        if export.left_out:
            say(f"left out, as no JSON object: {counted(export.left_out, 'rejection')}; see `dead show`", err=True)


def _which(ids: tuple[str, ...], cause: str | None, **more: bool) -> Selection:
    if [bool(ids), cause is not None, *more.values()].count(True) != 1:
        raise click.UsageError("select some: give ids, or one of the options that select, such as --all or --cause")
    return Selection(ids=ids, cause=cause, **more)


def _end(done: JsonObject, which: Selection) -> None:
    """Exit with status 1 if an id or a cause matches nothing."""
    for id_ in done["missing"]:
        say(f"{plain(id_)}: neither a dead letter nor a rejection", err=True)
    is_nothing = which.cause is not None and not any(done["chosen"].values())
    if is_nothing:
        say("no cause has this text; see them with: browsee-adapter dead list --group", err=True)
    if done["missing"] or is_nothing:
        raise SystemExit(1)


def _counts_text(counts: JsonObject) -> str:
    return f"{counted(counts['events'], 'dead letter')} and {counted(counts['rejections'], 'rejection')}"


def _print_causes(causes: list[JsonObject], *, as_json: bool) -> None:
    if as_json:
        for cause in causes:
            show_json(cause)
        return
    rows = [(str(cause["count"]), cause["outcome"], cause["cause"], cause["oldest"]) for cause in causes]
    show_table(("how many", "outcome", "cause", "oldest"), rows, empty=NOTHING_DEAD)

"""`browsee-adapter dead try`: what a mapping would do with dead letters. Sends and changes nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.completing import mappings
from adapter.cli.nothing import nothing_dead
from adapter.cli.reading import text_of
from adapter.cli.show import say, show_json
from adapter.cli.table import plain, show_table
from adapter.console.console import MAX_PAGE, Console, Events
from adapter.console.drafts import MAX_PREVIEWED
from adapter.console.wording import counted
from adapter.model import JsonObject
from adapter.settings.mapping_choice import named_mapping

_COLUMNS = ("id", "event", "source", "would be", "why")
_OUTCOMES = {"sent": "sent", "rejected": "refused", "dropped": "dropped", "unmatched": "unmatched"}
"""The results of a mapping, and the same words for dead letters."""


@click.command("try")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--mapping",
    metavar="FILE",
    shell_complete=mappings,
    help="By this mapping, instead of the active one of each source.",
)
@click.option("--cause", metavar="TEXT", help="Those whose cause, as `dead list` shows it, contains TEXT.")
@click.option("--unmatched", is_flag=True, help="The newest events that no rule matched.")
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True, help="How many events at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the calls that would be sent.")
@console_options
def try_(
    ids: tuple[str, ...],
    mapping: str | None,
    cause: str | None,
    unmatched: bool,
    limit: int,
    as_json: bool,
    target: Target,
) -> None:
    """Show what a mapping would do with dead letters, before they are requeued.

    Without ids or an option that selects some, all dead letters are mapped, the oldest first. FILE is used as the
    mapping of each event's source, with the vars of that source. Nothing is sent, and nothing changes.

    \b
    Examples:
      browsee-adapter dead try
      browsee-adapter dead try --mapping shop-new.yaml --cause "total is required"
      browsee-adapter dead try 4711 --mapping mappings/shop.yaml --json
    """
    if [bool(ids), cause is not None, unmatched].count(True) > 1:
        raise click.UsageError("choose by one of: ids, --cause, --unmatched")
    text = None if mapping is None else text_of(named_mapping(mapping, folder=Path()))
    with console_at(target) as console:
        rows, missing = _named(console, ids) if ids else (letters(console, cause, unmatched=unmatched, limit=limit), [])
        events = [row for row in rows if row["outcome"] != "rejected"][:limit]
        tried = _tried(console, events, text)
    if as_json:
        for row in tried:
            show_json(row)
    else:
        if tried:
            show_table(_COLUMNS, [_cells(row) for row in tried], empty="")
        if rows or ids:
            say(_summary(tried, rejections=len(rows) - len(events)), err=not tried)
        else:
            say("no unmatched event is kept" if unmatched else nothing_dead(cause), err=True)
    for id_ in missing:
        is_file = Path(id_).suffix in (".yaml", ".yml")
        fix = f"; to try this file: --mapping {plain(id_)}" if is_file else ""
        say(f"{plain(id_)}: nothing is kept under this id{fix}", err=True)
    if missing:
        raise SystemExit(1)


def _named(console: Console, ids: Sequence[str]) -> tuple[list[JsonObject], list[str]]:
    """The events and rejections of these ids, and the ids without a match."""
    found = {id_: console.event(id_)["found"] for id_ in ids}
    return [row for rows in found.values() for row in rows], [id_ for id_, rows in found.items() if not rows]


def letters(console: Console, cause: str | None = None, *, unmatched: bool = False, limit: int) -> list[JsonObject]:
    """Dead letters and rejections, oldest first, or unmatched events, newest first: as many pages as `limit` needs."""
    rows: list[JsonObject] = []
    at: str | None = None
    while len(rows) < limit:
        most = min(limit - len(rows), MAX_PAGE)
        if unmatched:
            page = console.events(Events(outcome=("unmatched",), limit=most, before=at))
        else:
            page = console.dead(cause=cause, limit=most, after=at)
        rows += page["entries"]
        at = page["next"]
        if at is None:
            break
    return rows


def _tried(console: Console, events: Sequence[JsonObject], text: str | None) -> list[JsonObject]:
    """The result for each, as `Console.try_mapping` returns it, with its source; in the order of `events`."""
    by_id: dict[str, JsonObject] = {}
    for source in dict.fromkeys(row["source"] for row in events):
        ids = [row["id"] for row in events if row["source"] == source]
        for start in range(0, len(ids), MAX_PREVIEWED):
            for row in console.try_mapping(source, ids[start : start + MAX_PREVIEWED], text=text)["events"]:
                became = row["was"] if text is None else row["now"]
                by_id[row["id"]] = {"source": source, **row, "outcome": _OUTCOMES[became["outcome"]], "mapped": became}
    return [by_id[row["id"]] for row in events if row["id"] in by_id]


def _cells(row: JsonObject) -> tuple[str, ...]:
    return row["id"], row["event"] or row["type"], row["source"], row["outcome"], "; ".join(_why(row["mapped"])) or "-"


def _why(mapped: JsonObject) -> Iterator[str]:
    match mapped["outcome"]:
        case "sent":
            yield from (f"{call['kind']} {call['body'].get('event', '')}".rstrip() for call in mapped["calls"])
        case "rejected":
            yield from (f"{problem['message']} (rule '{mapped['rule']}')" for problem in mapped["problems"])
        case "dropped":
            yield mapped["text"] or mapped["reason"]
        case _:
            yield mapped.get("hint") or "no rule takes it"


def _summary(tried: Sequence[JsonObject], *, rejections: int) -> str:
    """`12 of 14 events would be sent; 2 refused`."""
    counts = Counter(row["outcome"] for row in tried)
    parts = [f"{counts['sent']} of {counted(len(tried), 'event')} would be sent"]
    parts += [f"{counts[word]} {word}" for word in ("refused", "dropped", "unmatched") if counts[word]]
    if rejections:
        parts.append(f"{counted(rejections, 'rejection')} would be read again, before any mapping")
    return "; ".join(parts)

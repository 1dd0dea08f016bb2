"""`browsee-adapter export`: stored events to a file, one JSON object a line, for `send`, for tests, for a backup."""

from pathlib import Path

import click

from adapter.cli.at_queue import admin_of, queue_options, settings_of
from adapter.cli.completing import source_names
from adapter.cli.ndjson import PartialFile, part_of, progress
from adapter.cli.show import say
from adapter.console.ndjson import line_of
from adapter.console.wording import counted
from adapter.model import Secret
from adapter.privacy.storage import mark_of
from adapter.queue.admin import QueueAdmin

_PAGE = 1_000


@click.command()
@click.argument("file", metavar="FILE.ndjson", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", shell_complete=source_names, help="Only those of one source.")
@queue_options
def export(file: Path, source: str | None, config: Path | None, sandbox: bool) -> None:
    """Write every stored event to a file, in the order received.

    Each line is {"source": …, "receivedAt": …, "message": …}, the message as it was sent. A privately stored message is
    what its guards left of it, and "privacy" names them, so that none is applied twice. Stored are pending and dead
    events, and finished ones until retention.history has passed. If interrupted, the same command continues; the file
    gets its name when it is complete.

    \b
    Example:
      browsee-adapter export events.ndjson --source shop
    """
    settings = settings_of(config, sandbox=sandbox)
    with admin_of(settings) as admin, part_of(file) as part:
        _write(admin, part, source, settings.hash_key)
        part.finish()
        say(f"{file}: {counted(part.reached.lines, 'event')}")


def _write(admin: QueueAdmin, part: PartialFile, source: str | None, hash_key: Secret | None) -> None:
    newest = admin.newest_seq()
    with progress("export", newest, start=part.reached.seq) as show:
        # A page at a time, with no read open in between, so that the queue's log can be emptied meanwhile.
        while page := admin.since(part.reached.seq, limit=_PAGE):
            records = [record for record in page if record.seq <= newest]
            wanted = [record.event for record in records if record.event.body and source in (None, record.event.source)]
            if not records:
                return
            lines = [
                line_of(event.source, event.received_at, event.body, privacy=mark_of(event, hash_key))
                for event in wanted
            ]
            part.write(lines, records[-1].seq)
            show(part.reached.seq)

"""`browsee-adapter where`: one line about one message."""

from pathlib import Path

import click

from adapter.cli import told
from adapter.cli.at_queue import desk_at, queue_options, settings_of
from adapter.cli.events import found_by, not_kept
from adapter.cli.table import plain


@click.command()
@click.argument("message_id", metavar="MESSAGE_ID")
@queue_options
def where(message_id: str, config: Path | None, sandbox: bool) -> None:
    """Say where a message is now, and why.

    MESSAGE_ID is the sender's messageId. Ends with 1 if nothing is kept of it: it was never received, or it ended
    longer ago than retention.history.

    \b
    Example:
      browsee-adapter where 0b5e3e1c-order-1
    """
    settings = settings_of(config, sandbox=sandbox)
    with desk_at(settings) as desk:
        found = found_by(message_id, desk, settings)
        if not found:
            not_kept(message_id)
        for entry in found:
            click.echo(plain(told.where(entry, desk)))

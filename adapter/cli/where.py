"""`browsee-adapter where`: one line about one message."""

import click

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.events import not_kept
from adapter.cli.show import say
from adapter.cli.table import plain


@click.command()
@click.argument("message_id", metavar="MESSAGE_ID")
@console_options
def where(message_id: str, target: Target) -> None:
    """Show where a message is now, and why.

    MESSAGE_ID is the sender's messageId. Exits with status 1 if the queue has no record of it: it was never received,
    or it ended longer ago than retention.history.

    \b
    Examples:
      browsee-adapter where 0b5e3e1c-order-1
      browsee-adapter where 0b5e3e1c-order-1 --url https://adapter.example.com
    """
    with console_at(target) as console:
        found = console.where(message_id)["found"]
        if not found:
            not_kept(message_id)
        for entry in found:
            say(plain(entry["line"]))

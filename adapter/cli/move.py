"""`browsee-adapter move`: a queue from SQLite to PostgreSQL or back, while no service runs on it."""

from pathlib import Path

import click

from adapter.cli.ndjson import progress
from adapter.cli.show import say
from adapter.console.wording import counted
from adapter.errors import ConfigError, QueueError
from adapter.printable import printable
from adapter.queue.address import QueueAddress, parse_address, spelled, state_folder
from adapter.queue.backends import open_source, open_target
from adapter.queue.moving import move as move_rows
from adapter.settings.generated_secrets import FILE_NAME

_SCHEMES = ("sqlite:///", "postgresql://", "postgres://")


class _Address(click.ParamType[QueueAddress]):
    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> QueueAddress:
        if not value.startswith(_SCHEMES):
            # Without the text, which may contain a password.
            self.fail(
                "not an address of a queue: sqlite:///data/adapter.db or postgresql://user@host/database", param, ctx
            )
        try:
            return parse_address(value, folder=Path())
        except ConfigError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--from", "leaving", type=_Address(), required=True, help="The queue, as in the setting `queue`.")
@click.option("--to", type=_Address(), required=True, help="Where it goes: no queue is there yet, or an empty one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def move(ctx: click.Context, leaving: QueueAddress, to: QueueAddress, yes: bool) -> None:
    """Move a queue to another place: pending events, dead letters, history, ids seen, counters and mappings.

    Stop the service first, move, then start it with the new address: senders retry meanwhile. Every row is read back
    and compared. Either everything is moved or nothing: after an interruption the same command starts again. The old
    queue is kept, marked, and can no longer be served.

    \b
    Example:
      browsee-adapter move --from sqlite:///data/adapter.db --to postgresql://adapter@db-1/adapter
    """
    here, there = spelled(leaving), spelled(to)
    if here == there:
        raise ConfigError("--from and --to are the same queue")
    if not yes:
        click.confirm(printable(f"Move {here} to {there}? Neither may be served meanwhile"), abort=True)
    with open_source(leaving) as source, open_target(to) as target, progress("move", 2 * source.count()) as show:
        try:
            rows = move_rows(source, target, leaving=here, to=there, show=show)
        except QueueError as error:
            say(f"{error}", err=True)
            ctx.exit(1)
    say(f"Moved {counted(rows, 'row')}; each was read back and is equal.")
    say(f"Next: set `queue: {there}` and start the service.")
    folder = state_folder(leaving)
    if folder is not None and (folder / FILE_NAME).exists():
        keys = folder / FILE_NAME
        say(f"The generated keys stay in {keys}: replicas need them as `keys` and `admin_token` in their settings.")

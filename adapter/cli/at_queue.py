"""Leads a command to the queue that the service works on: by the settings, read as `serve` reads them.

Looks beside the running service and never in its place: takes no lock, makes no queue and no secret.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from adapter.errors import ConfigError
from adapter.queue.admin import QueueAdmin
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.service.deletions import sentences
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings

C = TypeVar("C", bound=Callable[..., Any])

_KEY = "BROWSEE_API_KEY"


def queue_options(command: C) -> C:
    """`--config` and `--sandbox`, for commands that look at a queue."""
    sandbox = click.option("--sandbox", is_flag=True, help="The queue of `serve --sandbox`.")
    config = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (else ./adapter.yaml)."
    )
    return config(sandbox(command))


def settings_of(config: Path | None, *, sandbox: bool, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises ConfigError with every problem found."""
    # Nothing is sent to Browsee from here, so an operator's shell need not hold its key.
    return load_settings(file=config, environ={_KEY: "not used here", **environ}, sandbox=sandbox)


def waiting_deletions(settings: Settings) -> list[str]:
    """A sentence for each source whose deletion requests wait in the queue of `settings`; none without a queue."""
    file = settings.queue.file
    if file is None or not file.is_file():
        return []
    deleting = {source.name for source in settings.sources if source.may_delete}
    with admin_of(settings) as admin:
        return sentences(admin.deletions_waiting(), deleting.__contains__)


@contextmanager
def admin_of(settings: Settings) -> Iterator[QueueAdmin]:
    """The admin of the queue of `settings`. Raises ConfigError if there is none to look at."""
    file = settings.queue.file
    if file is None:
        raise ConfigError("the queue is in memory, where only the service itself can look; see its /readyz")
    sandbox = settings.queue.beside("sandbox.db")
    if sandbox is not None and not os.path.isfile(file) and os.path.isfile(sandbox):  # noqa: PTH113 - never raises
        raise ConfigError(f"{file}: there is no queue here, but one of `serve --sandbox`: add --sandbox")
    unordered = {source.name for source in settings.sources if source.order == "none"}
    # To look would be enough to lose what lies behind the damage: the last who closes the file removes its log.
    refuse_damaged_log(file)
    with SqliteQueueAdmin.open(file, unordered=unordered) as admin:
        yield admin

"""Opens the queue that the service uses, by the settings, read as `serve` reads them.

Works beside the running service: takes no lock, creates no queue and generates no secret.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from adapter.errors import ConfigError
from adapter.queue.address import sandbox_address
from adapter.queue.admin import QueueAdmin
from adapter.queue.backends import is_there, open_admin, refuse_damaged
from adapter.service.deletions import warnings
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings

C = TypeVar("C", bound=Callable[..., Any])

_KEY = "BROWSEE_API_KEY"


def queue_options(command: C) -> C:
    """`--config` and `--sandbox`, for commands that read a queue."""
    sandbox = click.option("--sandbox", is_flag=True, help="The queue of `serve --sandbox`.")
    config = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (else ./adapter.yaml)."
    )
    return config(sandbox(command))


def settings_of(config: Path | None, *, sandbox: bool, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises ConfigError with every problem found."""
    # Nothing is sent to Browsee here, so the key need not be in the operator's environment.
    key = environ.get(_KEY) or "not used here"
    return load_settings(file=config, environ={**environ, _KEY: key}, sandbox=sandbox)


def waiting_deletions(settings: Settings) -> list[str]:
    """A sentence for each source with waiting deletion requests in the queue of `settings`; none without a queue."""
    if not is_there(settings.queue):
        return []
    deleting = {source.name for source in settings.sources if source.may_delete}
    with admin_of(settings) as admin:
        return warnings(admin.deletions_waiting(), deleting.__contains__)


@contextmanager
def admin_of(settings: Settings) -> Iterator[QueueAdmin]:
    """The admin of the queue of `settings`. Raises ConfigError if there is no queue."""
    sandbox = sandbox_address(settings.queue)
    if not is_there(settings.queue) and is_there(sandbox):
        raise ConfigError(f"{settings.queue}: there is only the queue of `serve --sandbox` here; add --sandbox")
    refuse_damaged(settings.queue)
    with open_admin(settings.queue, unordered=settings.unordered) as admin:
        yield admin

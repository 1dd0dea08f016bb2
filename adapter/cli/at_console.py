"""Options that choose the console of a command: at the queue, or of a running service with `--url`."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from adapter.cli.at_queue import admin_of, queue_options, settings_of
from adapter.cli.remote import HttpConsole
from adapter.console.console import Console
from adapter.errors import AdapterError, ConfigError
from adapter.model import Secret
from adapter.printable import printable
from adapter.service.applications import event_validator
from adapter.service.operators import admin_console
from adapter.settings.generated_secrets import generated_token

TOKEN_VARIABLE = "ADAPTER_ADMIN_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Target:
    """The console to use: at the queue of the settings, or of the service at `url`."""

    config: Path | None
    sandbox: bool
    url: str | None

    def command(self, *words: str) -> str:
        """A command to paste that goes to the same console."""
        config = () if self.config is None else ("--config", str(self.config))
        url = () if self.url is None else ("--url", self.url)
        options = (*config, *(("--sandbox",) if self.sandbox else ()), *url)
        return printable(shlex.join(("browsee-adapter", *words, *options)))


def console_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--url`, `--config` and `--sandbox`, passed to `command` as `target`."""

    @wraps(command)
    def with_target(*args: Any, config: Path | None, sandbox: bool, url: str | None, **more: Any) -> None:
        try:
            command(*args, target=Target(config, sandbox, url), **more)
        except (LookupError, TypeError, ValueError, AttributeError) as cause:
            if url is None:
                raise
            # A command reads answers as this version describes them; another version or another service differs.
            raise ConfigError(
                f"{url} answered something that this version of browsee-adapter does not understand; --url is the "
                "address of a service of the same version"
            ) from cause

    asked = click.option(
        "--url", metavar="URL", help=f"Ask a running service instead; its admin token from {TOKEN_VARIABLE}."
    )
    return asked(queue_options(with_target))


def _generated_token(url: str) -> str:
    """The token that the service on this machine generated; "" if there is none. It is never sent to another
    machine.
    """
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        return ""
    with suppress(AdapterError):
        # Beside a sandbox too, where no key of Browsee is set.
        return generated_token(settings_of(None, sandbox=False))
    return ""


@contextmanager
def console_at(target: Target) -> Iterator[Console]:
    """The console at `target`. Raises ConfigError if there is none."""
    if target.url is None:
        settings = settings_of(target.config, sandbox=target.sandbox)
        with admin_of(settings) as admin:
            yield admin_console(admin, settings, validator=event_validator)
        return
    if target.config is not None or target.sandbox:
        raise click.UsageError("--url asks a service, --config and --sandbox lead to a file: give one of them")
    token = os.environ.get(TOKEN_VARIABLE, "") or _generated_token(target.url)
    if not token:
        raise ConfigError(
            f"--url needs the admin token of that service in {TOKEN_VARIABLE}; a generated token is in "
            "generated-secrets.json in state_dir (the folder of the queue)"
        )
    with closing(HttpConsole(target.url, Secret(token), sleep=time.sleep)) as console:
        yield console

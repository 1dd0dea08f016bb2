"""`serve`: the service itself, until SIGINT or SIGTERM."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click
import uvloop
from rich.console import Console
from rich.text import Text

from adapter.cli.flow import EVERY_S, Flow, Tail, shows_flow, terminal
from adapter.cli.show import say
from adapter.console.console import MAX_PAGE, QueueConsole
from adapter.errors import ConfigError, QueueError
from adapter.http.limits import raise_file_limit
from adapter.observe.observer import Observer, configure_logging
from adapter.printable import printable
from adapter.service.app import Running, run_service
from adapter.settings.generated_secrets import Generated, fill_in_secrets
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings, SourceSettings

T = TypeVar("T")

# Without messageId and timestamp, so that pasting it twice makes two events.
_EXAMPLE = '{"type":"track","event":"Order Completed","userId":"u-1","properties":{"total":27.5}}'
_LOCAL = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - nothing is bound here


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (else ./adapter.yaml).")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 lets the system choose.")
@click.option(
    "--role",
    type=click.Choice(["all", "ingest", "deliver"]),
    help="What this replica of a queue in PostgreSQL does (else ADAPTER_ROLE, else all).",
)
@click.option("--sandbox", is_flag=True, help="Deliver to a built-in stand-in for Browsee, with a queue of its own.")
@click.option("--verbose", is_flag=True, help="Log each step of each event (ADAPTER_LOG_LEVEL=debug).")
@click.option("--strict", is_flag=True, help="Exit if a mapping cannot be used, even if an earlier one is known.")
def serve(
    config: Path | None,
    host: str | None,
    port: int | None,
    role: str | None,
    sandbox: bool,
    verbose: bool,
    strict: bool,
) -> None:
    """Receive events and deliver them, until SIGINT or SIGTERM.

    On a terminal each event is shown as a line, once it has ended or while it is pending. Elsewhere, and with
    --verbose, there is only the log.

    \b
    Examples:
      browsee-adapter serve --sandbox
      BROWSEE_API_KEY=… ADAPTER_WRITE_KEY=… browsee-adapter serve
      browsee-adapter serve --config adapter.yaml --port 8080
    """
    settings, made = fill_in_secrets(
        load_settings(file=config, environ=os.environ, host=host, port=port, role=role, sandbox=sandbox)
    )
    screen = terminal()
    shown = shows_flow(screen) and not verbose and settings.log_level != "debug" and settings.log_format != "json"
    # Whoever tries it out wants to see each event arrive and what became of it.
    level = "debug" if verbose else settings.log_level or ("debug" if settings.sandbox and not shown else "info")
    configure_logging(log_format=settings.log_format, level=logging.DEBUG if level == "debug" else logging.INFO)
    for note in settings.notes:
        say(note, err=True)
    raise_file_limit()
    # The thread that commits waits this long for the event loop to let it go on (5 ms by default), at every statement.
    sys.setswitchinterval(0.0005)
    uvloop.run(_serve(settings, made, strict=strict, screen=screen if shown else None))


async def _serve(settings: Settings, made: Generated, *, strict: bool, screen: Console | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    flow: list[asyncio.Task[None]] = []

    def started(running: Running) -> None:
        _started(settings, made, running)
        if screen is not None:
            flow.append(asyncio.create_task(_show_flow(running, stop, screen)))

    await run_service(settings, observer=Observer(), stop=stop, started=started, strict=strict)
    await asyncio.gather(*flow)


async def _show_flow(running: Running, stop: asyncio.Event, screen: Console) -> None:
    """Show events on `screen` until `stop`. In a thread, because a terminal may be stopped by its user."""

    async def ask(work: Callable[[QueueConsole], T]) -> T:
        opening = running.open_console()

        def opened() -> T:
            with opening as console:
                return work(console)

        return await asyncio.to_thread(opened)

    def look(console: QueueConsole) -> None:
        entries = tail.look(console)
        flow.show(entries, pending=tail.pending)
        if len(entries) >= MAX_PAGE:
            tail.skip(console)
            flow.note("… more events than can be shown; see them with: browsee-adapter events list")

    tail = Tail((await ask(lambda console: console.tail(None)))["next"])
    with Flow(screen) as flow:
        while not stop.is_set():
            # A queue that fails is in the log and in /readyz.
            with suppress(QueueError, ConfigError):
                await ask(look)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)


def _started(settings: Settings, made: Generated, running: Running) -> None:
    # What was compiled stays as long as the service runs: the collector need not look through it again and again.
    # Nearly nothing that an event leaves behind is a cycle, so it runs less often than by default (700, 10, 10).
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    _greet(settings, made, running)


def _greet(settings: Settings, made: Generated, running: Running) -> None:
    """Say where to send events and where to look. Keys are shown on a terminal only: elsewhere this is a log."""
    # Without markup: a folder called [bold] is printed as it is.
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if settings.sandbox:
        console.print(
            Text("SANDBOX", style="bold black on yellow"), "nothing goes to Browsee; a stand-in takes the calls"
        )
    here = _to_paste(running.url)
    urls = [_webhook(here, source, shown=console.is_terminal) for source in settings.sources]
    for source, url in zip(settings.sources, urls, strict=True):
        console.print(f"Webhook of {source.name}: ", Text(url, style="bold"), sep="")
    if not settings.sandbox:
        # After the webhooks: scripts take the first address for the service's own.
        console.print("Delivers to", Text(printable(settings.browsee.url), style="bold"))
    secrets = printable(str(made.file))
    if made.file is not None and (made.key_of or made.admin_token):
        console.print(f"Generated missing keys, saved in {secrets}")
    if not settings.sources[0].signing_secrets:
        console.print("Try it:", Text(f"\n  curl {urls[0]} -d '{_EXAMPLE}'", style="cyan"), sep="")
    admin = _to_paste(running.admin_url)
    if settings.console is not None:
        console.print("Console:", Text(_console_link(admin, settings, made, shown=console.is_terminal), style="bold"))
    if made.file is not None and made.admin_token:
        console.print(f"Metrics and details need the header Authorization: Bearer, with the admin_token in {secrets}")
    console.print(f"Health: {admin}/readyz   Metrics: {admin}/metrics   Stop: Ctrl-C")


def _to_paste(url: str) -> str:
    """`url` as it can be used on this machine: an address that means all addresses is none to send to."""
    for every, local in _LOCAL.items():
        url = url.replace(f"//{every}:", f"//{local}:")
    return url


def _console_link(url: str, settings: Settings, made: Generated, *, shown: bool) -> str:
    """The console's address. On a terminal its fragment, never sent, holds a generated or a sandbox's token."""
    if shown and (made.admin_token or settings.sandbox) and settings.admin_token is not None:
        return f"{url}/console/#/sign-in?token={settings.admin_token.reveal()}"
    return f"{url}/console/"


def _webhook(url: str, source: SourceSettings, *, shown: bool) -> str:
    return f"{url}/webhooks/{source.name}/{source.keys[0].reveal() if shown else '<key>'}"

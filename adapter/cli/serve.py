"""`serve`: runs the service, until SIGINT or SIGTERM."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click
import uvloop
from rich.console import Console
from rich.text import Text

from adapter.cli.background_output import JSON_NOTICE, NOTICE, background_output
from adapter.cli.ending import errors_shown_here
from adapter.cli.flow import EVERY_S, Flow, Tail, entered_lines, shows_flow, terminal
from adapter.cli.greeting import greeting
from adapter.cli.show import say
from adapter.console.console import MAX_PAGE, QueueConsole
from adapter.errors import ConfigError, QueueError
from adapter.http.limits import raise_file_limit
from adapter.observe.observer import Observer, configure_logging, log_line, writes_json
from adapter.service.app import Running, run_service
from adapter.settings.generated_secrets import Generated, fill_in_secrets
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings

T = TypeVar("T")


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

    On a terminal each event is one line, once it has ended or while it is pending. Elsewhere, and with --verbose, only
    the log is written.

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
    # In the sandbox the user wants to see each event and its outcome.
    level = "debug" if verbose else settings.log_level or ("debug" if settings.sandbox and not shown else "info")
    raise_file_limit()
    # At every statement the committing thread waits so long (5 ms by default) for the event loop to yield.
    sys.setswitchinterval(0.0005)
    is_json = writes_json(settings.log_format)
    # An error that ends the service is written by the background output too: a stopped terminal must not hold its end.
    with background_output(notice=JSON_NOTICE if is_json else NOTICE), errors_shown_here():
        configure_logging(log_format=settings.log_format, level=logging.DEBUG if level == "debug" else logging.INFO)
        for note in settings.notes:
            say(log_line(note, name="SettingsNote", level="warning") if is_json else note, err=True)
        uvloop.run(_serve(settings, made, strict=strict, screen=screen if shown else None, is_json=is_json))


async def _serve(settings: Settings, made: Generated, *, strict: bool, screen: Console | None, is_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    flow: list[asyncio.Task[None]] = []

    def started(running: Running) -> None:
        _collect_less_often()
        # Without a flow, stdout may be a log.
        console = screen or Console(highlight=False)
        lines = [*greeting(settings, made, running, is_terminal=console.is_terminal, is_flow=screen is not None)]
        for line in lines:
            # A container's output is one log: beside JSON each line is JSON.
            console.print(
                line if console.is_terminal or not is_json else log_line(line.plain, name="Greeting"),
                soft_wrap=True,
                markup=False,
            )
        if screen is not None:
            flow.append(asyncio.create_task(_show_flow(running, stop, screen, lines)))

    await run_service(settings, observer=Observer(), stop=stop, started=started, strict=strict)
    await asyncio.gather(*flow)


async def _show_flow(running: Running, stop: asyncio.Event, screen: Console, greeted: Sequence[Text]) -> None:
    """Show events on `screen` until `stop`, and `greeted` again whenever Enter is pressed."""

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
            if entered := entered_lines():
                flow.interject(greeted, entered=entered)
            # The log and /readyz report a failing queue.
            with suppress(QueueError, ConfigError):
                await ask(look)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)


def _collect_less_often() -> None:
    # Compiled code stays as long as the service runs, so the collector need not traverse it again and again. Events
    # leave almost no cycles behind, so the collector runs less often than by default (700, 10, 10).
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

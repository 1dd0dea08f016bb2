"""`browsee-adapter sandbox`: the stand-in for Browsee, on its own."""

import asyncio
import signal
import textwrap
from pathlib import Path

import click
import uvloop
from aiohttp import web

from adapter.cli.reading import text_of
from adapter.cli.show import say
from adapter.errors import ConfigError
from adapter.sandbox.limit import CallLimit
from adapter.sandbox.script import FORMAT, Script, parse_script
from adapter.sandbox.server import Sandbox, build
from adapter.service.wiring import make_sandbox

DEFAULT_PORT = 8081
_SHUTDOWN_S = 2.0


class _Documented(click.Command):
    """Adds the format of scripts to the help, from the one place where it is documented."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        formatter.write("\nScripts:\n")
        formatter.write(textwrap.indent(FORMAT, "  "))


@click.command(cls=_Documented)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--limit", metavar="N/s", help="Answer 429 beyond this many calls: 20/s, 1200/m, 50000/h.")
@click.option("--retry-after", is_flag=True, help="Send Retry-After with those 429s.")
@click.option("--script", "script_file", type=click.Path(path_type=Path), help="Rules of other answers; see below.")
@click.option("--db", type=click.Path(path_type=Path), help="Keep what arrives in this SQLite file.")
def sandbox(
    host: str, port: int, limit: str | None, retry_after: bool, script_file: Path | None, db: Path | None
) -> None:
    """Run a stand-in for Browsee that checks calls as Browsee documents them and shows what arrived.

    \b
    Examples:
      browsee-adapter sandbox --limit 20/s
      curl -d '{"apiKey":"k","event":"CLICKED","userId":"u"}' http://127.0.0.1:8081/api/v1/track
      curl -X PUT -d 10/s http://127.0.0.1:8081/limit
    """
    stand_in = make_sandbox(db=db, retry_after=retry_after)
    stand_in.set_limit(None if limit is None else CallLimit.parse(limit))
    stand_in.script = Script() if script_file is None else _read_script(script_file)
    uvloop.run(_run(stand_in, host, port))


def _read_script(file: Path) -> Script:
    return parse_script(text_of(file), file=str(file))


async def _run(stand_in: Sandbox, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(build(stand_in), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        url = f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
        say(f"SANDBOX: what arrives is shown at {url}/calls and is sent to no one else")
        say(f"browsee.url: {url}/api/v1")
        await stopping.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as exc:
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror or exc}") from exc

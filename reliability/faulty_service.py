"""A faulty adapter for controls. Never part of the service.

`python -m reliability.faulty_service --config F --host H --port P` serves as `serve` does, except for a `--fault`:

- `answers-first`, the default, acknowledges before the commit: it stores messages a little later;
- `blames-sender` answers 400, "drop this", in place of 503, "send this again".
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import uvloop
from aiohttp import web

from adapter.errors import QueueError
from adapter.model import Event, Rejection
from adapter.observe.observer import Observer, configure_logging
from adapter.queue.contract import Inbox, Stored
from adapter.service.app import run_service
from adapter.service.wiring import Wiring
from adapter.settings.generated_secrets import fill_in_secrets
from adapter.settings.load import load_settings

MODULE = "reliability.faulty_service"
LATE_S = 0.05


class _LatePuts:
    """An inbox that acknowledges first and stores afterwards."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._owed: set[asyncio.Task[None]] = set()

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        task = asyncio.create_task(self._put_late(events, rejections))
        self._owed.add(task)
        task.add_done_callback(self._owed.discard)
        return Stored(stored=len(events), duplicates=0, differing=0, rejected=len(rejections))

    async def probe(self) -> None:
        await self._inbox.probe()

    async def _put_late(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> None:
        await asyncio.sleep(LATE_S)
        try:
            await self._inbox.put(events, rejections)
        except QueueError:
            return


class _BlamedPuts:
    """An inbox that reports its own errors as the sender's."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        try:
            return await self._inbox.put(events, rejections)
        except QueueError as exc:
            raise web.HTTPBadRequest from exc

    async def probe(self) -> None:
        await self._inbox.probe()


_ANSWERS_FIRST = Wiring(inbox_of=_LatePuts)
FAULTS: Mapping[str, Wiring] = {"answers-first": _ANSWERS_FIRST, "blames-sender": Wiring(inbox_of=_BlamedPuts)}
_NO_FAULTS: Mapping[str, Wiring] = {}


def command(wiring: Wiring, faults: Mapping[str, Wiring] = _NO_FAULTS) -> click.Command:
    """A command that serves with the parts of `wiring`, or with those of one of `faults`, by `--fault`."""

    @click.command()
    @click.option("--config", required=True, type=click.Path(path_type=Path))
    @click.option("--host", required=True)
    @click.option("--port", required=True, type=int)
    @click.option("--fault", type=click.Choice(list(faults)))
    def main(config: Path, host: str, port: int, fault: str | None) -> None:
        """Serve with a fault."""
        settings, _ = fill_in_secrets(
            load_settings(file=config, environ=os.environ, host=host, port=port, sandbox=False)
        )
        configure_logging(log_format="json")

        async def serve() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await run_service(
                settings,
                observer=Observer(),
                stop=stop,
                started=lambda running: click.echo(running.url),
                wiring=wiring if fault is None else faults[fault],
            )

        uvloop.run(serve())

    return main


if __name__ == "__main__":
    command(_ANSWERS_FIRST, FAULTS)()

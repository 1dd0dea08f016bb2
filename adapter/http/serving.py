"""Serves an application at an address, behind a `Door`."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from aiohttp import web

from adapter.errors import ConfigError
from adapter.http.connection import Door
from adapter.http.limits import ConnectionEvents, ConnectionLimits, possible_connections

_BACKLOG = 1024
"""Connections that the system holds for us while we are busy; it allows 4,096 at most by default."""


async def serve(
    stack: AsyncExitStack,
    app: web.Application,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits,
    events: ConnectionEvents,
    shutdown_s: float,
) -> str:
    """Serve `app` until `stack` is closed; the URL with the real port. Raises ConfigError if the address is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_s)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    possible = replace(limits, connections=possible_connections(limits.connections))
    try:
        await _Site(runner, host=host, port=port, limits=possible, events=events).start()
    except OSError as exc:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # asyncio's text has the address once more before it says why.
        why = str(exc.strerror).rpartition(": ")[2]
        raise ConfigError(f"cannot listen on {place}: {why}; choose another with --port") from exc
    bound = runner.addresses[0][1]
    return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"


class _Site(web.BaseSite):
    """An address whose connections come through a door."""

    def __init__(
        self, runner: web.AppRunner, *, host: str, port: int, limits: ConnectionLimits, events: ConnectionEvents
    ) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._listen = partial(asyncio.get_running_loop().create_server, host=host, port=port, backlog=_BACKLOG)
        self._place = f"{host}:{port}"
        assert runner.server is not None  # noqa: S101 - `BaseSite` has just refused a runner without one
        self._door = Door(runner.server, limits, events)

    @property
    def name(self) -> str:
        """What aiohttp calls it."""
        return f"http://{self._place}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        self._server = await self._listen(self._door)

"""Serves an application at an address, with connections that withstand slow, silent and many senders."""

from contextlib import AsyncExitStack
from dataclasses import replace

from aiohttp import web

from adapter.errors import ConfigError
from adapter.http.connection import ConnectionFactory
from adapter.http.limits import ConnectionEvents, ConnectionLimits, possible_connections
from adapter.http.listener import Listener, bind


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
    """Serve `app` until `stack` is closed; returns the URL with the real port. Raises ConfigError if the address is
    taken.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_s)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        sockets = await bind(host, port)
    except OSError as exc:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # asyncio's text repeats the address before it says why.
        why = str(exc.strerror).rpartition(": ")[2].lower()
        raise ConfigError(
            f"cannot listen on {place}: {why}; choose another with --port, or with make run PORT=…"
        ) from exc
    possible = replace(limits, connections=possible_connections(limits.connections))
    assert runner.server is not None  # noqa: S101 - it exists from `setup` to `cleanup`
    factory = ConnectionFactory(runner.server, possible, events)
    listener = Listener(sockets, factory, events, at_once=factory.at_once)
    stack.push_async_callback(listener.close)
    bound = sockets[0].getsockname()[1]
    return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"

"""Accepts connections, many in one turn of the event loop.

uvloop accepts one a turn: the last of 500 new connections would wait for 500 turns, each with the work of all requests
in progress.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence

from adapter.http.limits import ConnectionEvents

_BACKLOG = 1024
"""Connections that the system queues while the loop is busy; it allows 4,096 at most by default."""
_GONE = {
    errno.ECONNABORTED,
    errno.EPROTO,
    errno.EPERM,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ETIMEDOUT,
}
"""Errors of the connection that would have been accepted, see accept(2). The next one may be fine."""


async def bind(host: str, port: int) -> Sequence[socket.socket]:
    """A listening socket for each address of `host`. Raises OSError."""
    loop = asyncio.get_running_loop()
    # It resolves the host and sets the socket options. Its own sockets cannot accept, but duplicates of them can.
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    try:
        sockets = [socket.socket(fileno=os.dup(bound.fileno())) for bound in server.sockets]
    finally:
        server.close()
    for listening in sockets:
        listening.setblocking(False)
        listening.listen(_BACKLOG)
    return sockets


class Listener:
    """Creates a connection for each that `sockets` accept, with a protocol of `factory`, until it is closed.

    `at_once` limits connections that are accepted and not created yet: they use descriptors and are not counted yet.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        factory: Callable[[], asyncio.Protocol],
        events: ConnectionEvents,
        *,
        at_once: Callable[[], int],
        pause_s: float = 1.0,
    ) -> None:
        self._sockets = sockets
        self._factory = factory
        self._events = events
        self._at_once = at_once
        self._pause_s = pause_s
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    async def close(self) -> None:
        """Accept no more. Every accepted connection exists when this returns."""
        self._stop()
        for listening in self._sockets:
            listening.close()
        if self._coming:
            await asyncio.wait(self._coming)

    def _resume(self) -> None:
        self._resuming = None
        for listening in self._sockets:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _stop(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        for listening in self._sockets:
            self._loop.remove_reader(listening.fileno())

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(self._at_once() - len(self._coming)):
            try:
                accepted, _ = listening.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in _GONE:
                    continue
                # No descriptor or no memory: the loop would call again at once, in vain, until there is one.
                self._stop()
                self._resuming = self._loop.call_later(self._pause_s, self._resume)
                self._events.stalled(errno.errorcode.get(exc.errno or 0, "unknown"))
                return
            coming = self._loop.create_task(self._connect(accepted))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, accepted)
        except Exception as exc:
            accepted.close()
            self._loop.call_exception_handler({"message": "a connection could not be made", "exception": exc})

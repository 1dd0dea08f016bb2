"""A load balancer for trials: connections go in turn to the replicas that are ready.

A replica is ready while `/readyz` answers 200. A connection stays with its replica until either side closes it; nothing
is repeated, because that is the sender's task.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LOOK_S = 0.5
_ANSWER_S = 6.0
_CHUNK_BYTES = 65536
_NOBODY = b'{"error":"no replica is ready"}'
_NOBODY_HEAD = (
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(_NOBODY)}\r\n\r\n"
).encode()


@dataclass(slots=True)
class Proxy:
    """Between senders and `ports`, those of the replicas on this machine."""

    ports: Sequence[int]
    ready: frozenset[int] = frozenset()
    _turn: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self, *, host: str, port: int) -> AsyncIterator[int]:
        """Listens until the block ends, then closes the connections; returns the port. Raises OSError."""
        server = await asyncio.start_server(self._connected, host, port)
        looking = asyncio.gather(*(self._look(each) for each in self.ports))
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            looking.cancel()
            for connection in list(self._open):
                connection.cancel()
            await asyncio.gather(looking, *self._open, return_exceptions=True)

    async def _look(self, port: int) -> None:
        while True:
            is_ready = await self._is_ready(port)
            self.ready = self.ready | {port} if is_ready else self.ready - {port}
            await asyncio.sleep(_LOOK_S)

    async def _is_ready(self, port: int) -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        return False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            with contextlib.suppress(OSError):
                await self._pass_on(reader, writer)
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._replica()
        if there is None:
            # Closing a connection with unread input would discard the answer.
            await reader.read(_CHUNK_BYTES)
            writer.write(_NOBODY_HEAD + _NOBODY)
            await writer.drain()
            return
        from_there, to_there = there
        sending = asyncio.create_task(_copy(reader, to_there))
        try:
            await _copy(from_there, writer)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            to_there.close()

    async def _replica(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the next ready replica; to the one after it if that has just ended."""
        for _ in self.ports:
            ready = [port for port in self.ports if port in self.ready]
            if not ready:
                break
            self._turn += 1
            port = ready[self._turn % len(ready)]
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                self.ready -= {port}
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()

"""A relay between a process and the socket of a PostgreSQL server: it reads along, and it can be cut."""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = ".s.PGSQL.5432"
CANCEL = 80877102
"""The code of a connection that asks the server to cancel what another connection is doing."""
_LENGTH_AND_CODE = struct.Struct("!II")


class Relay:
    """From the folder `here` to the server whose socket is in `there`; on a thread and an event loop of its own, for a
    process that connects may block its own. `codes` has the first code of every connection.
    """

    def __init__(self, here: Path, there: Path) -> None:
        self.codes: list[int] = []
        self._here = here
        self._there = there
        self._loop = asyncio.new_event_loop()
        self._is_whole = asyncio.Event()
        self._break_after = b""

    @property
    def conninfo(self) -> str:
        """The database behind it, as libpq reads it."""
        return f"host={self._here} user=postgres dbname=postgres"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """While the block lasts."""
        self.restore()
        is_open = threading.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(is_open),), daemon=True)
        thread.start()
        assert is_open.wait(10)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)
            self._loop.close()

    def cut(self) -> None:
        """Let nothing pass from now on; both sides keep their connection."""
        self._loop.call_soon_threadsafe(self._is_whole.clear)

    def restore(self) -> None:
        """What was held up passes too."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._is_whole.set)
        else:
            self._is_whole.set()

    def break_after(self, sent: bytes) -> None:
        """The next connection that sends this is closed instead of being given the answer, once the server has it."""
        self._break_after = sent

    async def _serve(self, is_open: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_unix_server(self._connect, self._here / NAME)
        is_open.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # sockets close with the next turn of the loop

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._there / NAME)
        try:
            start = await reader.readexactly(_LENGTH_AND_CODE.size)
            self.codes.append(_LENGTH_AND_CODE.unpack(start)[1])
            to_server.write(start)
            breaking = asyncio.Event()
            ways = (self._ask(reader, to_server, breaking), self._answer(from_server, writer, breaking))
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            to_server.transport.abort()
            writer.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, breaking: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            await self._is_whole.wait()
            if self._break_after and self._break_after in data:
                self._break_after = b""
                breaking.set()
            writer.write(data)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, breaking: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            await self._is_whole.wait()
            if breaking.is_set():
                return
            writer.write(data)

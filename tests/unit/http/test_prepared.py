"""The answer that is put together once: its bytes, its date, and what it waits for."""

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError

from adapter.http.prepared import PreparedResponse
from adapter.http.responses import Reply, respond


class Peer:
    """What an answer sees of a request: its transport, its protocol and its writer, in one."""

    def __init__(self, *, is_closing: bool = False, writing_paused: bool = False) -> None:
        self.transport: Any = self
        self.protocol = self.writer = self
        self.writing_paused = writing_paused
        self.reads = asyncio.Event()
        self.written: list[bytes] = []
        self._is_closing = is_closing

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drain(self) -> None:
        await self.reads.wait()


async def sent(answer: PreparedResponse) -> bytes:
    peer: Any = Peer()
    await answer.prepare(peer)
    await answer.write_eof()
    [written] = peer.written
    assert isinstance(written, bytes)
    return written


async def test_it_is_sent_whole_any_number_of_times() -> None:
    """One write each, with the second of each as its date."""
    now = [1_800_000_000.9]
    answer = PreparedResponse(respond(Reply.STORED), now=lambda: now[0])
    for at_s in (1_800_000_000.9, 1_800_000_001.0, 1_800_000_001.999, 1_800_000_060.0):
        now[0] = at_s
        head, _, body = (await sent(answer)).decode().partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert (status, body) == ("HTTP/1.1 200 OK", '{"success":true}')
        assert parsedate_to_datetime(headers.pop("Date")).timestamp() == int(at_s)
        assert headers == {"Content-Type": "application/json", "Server": "browsee-adapter", "Content-Length": "16"}


async def test_it_waits_for_a_peer_that_does_not_read() -> None:
    """Else answers would pile up for as long as the peer sends."""
    peer: Any = Peer(writing_paused=True)
    sending = asyncio.create_task(PreparedResponse(respond(Reply.STORED)).prepare(peer))
    await asyncio.sleep(0)
    assert peer.written
    assert not sending.done()
    peer.reads.set()
    await asyncio.wait_for(sending, 5)


@pytest.mark.parametrize("has_transport", [True, False], ids=["closing", "gone"])
async def test_nothing_is_written_to_a_closed_connection(has_transport: bool) -> None:
    """aiohttp passes over a ConnectionError, and logs any other."""
    peer: Any = Peer(is_closing=True)
    peer.transport = peer if has_transport else None
    with pytest.raises(ClientConnectionResetError):
        await PreparedResponse(respond(Reply.STORED)).prepare(peer)
    assert peer.written == []

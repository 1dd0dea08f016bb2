"""A listener whose protocols greet, and peers that the same thread opens; a loop's turns are counted, not timed."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from adapter.http.limits import ClosedFor
from adapter.http.listener import Listener, bind

PAUSE_S = 0.05
AT_ONCE = 128


@dataclass(slots=True)
class Recorded:
    """What is heard of connections."""

    stalls: list[str] = field(default_factory=list)

    def closed(self, why: ClosedFor, count: int) -> None:
        raise AssertionError(why, count)

    def refused(self, status: int, reply: str) -> None:
        raise AssertionError(status, reply)

    def stalled(self, reason: str) -> None:
        self.stalls.append(reason)


@dataclass(slots=True)
class Greeters:
    """Protocols that greet each newcomer, and how many there are."""

    made: list[asyncio.Transport] = field(default_factory=list)
    asked: int = 0

    def __call__(self) -> asyncio.Protocol:
        self.asked += 1
        return _Greeter(self)

    def close(self) -> None:
        for transport in self.made:
            transport.close()


class _Greeter(asyncio.Protocol):
    def __init__(self, all_: Greeters) -> None:
        self._all = all_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._all.made.append(self._transport)
        self._transport.write(b"hello")


@asynccontextmanager
async def listening(*sockets: socket.socket) -> AsyncIterator[tuple[int, Greeters, Recorded]]:
    """A listener with greeters on `sockets`, or on a free port."""
    greeters, events = Greeters(), Recorded()
    bound = sockets or await bind("127.0.0.1", 0)
    port = bound[0].getsockname()[1]
    listener = Listener(bound, greeters, events, at_once=lambda: AT_ONCE, pause_s=PAUSE_S)
    try:
        yield port, greeters, events
    finally:
        await listener.close()
        greeters.close()
        # Closing is the next turn's.
        await turns(3)


def opened(port: int, count: int) -> list[socket.socket]:
    """So many connections, whose handshakes the system completes at once."""
    peers = []
    for _ in range(count):
        peer = socket.socket()
        peer.setblocking(False)
        with suppress(BlockingIOError):
            peer.connect(("127.0.0.1", port))
        peers.append(peer)
    return peers


def closed(peers: Sequence[socket.socket]) -> None:
    """Close all of them."""
    for peer in peers:
        peer.close()


async def turns(count: int) -> None:
    """Let the loop turn so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def turns_until(holds: Callable[[], bool], *, at_most: int = 1000) -> int:
    """After how many turns it holds."""
    for turn in range(at_most):
        if holds():
            return turn
        await asyncio.sleep(0)
    raise AssertionError(f"not within {at_most} turns")


def files() -> int:
    """How many file descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone, without opening each


def is_greeted(peer: socket.socket) -> bool:
    """Whether it was; the others were reset."""
    try:
        return peer.recv(9) == b"hello"
    except ConnectionError:
        return False


class FailingSocket(socket.socket):
    """A listening socket that fails first, as the system can."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            raise OSError(self.failures.pop(0), "failed")
        return super().accept()


async def failing(*failures: int) -> FailingSocket:
    """One on a free port."""
    [bound] = await bind("127.0.0.1", 0)
    made = FailingSocket(fileno=bound.detach())
    made.failures = list(failures)
    return made

"""Accepting: many connections in one turn of the loop, none lost, and no spinning where none can be accepted.

With both loops, since the service runs on uvloop and most tests on asyncio's own.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeAlias

import pytest
import uvloop

from adapter.http.limits import ConnectionLimits
from adapter.http.listener import Listener, bind
from tests.fakes import until
from tests.integration.greeters import (
    AT_ONCE,
    PAUSE_S,
    Greeters,
    Recorded,
    closed,
    failing,
    files,
    is_greeted,
    listening,
    opened,
    turns,
    turns_until,
)
from tests.integration.ingest_server import serving
from tests.integration.test_edge import GOOD, code_of

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
Run: TypeAlias = Callable[[Callable[[], Awaitable[None]]], None]
BURST = 500


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's coroutine on a loop of this kind; an unhandled exception fails it."""

    def run_on_loop(body: Callable[[], Awaitable[None]]) -> None:
        faults: list[dict[str, Any]] = []

        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
            await body()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main())
        assert faults == []

    return run_on_loop


def test_a_burst_gets_in_within_a_few_turns(run: Run) -> None:
    """However long a turn takes, a newcomer waits for few of them; each is greeted by its own protocol."""

    async def body() -> None:
        async with listening() as (port, greeters, _):
            peers = opened(port, BURST)
            assert await turns_until(lambda: len(greeters.made) == BURST) <= 20
            assert greeters.asked == BURST
            await turns(3)
            assert [peer.recv(9) for peer in peers] == [b"hello"] * BURST
            closed(peers)

    run(body)


def test_newcomers_of_one_turn_are_limited(run: Run) -> None:
    """They take file descriptors before anybody counts them as connections, and a turn must stay short."""

    async def body() -> None:
        async with listening() as (port, greeters, _):
            before = files()
            peers = opened(port, BURST)
            await turns_until(lambda: greeters.asked > 0)
            assert files() - before - BURST <= AT_ONCE + 2
            closed(peers)

    run(body)


def test_stopping_during_a_burst_leaks_nothing(run: Run) -> None:
    """Accepted connections are served, the others are refused, and the port is free again."""

    async def body() -> None:
        counted = []
        for waited in range(6):
            greeters = Greeters()
            sockets = await bind("127.0.0.1", 0)
            port = sockets[0].getsockname()[1]
            listener = Listener(sockets, greeters, Recorded(), at_once=lambda: AT_ONCE)
            peers = opened(port, BURST)
            await turns(waited)
            await listener.close()
            assert greeters.asked == len(greeters.made)
            await turns(3)
            assert sum(is_greeted(peer) for peer in peers) == len(greeters.made)
            assert len(greeters.made) < BURST
            closed(peers)
            greeters.close()
            await turns(3)
            closed(await bind("127.0.0.1", port))
            await turns(3)
            counted.append(files())
        assert len(set(counted)) == 1

    run(body)


def test_peers_that_went_at_once_cost_nothing(run: Run) -> None:
    """Scanners and health checks of balancers reset a connection as soon as it is there; the next one is served."""

    async def body() -> None:
        async with listening() as (port, greeters, events):
            gone = opened(port, 20)
            for peer in gone:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            closed(gone)
            [good] = opened(port, 1)
            await turns_until(lambda: greeters.asked == 21)
            await turns(3)
            assert good.recv(9) == b"hello"
            assert events.stalls == []
            good.close()

    run(body)


@pytest.mark.parametrize("error", ["ECONNABORTED", "EPROTO", "EHOSTUNREACH"])
def test_an_error_of_one_connection_is_skipped(run: Run, error: str) -> None:
    """It is not ours, and says nothing about the next one."""

    async def body() -> None:
        sock = await failing(*[getattr(errno, error)] * 3)
        async with listening(sock) as (port, greeters, events):
            peers = opened(port, 2)
            await turns_until(lambda: len(greeters.made) == 2)
            assert events.stalls == []
            closed(peers)

    run(body)


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EINVAL"])
def test_where_nothing_can_be_accepted_it_waits(run: Run, error: str) -> None:
    """One try, reported; another after a second. Also for unforeseen errors, which must not spin either."""

    async def body() -> None:
        sock = await failing(*[getattr(errno, error)] * 2)
        async with listening(sock) as (port, greeters, events):
            peers = opened(port, 2)
            await turns_until(lambda: bool(events.stalls))
            await turns(50)
            assert events.stalls == [error]
            await until(lambda: _are(len(greeters.made), 2))
            assert events.stalls == [error] * 2
            closed(peers)

    run(body)


def test_stopping_while_it_waits_ends_the_waiting(run: Run) -> None:
    """Nothing listens again afterwards."""

    async def body() -> None:
        sock = await failing(errno.EMFILE)
        async with listening(sock) as (port, _, events):
            peers = opened(port, 1)
            await turns_until(lambda: bool(events.stalls))
        await asyncio.sleep(PAUSE_S * 2)
        closed(peers)

    run(body)


def test_a_protocol_that_fails_costs_its_connection_only() -> None:
    """It is reported by the loop, its socket is closed, and the next connection is served."""

    async def body() -> None:
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        greeters = Greeters()
        makers = iter([_fail, greeters.__call__])
        sockets = await bind("127.0.0.1", 0)
        listener = Listener(sockets, partial(_next, makers), Recorded(), at_once=lambda: AT_ONCE)
        peers = opened(sockets[0].getsockname()[1], 2)
        await turns_until(lambda: len(greeters.made) == 1)
        await turns(3)
        assert sorted(peer.recv(9) for peer in peers) == [b"", b"hello"]
        assert [str(fault["exception"]) for fault in faults] == ["a bug"]
        await listener.close()
        closed(peers)
        greeters.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def _next(makers: Iterator[Callable[[], asyncio.Protocol]]) -> asyncio.Protocol:
    return next(makers)()


def _fail() -> asyncio.Protocol:
    raise RuntimeError("a bug")


def test_each_address_of_a_host_is_listened_at(run: Run) -> None:
    """`localhost` is 127.0.0.1 and ::1 where there is IPv6."""

    async def body() -> None:
        [probe] = await bind("127.0.0.1", 0)
        port = probe.getsockname()[1]
        probe.close()
        sockets = await bind("localhost", port)
        families = {found[0] for found in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
        assert {one.family for one in sockets} == families
        async with listening(*sockets) as (_, greeters, _):
            peers = [await asyncio.open_connection(*one.getsockname()[:2]) for one in sockets]
            assert [await reader.readexactly(5) for reader, _ in peers] == [b"hello"] * len(sockets)
            assert len(greeters.made) == len(sockets)
            for _, writer in peers:
                writer.close()

    run(body)


def test_a_port_is_had_once(run: Run) -> None:
    """Nothing stays open of who came second; a port whose last user has just ended is free (SO_REUSEADDR)."""

    async def body() -> None:
        [first] = await bind("127.0.0.1", 0)
        before = files()
        with pytest.raises(OSError, match="address already in use"):
            await bind("127.0.0.1", first.getsockname()[1])
        await turns(3)
        assert files() == before
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        first.close()

    run(body)


def test_the_limit_holds_in_a_burst(run: Run) -> None:
    """As many are served as allowed; the rest are asked to retry or make room for others, and none hangs."""

    async def body() -> None:
        async with serving(connections=ConnectionLimits(connections=50)) as served, AsyncExitStack() as stack:
            served.inbox.gate.clear()
            peers = opened(served.port, 300)
            for peer in peers:
                peer.send(GOOD)
            streams = []
            for peer in peers:
                reader, writer = await asyncio.open_connection(sock=peer)
                stack.callback(writer.close)
                streams.append(reader)
            reading = [asyncio.create_task(_answer(reader)) for reader in streams]
            await until(lambda: _are(sum(task.done() for task in reading), 250))
            assert {task.result() for task in reading if task.done()} <= {"503 too_many_connections", ""}
            served.inbox.gate.set()
            answers = await asyncio.wait_for(asyncio.gather(*reading), 10)
            assert answers.count("200") == 50
            assert len(served.inbox.events) == 50
            await served.session.close()

    run(body)


async def _are(count: int, wanted: int) -> bool:
    return count == wanted


async def _answer(reader: asyncio.StreamReader) -> str:
    try:
        answered = await reader.readuntil(b"}")
    except (ConnectionError, asyncio.IncompleteReadError):
        return ""
    return "200" if answered.startswith(b"HTTP/1.1 200") else code_of(answered)

"""A process whose file descriptors run out accepts again when some are free."""

import asyncio
import sys

from tests.integration.greeters import closed, opened

CHILD = """
import asyncio, resource, sys, time
import uvloop
from adapter.http.listener import Listener, bind

class Closing(asyncio.Protocol):
    def data_received(self, data):
        self.transport.write(data)

    def connection_made(self, transport):
        self.transport = transport

class Events:
    def stalled(self, error):
        print(error, time.monotonic(), time.process_time(), flush=True)

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    sockets = await bind("127.0.0.1", 0)
    Listener(sockets, Closing, Events(), at_once=lambda: 64)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""


async def test_without_descriptors_it_waits_and_comes_back() -> None:
    """A real limit: it tries once a second, without using the processor meanwhile, and serves when some are free."""
    child = await asyncio.create_subprocess_exec(*(sys.executable, "-c", CHILD), stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    try:
        port = int(await child.stdout.readline())
        peers = opened(port, 60)
        tries = [(await child.stdout.readline()).split() for _ in range(3)]
        assert [error for error, *_ in tries] == [b"EMFILE"] * 3
        (_, first_s, first_cpu_s), (_, last_s, last_cpu_s) = tries[0], tries[-1]
        assert float(last_s) - float(first_s) >= 1.9
        assert float(last_cpu_s) - float(first_cpu_s) < 1.0
        closed(peers)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"still here")
        assert await asyncio.wait_for(reader.readexactly(10), 10) == b"still here"
        writer.close()
    finally:
        child.kill()
        await child.wait()

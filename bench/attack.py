"""Hostile senders as a process: `python -m bench.attack PORT`, until its standard input ends.

Idle connections, twice as many as the service allows, headers that trickle, and the requests that cost most to refuse:
bodies that are too large, that inflate to too much, that nest too deep, that are cut, or that are almost JSON.
"""

import asyncio
import gzip
import os
import sys
from contextlib import suppress

import uvloop

from adapter.http.limits import raise_file_limit
from tests.acceptance.crowd import open_all

CROWD = 10_000
LOOPS = 4
_HEAD = "POST /v1/batch HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n"

BODIES = (
    gzip.compress(b" " * 150_000_000, 1),
    gzip.compress(b"[" + b"[]," * 6_000_000 + b"0]"),
    b" " * 100_000_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"writeKey":"wrong","batch":[NaN' + b',{"type":"track","event":"A"}' * 2_000 + b"]}",
    b'{"type":"track","event":"\xff\xfe","n":1e999,"n":2}',
    gzip.compress(b'{"type":"track"}' * 1000)[:-9],
)


async def _post(port: int, body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_HEAD.format(len(body)).encode())
        for start in range(0, len(body), 1_000_000):
            writer.write(body[start : start + 1_000_000])
            await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def _posts(port: int) -> None:
    while True:
        for body in BODIES:
            # Refused before everything was sent, as some must be.
            with suppress(OSError, asyncio.IncompleteReadError):
                await _post(port, body)


async def _trickle(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            while not writer.is_closing():
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(1)


async def main(port: int) -> None:
    """Attack until standard input ends."""
    crowd = open_all(port, CROWD - 500)
    loops = [asyncio.create_task(_posts(port)) for _ in range(LOOPS)]
    loops += [asyncio.create_task(_trickle(port)) for _ in range(400)]
    sys.stdout.write(f"{len(crowd)}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for loop in loops:
        loop.cancel()


if __name__ == "__main__":
    raise_file_limit()
    # Real attackers have machines of their own; these use the CPU that service and good senders leave.
    os.nice(10)
    uvloop.run(main(int(sys.argv[1])))

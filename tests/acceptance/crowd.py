"""Many idle connections from one process: `python -m tests.acceptance.crowd PORT COUNT`.

Every second one stops within a header. Prints how many it opened, which the system's limit of files may make fewer than
`COUNT`, and holds them until its standard input ends.
"""

import resource
import select
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

_OWN_FILES = 100
_AT_ONCE = 500
"""Fewer than the service's backlog, beyond which the system would make a newcomer wait a second."""


def open_all(port: int, count: int) -> Sequence[socket.socket]:
    """As many of `count` connections as this process may have files for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY:
        count = min(count, hard - _OWN_FILES)
    held: list[socket.socket] = []
    while len(held) < count:
        held += _some(port, min(_AT_ONCE, count - len(held)))
    return held


def _some(port: int, count: int) -> Sequence[socket.socket]:
    poll, coming = select.poll(), {}
    for _ in range(count):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        poll.register(connection, select.POLLOUT)
        coming[connection.fileno()] = connection
    there = []
    while coming:
        for number, _ in poll.poll():
            poll.unregister(number)
            there.append(coming.pop(number))
    for connection in there[::2]:
        # Some are closed already, to make room for others.
        with suppress(OSError):
            connection.send(b"POST /v1/track HTTP/1.1\r\nHost: ")
    return there


if __name__ == "__main__":
    connections = open_all(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"{len(connections)}\n")
    sys.stdout.flush()
    sys.stdin.read()

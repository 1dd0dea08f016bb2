"""Limits of a connection before it sends a request, and of the number of connections."""

import resource
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

SPARE_FILES = 264
"""File descriptors not for senders: the queue, calls to Browsee, mappings, and connections that open or close."""

_AT_ONCE = 64
_AT_ONCE_NEAR_LIMIT = 4


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of one connection, and how many may be open at once.

    `header_bytes` and `header_s` limit the header of a request that did not arrive at once. `write_s` is how long a
    peer may leave an answer unread. `pause_s` is how long reading may pause, longer than a body may take to arrive.
    `idle_s` is longer than that of proxies that keep connections open (600 s at Google's balancer): the side that
    closes first may do so while a request is on its way.
    """

    connections: int = 5_000
    header_bytes: int = 32_768
    header_s: float = 30.0
    write_s: float = 30.0
    pause_s: float = 60.0
    idle_s: float = 620.0

    def at_once(self, opened: int) -> int:
        """How many new connections may be in progress beside `opened` ones.

        Few near the limit, where making room for a flood of them would take time from senders.
        """
        return _AT_ONCE if opened < self.connections * 7 // 8 else _AT_ONCE_NEAR_LIMIT


ClosedFor: TypeAlias = Literal["room", "silent", "unread", "paused"]


class ConnectionEvents(Protocol):
    """Called for events of connections outside of requests."""

    def closed(self, why: ClosedFor, count: int) -> None:
        """`count` connections were closed: "room" was needed, or a peer was "silent", or left answers "unread" or
        reading "paused".
        """
        ...

    def refused(self, status: int, reply: str) -> None:
        """Input was answered before it was a request; `reply` is the one of `responses.Reply`."""
        ...

    def stalled(self, reason: str) -> None:
        """No connection can be accepted for now; `reason` is the system's name of the error, such as `EMFILE`."""
        ...


def raise_file_limit() -> None:
    """Use all the file descriptors that this process may have: shells give 1,024, for programs that use `select`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports a limit that it does not grant.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def possible_connections(wanted: int) -> int:
    """`wanted`, or as many as the process may have descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - SPARE_FILES))

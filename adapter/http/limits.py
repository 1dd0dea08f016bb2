"""How much a connection may cost before it brings a request, and how many of them there may be."""

import resource
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

SPARE_FILES = 264
"""File descriptors that are not for senders: the queue, calls to Browsee, mappings, and connections that come or go."""

_AT_ONCE = 64
_AT_ONCE_NEAR_LIMIT = 4


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may be, and how many may be open at once.

    `header_bytes` of a request that did not arrive at once, and `header_s` for all of it to arrive. `write_s` is how
    long a peer may leave an answer unread. `pause_s` is how long a peer may go unread, longer than a body may take to
    arrive. `idle_s` is longer than the proxies that keep connections open (600 s at Google's balancer): whoever closes
    first may do so while a request is on its way.
    """

    connections: int = 5_000
    header_bytes: int = 32_768
    header_s: float = 30.0
    write_s: float = 30.0
    pause_s: float = 60.0
    idle_s: float = 620.0

    def at_once(self, opened: int) -> int:
        """How many newcomers may be under way beside `opened` connections.

        Few near the limit, where making room for a flood of them takes the turns of those that send.
        """
        return _AT_ONCE if opened < self.connections * 7 // 8 else _AT_ONCE_NEAR_LIMIT


ClosedFor: TypeAlias = Literal["room", "silent", "unread", "paused"]


class ConnectionEvents(Protocol):
    """Hears what happens to connections outside any request."""

    def closed(self, why: ClosedFor, count: int) -> None:
        """`count` connections were closed: "room" was needed, or a peer was "silent", or left answers "unread" or us
        "paused".
        """
        ...

    def refused(self, status: int, reply: str) -> None:
        """What arrived was answered before it was a request; `reply` is the one of `responses.Reply`."""
        ...

    def stalled(self, reason: str) -> None:
        """No connection can be accepted for now; `reason` is the system's name for why, as `EMFILE`."""
        ...


def raise_file_limit() -> None:
    """Take all the file descriptors that this process may have: shells give 1,024, for programs that use `select`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS tells of a limit that it does not grant.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def possible_connections(wanted: int) -> int:
    """`wanted`, or as many as the system lets this process have files for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - SPARE_FILES))

"""What the processes that serve one queue see of each other. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct


class Replica(Struct, frozen=True):
    """A process that serves the queue: its name, what it announced last, and whether it is the process that asks.

    `facts` is empty until the process has announced some.
    """

    name: str
    delivers: bool
    facts: Mapping[str, str]
    is_here: bool


class Replicas(Protocol):
    """The processes that serve a queue, as one of them sees them. See `adapter.queue.contract`."""

    def announce(self, facts: Mapping[str, str]) -> None:
        """Let the other processes see `facts` of this one, within some seconds, in place of earlier ones.

        They are stored in the queue as they are, so they hold no secret.
        """
        ...

    def replicas(self) -> Sequence[Replica]:
        """The processes that serve the queue, this one first, as of some seconds ago.

        Empty for a queue that one process serves.
        """
        ...

    def undelivered_s(self, sources: Collection[str]) -> float:
        """For how many seconds at least one of `sources` has been delivered by no process, as far as this one saw.

        A queue that one process serves gives 0.
        """
        ...

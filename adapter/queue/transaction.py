"""What `GroupCommit` works on: a database, its rows, and work whose result is there at the end of its group."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Staged(Generic[T]):
    """What work returns that is done together with others of its group: the result is there after `flush`."""

    result: T | None = None


class Rows(Protocol):
    """What work is done on, inside a transaction; the file may have been changed by others since the last one."""

    def begin(self) -> None:
        """A transaction was opened: read again what is remembered of the file, if it is not the same any more."""
        ...

    def flush(self) -> None:
        """Write what was staged; called before each commit."""
        ...

    def rollback(self) -> None:
        """The transaction was rolled back: nothing staged in it counts. Reads no file: that may be the trouble."""
        ...


class Database(Protocol):
    """The connection that work is done on."""

    def begin(self) -> None:
        """Open a transaction. Raises what the database raises: then no job is to blame."""
        ...

    def commit(self) -> None:
        """Make durable what was done since `begin`."""
        ...

    def rollback(self) -> None:
        """Undo what was done since `begin`, if a transaction is open; raises nothing."""
        ...

    def is_lost(self, exc: Exception) -> bool:
        """Whether the connection went with `exc`, and with it whether anything was committed."""
        ...

    def is_passing(self, exc: Exception) -> bool:
        """Whether the same group may well be committed now: others had to go on first."""
        ...

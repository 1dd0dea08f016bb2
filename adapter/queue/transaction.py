"""What `GroupCommit` needs of a database and its rows, and work whose result is known at the end of its group."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Staged(Generic[T]):
    """The result of work that runs together with others of its group: known after `flush`."""

    result: T | None = None


class Rows(Protocol):
    """The rows that work changes, inside a transaction. Other processes may have changed the database since the last
    one.
    """

    def begin(self) -> None:
        """Called when a transaction was opened: read cached values again if the database has changed."""
        ...

    def flush(self) -> None:
        """Write staged work. Called before each commit."""
        ...

    def rollback(self) -> None:
        """Called when the transaction was rolled back: discard staged work. Reads no file, because the file may be the
        cause.
        """
        ...


class Database(Protocol):
    """The connection that work runs on."""

    def begin(self) -> None:
        """Open a transaction. Raises the database's exception; then no job is to blame."""
        ...

    def commit(self) -> None:
        """Make durable everything since `begin`."""
        ...

    def rollback(self) -> None:
        """Undo everything since `begin` if a transaction is open. Raises nothing."""
        ...

    def is_lost(self, exc: Exception) -> bool:
        """Whether the connection was lost with `exc`, so that the commit may or may not have happened."""
        ...

    def is_passing(self, exc: Exception) -> bool:
        """Whether the same group may succeed now: another transaction had precedence."""
        ...

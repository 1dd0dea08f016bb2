"""Where a queue is: a closed union. Whoever must decide by it matches it with `assert_never`, in `queue/` alone.

To add a backend, add its address to `QueueAddress` and to the schema of the setting `queue`: the type checker names
every place that must decide.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, assert_never
from uuid import uuid4

_MEMORY = "memory:"
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Memory:
    """A queue in the memory of the process that serves it. `name` tells the queues of one process apart."""

    name: str = field(default_factory=lambda: uuid4().hex, compare=False)

    def __str__(self) -> str:
        return _MEMORY


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A queue in a SQLite file."""

    path: Path

    def __str__(self) -> str:
        return f"{_SQLITE}{self.path}"


QueueAddress: TypeAlias = Memory | SqliteFile


def parse_address(text: str, *, folder: Path) -> QueueAddress:
    """The address that `text`, which fits the schema of the setting, means; relative paths are relative to `folder`."""
    return Memory() if text == _MEMORY else SqliteFile(folder / text.removeprefix(_SQLITE))


def state_folder(address: QueueAddress) -> Path | None:
    """Where files belong that live as long as the queue; None if the queue keeps nothing."""
    match address:
        case SqliteFile(path):
            return path.parent
        case Memory():
            return None
        case _:
            assert_never(address)


def sandbox_address(address: QueueAddress) -> QueueAddress:
    """The address of the queue of `serve --sandbox` where `address` is that of the real one."""
    match address:
        case SqliteFile(path):
            return replace(address, path=path.with_name("sandbox.db"))
        case Memory():
            return Memory()
        case _:
            assert_never(address)


def outlives_process(address: QueueAddress) -> bool:
    """Whether what is in the queue is still there after a restart."""
    match address:
        case Memory():
            return False
        case SqliteFile():
            return True
        case _:
            assert_never(address)

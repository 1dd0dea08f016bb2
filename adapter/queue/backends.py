"""Opens and checks queues by address. No other module imports a backend."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import assert_never

from adapter.errors import ConfigError
from adapter.queue import moving
from adapter.queue.address import Memory, Postgres, QueueAddress, SqliteFile
from adapter.queue.admin import QueueAdmin
from adapter.queue.contract import Queue
from adapter.queue.records import QueueCheck, QueueOptions
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.check import check_file
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.queue.sqlite.moving import source_at, target_at
from adapter.queue.sqlite.place import MEMORY_BYTES, FilePlace, MemoryPlace
from adapter.queue.sqlite.queue import SqliteQueue

_NOT_MOVED = "a queue in memory is gone with its process: it cannot be moved"


async def open_queue(
    address: QueueAddress, options: QueueOptions, *, now: Callable[[], float], wall: Callable[[], float]
) -> Queue:
    """The queue at `address`, created if there is none. For its one owner, or for one of several where it is shared.

    `now` returns seconds since 1970 and never jumps; `wall` is the machine's clock, which may be wrong. Raises
    ConfigError or QueueError if the queue cannot be opened.
    """
    match address:
        case SqliteFile(path):
            return await SqliteQueue.open_at(FilePlace(path), options, now=now, wall=wall)
        case Memory(name):
            return await SqliteQueue.open_at(MemoryPlace(name), options, now=now, wall=wall)
        case Postgres():
            queue: Queue = await _postgres().open_queue(address, options, now=now)
            return queue
        case _:
            assert_never(address)


@contextmanager
def open_admin(address: QueueAddress, *, unordered: Collection[str]) -> Iterator[QueueAdmin]:
    """The admin of the queue at `address`, beside its owner. Raises ConfigError or QueueError if there is none."""
    match address:
        case SqliteFile(path):
            with SqliteQueueAdmin.open_at(FilePlace(path), unordered=unordered) as admin:
                yield admin
        case Memory(name):
            with SqliteQueueAdmin.open_at(MemoryPlace(name), unordered=unordered) as admin:
                yield admin
        case Postgres():
            with _postgres().open_admin(address, unordered=unordered) as admin:
                yield admin
        case _:
            assert_never(address)


@contextmanager
def open_source(address: QueueAddress) -> Iterator[moving.MovedFrom]:
    """The source of a move; no process may serve it meanwhile. Raises ConfigError or QueueError."""
    match address:
        case SqliteFile(path):
            with source_at(path) as source:
                yield source
        case Postgres():
            with _postgres().open_end(address, make=False) as source:
                yield source
        case Memory():
            raise ConfigError(_NOT_MOVED)
        case _:
            assert_never(address)


@contextmanager
def open_target(address: QueueAddress) -> Iterator[moving.MovedTo]:
    """The target of a move, created if it does not exist. Raises ConfigError or QueueError."""
    match address:
        case SqliteFile(path):
            with target_at(path) as target:
                yield target
        case Postgres():
            with _postgres().open_end(address, make=True) as target:
                yield target
        case Memory():
            raise ConfigError(_NOT_MOVED)
        case _:
            assert_never(address)


def is_there(address: QueueAddress) -> bool:
    """Whether a command beside the service can open the queue at `address`. Never raises."""
    match address:
        case SqliteFile(path):
            try:
                return path.is_file()
            except OSError:
                return False
        case Memory():
            return False
        case Postgres():
            try:
                return bool(_postgres().is_there(address))
            except ConfigError:
                return False
        case _:
            assert_never(address)


def refuse_damaged(address: QueueAddress) -> None:
    """Raises QueueError if the queue at `address` is damaged so that opening it would lose data.

    Must be called before, and never in, a process that has the queue open.
    """
    match address:
        case SqliteFile(path):
            # The last process that closes a file removes its log, and with it the data behind the damage.
            refuse_damaged_log(path)
        case Memory() | Postgres():
            return
        case _:
            assert_never(address)


def check(address: QueueAddress) -> QueueCheck:
    """Whether a queue could be served at `address`. Changes nothing."""
    match address:
        case SqliteFile(path):
            return check_file(path)
        case Memory():
            held = MEMORY_BYTES // 2**20
            return QueueCheck(
                True,
                f"in memory, at most {held} MB",
                "pending events are lost at a stop; name a file with `queue:` to keep them",
            )
        case Postgres():
            try:
                checked: QueueCheck = _postgres().check(address)
            except ConfigError as error:
                return QueueCheck(False, str(error))
            return checked
        case _:
            assert_never(address)


def _postgres() -> ModuleType:
    """The backend of PostgreSQL, whose driver is an extra. Raises ConfigError if it is not installed."""
    try:
        from adapter.queue.postgres import backend  # noqa: PLC0415 - only this backend needs the driver
    except ModuleNotFoundError as missing:
        if missing.name != "psycopg":
            raise
        raise ConfigError("a PostgreSQL queue needs its driver: pip install 'browsee-adapter[postgres]'") from None
    return backend

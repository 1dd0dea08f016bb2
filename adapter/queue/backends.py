"""Opens and checks queues by their address: the one module that knows every backend."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import assert_never

from adapter.queue.address import Memory, QueueAddress, SqliteFile
from adapter.queue.admin import QueueAdmin
from adapter.queue.contract import Queue
from adapter.queue.records import QueueCheck, QueueOptions
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.check import check_file
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.queue.sqlite.place import MEMORY_BYTES, FilePlace, MemoryPlace, Place
from adapter.queue.sqlite.queue import SqliteQueue


async def open_queue(
    address: QueueAddress, options: QueueOptions, *, now: Callable[[], float], wall: Callable[[], float]
) -> Queue:
    """The queue at `address`, made if there is none, for its one owner.

    `now` gives seconds since 1970 and never jumps; `wall` is the machine's clock, which may be wrong. Raises
    ConfigError or QueueError if the queue cannot be had.
    """
    return await SqliteQueue.open_at(_place(address), options, now=now, wall=wall)


@contextmanager
def open_admin(address: QueueAddress, *, unordered: Collection[str]) -> Iterator[QueueAdmin]:
    """The admin of the queue at `address`, beside the owner. Raises ConfigError or QueueError if there is none."""
    with SqliteQueueAdmin.open_at(_place(address), unordered=unordered) as admin:
        yield admin


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
        case _:
            assert_never(address)


def refuse_damaged(address: QueueAddress) -> None:
    """Raises QueueError if the queue at `address` is damaged so that looking at it would lose something.

    Must be called before, and never in, a process that has the queue open.
    """
    match address:
        case SqliteFile(path):
            # The last process that closes a file removes its log, with what lies behind the damage.
            refuse_damaged_log(path)
        case Memory():
            return
        case _:
            assert_never(address)


def check(address: QueueAddress) -> QueueCheck:
    """Whether a queue could be served at `address`; changes nothing."""
    match address:
        case SqliteFile(path):
            return check_file(path)
        case Memory():
            held = MEMORY_BYTES // 2**20
            return QueueCheck(
                True,
                f"in memory, at most {held} MB",
                "what waits is lost at a stop; name a file with `queue:` to keep it",
            )
        case _:
            assert_never(address)


def _place(address: QueueAddress) -> Place:
    match address:
        case SqliteFile(path):
            return FilePlace(path)
        case Memory(name):
            return MemoryPlace(name)
        case _:
            assert_never(address)

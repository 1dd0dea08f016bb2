"""Opens and checks queues by their address, for `queue.backends`; the driver is imported with it."""

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, closing

from adapter.errors import AdapterError
from adapter.queue.address import Postgres
from adapter.queue.admin import QueueAdmin
from adapter.queue.postgres.admin import PostgresQueueAdmin
from adapter.queue.postgres.advice import TABLES_MISSING
from adapter.queue.postgres.clock import StoreClock
from adapter.queue.postgres.connect import PostgresPlace, PostgresSession
from adapter.queue.postgres.moving import PostgresRowsMoved, end_at
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.schema import MAY_CREATE, may_create, migrations, missing_tables, schema_version
from adapter.queue.postgres.state import SQL
from adapter.queue.records import QueueCheck, QueueOptions

_SLOW_COMMIT_S = 0.1


def place_of(address: Postgres) -> PostgresPlace:
    """The place that the address means."""
    return PostgresPlace(address.url.reveal(), schema=address.schema, shown=str(address))


async def open_queue(address: Postgres, options: QueueOptions, *, now: Callable[[], float]) -> PostgresQueue:
    """The queue at `address`, by the clock of its server; `now` gives seconds since 1970 and never jumps."""
    return await PostgresQueue.open_at(place_of(address), options, clock=StoreClock(now))


def open_admin(address: Postgres, *, unordered: Collection[str]) -> AbstractContextManager[QueueAdmin]:
    """The admin of the queue at `address`."""
    return PostgresQueueAdmin.open_at(place_of(address), unordered=unordered)


def open_end(address: Postgres, *, make: bool) -> AbstractContextManager[PostgresRowsMoved]:
    """One end of a move."""
    return end_at(place_of(address), make=make)


def is_there(address: Postgres) -> bool:
    """Whether the queue has its tables. Never raises."""
    place = place_of(address)
    try:
        with place.opened() as connection:
            return schema_version(connection, place) > 0
    except AdapterError:
        return False


def check(address: Postgres) -> QueueCheck:
    """Whether a queue could be served from here: connects, and writes if the tables are there."""
    place = place_of(address)
    try:
        with place.opened() as connection:
            version = schema_version(connection, place)
            if version == 0 and not may_create(connection, place):
                return QueueCheck(False, f"{place}: this user may not create the tables", MAY_CREATE)
            if version and (missing := missing_tables(connection, place)):
                return QueueCheck(False, f"{place}: lacks the tables {', '.join(missing)}", TABLES_MISSING)
            standbys = connection.execute("SELECT current_setting('synchronous_standby_names')").fetchone()
        took_s = _written(place) if version else None
    except AdapterError as error:
        return QueueCheck(False, str(error))
    there = ", its tables are created at the first start" if took_s is None else f", written in {took_s * 1000:.1f} ms"
    todo = ""
    if took_s is not None and took_s > _SLOW_COMMIT_S:
        todo = "a slow disk or network: every request waits for this"
    elif 0 < version < len(migrations()):
        todo = "the service upgrades the tables at its start"
    elif not standbys or not standbys[0]:
        todo = "no synchronous standby: events are lost if this server's disk is (synchronous_standby_names)"
    return QueueCheck(True, f"{place}{there}", todo)


def _written(place: PostgresPlace) -> float:
    """Seconds that a commit took."""
    with closing(PostgresSession(place)) as session:
        session.run(SQL["server_time"])
        start_s = time.perf_counter()
        session.run(SQL["probe"], {"now_us": time.time_ns() // 1000})
        return time.perf_counter() - start_s

"""The queue of a run: a file of its own, or a schema of its own in a PostgreSQL database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never
from uuid import uuid4

from adapter.errors import ConfigError
from adapter.queue.address import Memory, Postgres, QueueAddress, SqliteFile, parse_address
from adapter.queue.contract import Queue
from adapter.queue.sqlite.queue import SqliteQueue

_SERVER = "postgresql://"
TAKEOVER_S = 11.0
"""Seconds until another process delivers after one was killed, with a server."""


def queue_address(file: Path, *, server: str) -> QueueAddress:
    """A new queue: in `file`, or at `server`, an address without a schema. Raises ConfigError."""
    if not server:
        return SqliteFile(file)
    if not server.startswith(_SERVER):
        raise ConfigError(f"--queue is {_SERVER}user@host/database; without it each queue is a file")
    return parse_address(f"{server}{'&' if '?' in server else '?'}schema=chaos_{uuid4().hex[:16]}", folder=file.parent)


def as_setting(address: QueueAddress) -> str:
    """The address in the form of the settings, with its password."""
    if isinstance(address, Postgres):
        url = address.url.reveal()
        return f"{url}{'&' if '?' in url else '?'}schema={address.schema}"
    return str(address)


async def open_by(address: QueueAddress, clock: Callable[[], float]) -> Queue:
    """The queue, with this clock whatever other clocks show. Raises QueueError."""
    match address:
        case SqliteFile(path):
            return await SqliteQueue.open(path, now=clock)
        case Postgres():
            # The driver is needed for a server only.
            from adapter.queue.postgres.backend import place_of  # noqa: PLC0415
            from adapter.queue.postgres.queue import PostgresQueue  # noqa: PLC0415

            return await PostgresQueue.open_at(place_of(address), clock=clock)
        case Memory():
            raise ValueError("a queue in memory outlives no process")
        case _:
            assert_never(address)


def forget(address: QueueAddress) -> None:
    """Remove the data on a server; files are removed with their folder. Raises QueueError."""
    if isinstance(address, Postgres):
        from adapter.queue.postgres.backend import place_of  # noqa: PLC0415

        with place_of(address).connect() as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {address.schema} CASCADE".encode())


_TABLES = ("message", "rejection", "finished", "probe")
"""Every service that stores, settles or probes writes to at least one of them."""


@contextmanager
def server_full(address: QueueAddress) -> Iterator[None]:
    """The server refuses every write to the queue, with the message of a full disk. Raises QueueError."""
    if not isinstance(address, Postgres):
        raise TypeError("a queue in a file has no server")
    from adapter.queue.postgres.backend import place_of  # noqa: PLC0415

    with place_of(address).connect() as connection:

        def run(sql: str) -> None:
            connection.execute(sql.encode())

        run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
        )
        for table in _TABLES:
            run(f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            run("DROP FUNCTION refuse CASCADE")

"""A PostgreSQL server for tests: one for each process that runs tests, with a schema for each test.

It is started from the system's programs with a data directory of its own in a temporary folder, listens on a socket
there and on nothing else, and ends with the process. A server refuses to run as root: then it runs as another user.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.schema import migrate
from cluster import postgres
from cluster.postgres import make_data, programs, serving, user_command

_schemas = count(1)


@dataclass(frozen=True, slots=True)
class Server(postgres.Server):
    """The same, with places for tests."""

    def place(self) -> PostgresPlace:
        """A place without tables that no other test has."""
        return PostgresPlace(self.conninfo, schema=f"test_{next(_schemas)}")

    def made_place(self) -> PostgresPlace:
        """Such a place with its tables."""
        place = self.place()
        with place.connect() as connection:
            migrate(connection, place)
        return place


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Starts a server, and stops it afterwards. `programs` must have found them."""
    with _folder() as folder:
        user_command(folder)
        make_data(folder / "data", initdb=["--no-sync"])
        with _serving(folder):
            yield Server(folder)


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and the standby for which its commits wait."""

    primary: Server
    standby: Server

    @property
    def conninfo(self) -> str:
        """Both hosts for libpq, which connects to the one that accepts writes."""
        return f"host={self.primary.folder},{self.standby.folder} user=postgres dbname=postgres"

    def kill_primary(self) -> None:
        """At once, as by a power cut."""
        pid = server_pid(self.primary.folder)
        for each in [pid, *_children(pid)]:
            os.kill(each, signal.SIGKILL)

    def promote(self) -> None:
        """The standby accepts writes from now on, and waits for no other server."""
        with psycopg.connect(self.standby.conninfo, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def standby_pids(self) -> list[int]:
        """Its processes."""
        pid = server_pid(self.standby.folder)
        return [pid, *_children(pid)]

    def cut_standby(self) -> None:
        """It receives nothing from now on, and an asynchronous one is not waited for."""
        with psycopg.connect(self.standby.conninfo, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            end_s = time.monotonic() + 30
            while connection.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone():
                assert time.monotonic() < end_s
                time.sleep(0.02)

    def has_all(self) -> bool:
        """Whether the standby has everything that was committed on the primary."""
        ask = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
        with psycopg.connect(self.primary.conninfo, autocommit=True) as connection:
            return connection.execute(ask).fetchone() is not None


@contextlib.contextmanager
def running_pair(*, is_synchronous: bool = True) -> Iterator[Pair]:
    """Starts a primary and a standby, for which commits wait if it is synchronous, and stops both afterwards."""
    with running_server() as primary, _folder() as folder:
        _run(folder, "pg_basebackup", f"-D {folder}/data -h {primary.folder} -U postgres -R -X stream -c fast")
        with _serving(folder):
            with psycopg.connect(primary.conninfo, autocommit=True) as connection:
                if is_synchronous:
                    # Of the primary alone: the standby was copied before.
                    connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                    connection.execute("SELECT pg_reload_conf()")
                states = ["sync" if is_synchronous else "async"]
                ask = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s"
                end_s = time.monotonic() + 30
                while not connection.execute(ask, states).fetchone():
                    assert time.monotonic() < end_s
                    time.sleep(0.02)
            yield Pair(primary, Server(folder))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, program: str, arguments: str) -> None:
    command = [*user_command(folder), str((programs() or Path()) / program), *arguments.split()]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[None]:
    # Each test has up to five connections.
    options = ["-c", "max_connections=60"]
    with serving(folder / "data", socket=folder, log=folder / "log", options=options):
        yield


def server_pid(folder: Path) -> int:
    """The process of the server of that folder, which starts one for each connection."""
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def _children(pid: int) -> list[int]:
    return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def fill_lanes(place: PostgresPlace, count: int, *, due_s: float, source: str = "shop") -> None:
    """Let so many users of `source` wait with one event each, due a second apart up to `due_s`."""
    values = {"count": count, "due_us": round(due_s * 1e6), "source": source}
    with place.connect() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("INSERT INTO source (name) VALUES (%(source)s) ON CONFLICT DO NOTHING", {"source": source})
        connection.execute(
            "WITH numbers AS (SELECT nextval('seq') AS seq, n FROM generate_series(1, %(count)s) AS n), "
            "stored AS (INSERT INTO message (seq, source, message_id, type, user_id, timestamp_us, received_us, body) "
            "SELECT seq, source.id, convert_to('waits-' || n, 'UTF8'), 'track'::bytea, convert_to('w-' || n, 'UTF8'), "
            '%(due_us)s, %(due_us)s, \'{"type":"track","event":"Waited","properties":{}}\'::bytea '
            "FROM numbers, source WHERE name = %(source)s) "
            "INSERT INTO lane (lane, source, head, due_us) "
            "SELECT 1000000000 + n::bigint * 7919, source.id, seq, %(due_us)s - n FROM numbers, source "
            "WHERE name = %(source)s",
            values,
        )
        connection.execute(
            "INSERT INTO held (source, events, bytes) SELECT id, %(count)s, %(count)s::bigint * 350 FROM source "
            "WHERE name = %(source)s",
            values,
        )

"""A PostgreSQL server for tests: one for each process that runs tests, with a schema for each test.

It is started from the system's programs with a data directory of its own in a temporary folder, listens on a socket
there and on nothing else, and ends with the process. A server refuses to run as root: then it runs as another user.
"""

import contextlib
import os
import pwd
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

HOW_TO_GET_IT = "PostgreSQL is not installed: scripts/install-test-tools as root, or sudo apt install postgresql"
_USERS = ("postgres", "nobody")
_START_WITHIN_S = 30
_schemas = count(1)


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).parent] if on_path else []
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, by the folder of its socket."""

    folder: Path

    @property
    def conninfo(self) -> str:
        """The database, as libpq is told of it."""
        return f"host={self.folder} user=postgres dbname=postgres"

    def url(self, schema: str) -> str:
        """The address of a queue in it, for the settings."""
        return f"postgresql:///postgres?host={self.folder}&user=postgres&schema={schema}"

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
        _run(folder, "initdb", f"-D {folder}/data -U postgres -A trust -E UTF8 --no-sync --locale=C")
        with _serving(folder):
            yield Server(folder)


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and the standby for which its commits wait."""

    primary: Server
    standby: Server

    @property
    def conninfo(self) -> str:
        """Both, as libpq is told of them; it goes to the one that takes writes."""
        return f"host={self.primary.folder},{self.standby.folder} user=postgres dbname=postgres"

    def kill_primary(self) -> None:
        """At once, as by a power cut."""
        pid = _pid(self.primary.folder)
        for each in [pid, *_children(pid)]:
            os.kill(each, signal.SIGKILL)

    def promote(self) -> None:
        """The standby takes writes from now on, and waits for nobody."""
        with psycopg.connect(self.standby.conninfo, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def standby_pids(self) -> list[int]:
        """Its processes."""
        pid = _pid(self.standby.folder)
        return [pid, *_children(pid)]


@contextlib.contextmanager
def running_pair() -> Iterator[Pair]:
    """Starts a primary and a synchronous standby, and stops both afterwards."""
    with running_server() as primary, _folder() as folder:
        _run(folder, "pg_basebackup", f"-D {folder}/data -h {primary.folder} -U postgres -R -X stream -c fast")
        with _serving(folder):
            with psycopg.connect(primary.conninfo, autocommit=True) as connection:
                # Of the primary alone: the standby was copied before.
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                connection.execute("SELECT pg_reload_conf()")
                end_s = time.monotonic() + _START_WITHIN_S
                while not connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone():
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
    command = [*_as_user(folder), str((programs() or Path()) / program), *arguments.split()]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[None]:
    # Each test has up to five connections.
    server = f"{programs()}/postgres -D {folder}/data -k {folder} -c listen_addresses= -c max_connections=60".split()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*_as_user(folder), *server], stderr=log, stdout=log, cwd=folder)
    try:
        _wait_for(Server(folder), process, folder / "log")
        yield
    finally:
        # That is: end all connections and stop.
        process.send_signal(signal.SIGINT)
        process.wait(_START_WITHIN_S)


def _pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def _children(pid: int) -> list[int]:
    return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _as_user(folder: Path) -> list[str]:
    """What a command begins with to run as an unprivileged user who may use `folder`. It ends with this process."""
    with_parent = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
    if os.geteuid() != 0:
        return with_parent
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in _USERS)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [*with_parent, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + _START_WITHIN_S
    while True:
        try:
            psycopg.connect(server.conninfo).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.02)
        else:
            return

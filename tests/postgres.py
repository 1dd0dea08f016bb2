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
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        as_user = _as_user(folder)
        bin_, data = programs() or Path(), folder / "data"
        initdb = f"{bin_}/initdb -D {data} -U postgres -A trust -E UTF8 --no-sync --locale=C".split()
        subprocess.run([*as_user, *initdb], check=True, capture_output=True, cwd=folder)
        # Each test has up to five connections.
        server = f"{bin_}/postgres -D {data} -k {folder} -c listen_addresses= -c max_connections=60".split()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*as_user, *server], stderr=log, stdout=log, cwd=folder)
        try:
            _wait_for(Server(folder), process, folder / "log")
            yield Server(folder)
        finally:
            # That is: end all connections and stop.
            process.send_signal(signal.SIGINT)
            process.wait(_START_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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

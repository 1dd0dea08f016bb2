"""A PostgreSQL server of one's own: the system's programs, a data directory, a socket and no port.

It runs as an unprivileged user, because PostgreSQL refuses to run as root, and it ends with the process that started
it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

HOW_TO_GET_IT = "PostgreSQL is not installed: scripts/postgresql as root, or sudo apt install postgresql"
_USERS = ("postgres", "nobody")
_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 30.0
_SYSTEM = Path("/usr/lib/postgresql")


class ServerError(Exception):
    """The server cannot be started; the text says why, for the user of the command."""


def programs(version: str | None = None) -> Path | None:
    """The folder of `initdb` and `postgres`, of the newest version or of the given one; None if it is not installed."""
    folders = [folder / "bin" for folder in sorted(_SYSTEM.glob("*"), reverse=True) if version in (None, folder.name)]
    on_path = shutil.which("initdb")
    folders += [Path(on_path).parent] if on_path else []
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, by the folder of its socket."""

    folder: Path

    @property
    def conninfo(self) -> str:
        """The address of the database for libpq."""
        return f"host={self.folder} user=postgres dbname=postgres"

    def url(self, schema: str) -> str:
        """The address of a queue in it, for the settings."""
        return f"postgresql:///postgres?host={self.folder}&user=postgres&schema={schema}"


def user_command(*folders: Path) -> list[str]:
    """The beginning of a command that runs as an unprivileged user who owns `folders`. It ends with this process."""
    with_parent = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
    if os.geteuid() != 0:
        return with_parent
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in _USERS)
    for folder in folders:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return [*with_parent, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def make_data(data: Path, *, initdb: Sequence[str] = ()) -> None:
    """Create the data directory `data` if it does not exist, with more options of initdb. Raises ServerError.

    Every user who can reach the server's socket is trusted, so it must be in a folder that only its user can enter.
    """
    if (data / "PG_VERSION").exists():
        return
    half_made = data.with_name(f"{data.name}.new")
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.mkdir(mode=0o700, parents=True)
    begins = user_command(half_made)
    program = (programs() or Path()) / "initdb"
    options = ["-D", str(half_made), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", *initdb]
    command = [*begins, str(program), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise ServerError(f"{data}: {done.stderr.strip()}")
    half_made.replace(data)


@contextlib.contextmanager
def serving(data: Path, *, socket: Path, log: Path, options: Sequence[str] = ()) -> Iterator[Server]:
    """Runs the server of the data directory `data` until the block ends, with more `options` of postgres.

    It has a session of its own, so that a Ctrl-C in the terminal does not reach it. Raises ServerError.
    """
    version = (data / "PG_VERSION").read_text().strip()
    folder = programs(version)
    if folder is None:
        raise ServerError(f"{data} was made by PostgreSQL {version}, which is not installed any more")
    command = [*user_command(socket), str(folder / "postgres"), "-D", str(data), "-k", str(socket)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*command, "-c", "listen_addresses=", *options], stderr=out, stdout=out, cwd="/", start_new_session=True
        )
    server = Server(socket)
    try:
        _wait_for(server, process, log)
        yield server
    finally:
        # Fast: end all connections, write the memory, and stop. If that takes too long, stop at once: the next start
        # then replays the log, as after a crash.
        for how in (signal.SIGINT, signal.SIGQUIT):
            process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_WITHIN_S)
                break


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + _START_WITHIN_S
    while True:
        try:
            psycopg.connect(server.conninfo).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end_s:
                lines = log.read_text(errors="replace").splitlines()[-5:]
                raise ServerError("PostgreSQL does not start:\n" + "\n".join(lines)) from None
            time.sleep(0.02)
        else:
            return

"""Servers that a queue cannot be kept in, and ones whose disk is full: real ones, but for one that is too old."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from adapter.errors import ConfigError, QueueError, QueueFull
from adapter.model import Delivered, Event
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from cluster.postgres import make_data, serving, user_command
from tests.fakes import FakeClock, make_event, until
from tests.postgres import Server

WITHIN_S = 20.0
PORT = 6432


def refusal(place: PostgresPlace) -> str:
    """Why a connection to it is not used."""
    with pytest.raises(ConfigError) as raised:
        place.connect()
    return str(raised.value)


def until_now(holds: object, *, within_s: float = WITHIN_S) -> None:
    """Wait for what another process brings about."""
    end_s = time.monotonic() + within_s
    while not (callable(holds) and holds()):
        assert time.monotonic() < end_s
        time.sleep(0.02)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_a_power_cut_could_empty_is_refused(postgres: Server, setting: str) -> None:
    """By the name of what is off, and with what to do."""
    place = postgres.place()

    def is_(value: str) -> bool:
        with psycopg.connect(postgres.conninfo) as asked:
            return asked.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)

    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        try:
            connection.execute("SELECT pg_reload_conf()")
            until_now(lambda: is_("off"))
            text = refusal(place)
        finally:
            connection.execute(f"ALTER SYSTEM RESET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")
            until_now(lambda: is_("on"))
    assert text == f"{place}: {setting} is off: a power cut could lose acknowledged events; turn it on"
    place.connect().close()


# -- poolers -----------------------------------------------------------------------------------------------------------


@contextmanager
def pgbouncer(server: Server, *, more: str) -> Iterator[str]:
    """PgBouncer in front of the server, with more lines of settings; as libpq reads it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("needs PgBouncer (Debian: apt install pgbouncer)")
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    ini = folder / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\npostgres = host={server.folder} user=postgres\n"
        f"[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\nunix_socket_dir = {folder}\n"
        f"auth_type = any\nlogfile = {folder}/log\n{more}\n"
    )
    command = [*user_command(folder), program, "-q", str(ini)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_now((folder / f".s.PGSQL.{PORT}").exists)
        yield f"host={folder} port={PORT} user=postgres dbname=postgres"
    finally:
        process.terminate()
        process.wait(WITHIN_S)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "more",
    [
        "pool_mode = transaction",
        "pool_mode = transaction\nignore_startup_parameters = options",
        "pool_mode = session\nignore_startup_parameters = options",
    ],
    ids=["transaction", "transaction, options ignored", "session, options ignored"],
)
def test_a_pooler_that_forgets_what_was_set_is_refused(postgres: Server, more: str) -> None:
    """Tables would be looked for, and made, elsewhere; and statements would wait without an end."""
    with pgbouncer(postgres, more=more) as conninfo:
        text = refusal(PostgresPlace(conninfo, schema="pooled"))
    assert text.endswith("such as PgBouncer: connect to PostgreSQL directly")


# -- old ones ----------------------------------------------------------------------------------------------------------


def message(kind: bytes, content: bytes) -> bytes:
    """A message of PostgreSQL's protocol."""
    return kind + struct.pack("!i", len(content) + 4) + content


@contextmanager
def old_server(version: str) -> Iterator[str]:
    """What says that it is a server of that version, and that it takes writes; as libpq reads it.

    The oldest one that Debian has is new enough, so this is not a real one.
    """
    folder = Path(tempfile.mkdtemp(prefix="old-"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / ".s.PGSQL.5432"))
    listener.listen()
    status = {"server_version": version, "server_encoding": "UTF8", "client_encoding": "UTF8"}
    greeting = message(b"R", struct.pack("!i", 0)) + b"".join(
        message(b"S", f"{name}\0{value}\0".encode()) for name, value in status.items()
    )
    ready = message(b"Z", b"I")
    column = b"transaction_read_only\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    off = message(b"T", struct.pack("!h", 1) + column) + message(b"D", struct.pack("!hi", 1, 3) + b"off")

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(greeting + ready)
                    while connection.recv(4096)[:1] == b"Q":
                        connection.sendall(off + message(b"C", b"SHOW\0") + ready)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"host={folder} user=postgres dbname=postgres"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_is_too_old_is_refused() -> None:
    """With its version and the oldest that will do."""
    with old_server("13.14") as conninfo:
        place = PostgresPlace(conninfo)
        assert refusal(place) == f"{place}: PostgreSQL 13; 14 or newer is needed"


# -- a full disk -------------------------------------------------------------------------------------------------------


@contextmanager
def file_system(size: str) -> Iterator[Path]:
    """The folder of a file system of its own of that size; PostgreSQL's user owns it."""
    folder = Path(tempfile.mkdtemp(prefix="small-"))
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tests", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("needs a user who may mount a file system")
    try:
        user_command(folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(file: Path) -> None:
    """Use all the space that is left."""
    with suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))


@pytest.fixture
def small_disk(postgres: Server) -> Iterator[tuple[PostgresPlace, Path]]:
    """A place whose tables are on a file system of their own of 8 MB, and its folder."""
    place = postgres.place()
    with file_system("8m") as folder, psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        (folder / "tables").mkdir()
        user_command(folder / "tables")
        connection.execute(f"CREATE TABLESPACE {place.schema} LOCATION '{folder}/tables'".encode())
        yield (
            PostgresPlace(f"{postgres.conninfo} options='-c default_tablespace={place.schema}'", place.schema),
            folder,
        )
        connection.execute(f"DROP SCHEMA {place.schema} CASCADE".encode())
        connection.execute("CHECKPOINT")
        connection.execute(f"DROP TABLESPACE {place.schema}".encode())


async def test_a_full_disk_takes_nothing_and_loses_nothing(small_disk: tuple[PostgresPlace, Path]) -> None:
    """Senders get 503 and what to do is said; what was acknowledged, and what was delivered meanwhile, is there when
    there is room again.
    """
    place, folder = small_disk
    queue = await PostgresQueue.open_at(place, clock=FakeClock())
    large = {"text": "".join(map(chr, range(32, 126))) * 1000}
    await queue.put([make_event("m-1")])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=5)
    filler = folder / "filler"
    fill(filler)
    # Far more than the pages that its tables have already.
    many = [make_event(f"large-{number}", user=f"u-{number}", properties=large) for number in range(100)]
    with pytest.raises(QueueFull, match=r"\(53100\): free space on the disk of PostgreSQL"):
        await queue.put(many)
    with suppress(QueueError):
        assert await queue.settle(lease, Delivered())
    filler.unlink()

    async def is_stored() -> bool:
        with suppress(QueueError):
            return (await queue.put([make_event("m-2", properties=large)])).stored == 1
        return False

    await until(is_stored)
    if queue.holds(lease):
        assert await queue.settle(lease, Delivered())
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.unaccounted) == (1, 0)
    await queue.close()


@contextmanager
def log_on(small: Path) -> Iterator[Path]:
    """The folder of a server that is not started yet and writes its log to the file system `small`."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        user_command(folder)
        make_data(folder / "data", initdb=["--no-sync", "--wal-segsize=1"])
        subprocess.run(["mv", str(folder / "data/pg_wal"), str(small)], check=True)
        (folder / "data/pg_wal").symlink_to(small / "pg_wal")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def put_until(is_over: Callable[[], bool], queue: PostgresQueue, event: Callable[[int], Event]) -> list[bool]:
    """Put one event after the other until then; whether each was acknowledged."""
    acknowledged: list[bool] = []
    while not is_over():
        try:
            await queue.put([event(len(acknowledged))])
        except QueueError:
            acknowledged.append(False)
        else:
            acknowledged.append(True)
    return acknowledged


async def test_a_full_disk_of_the_log_takes_nothing_and_loses_nothing() -> None:
    """PostgreSQL stops if it cannot write its log: senders get 503. Once it runs again with room, all that was
    acknowledged is there, and the queue goes on by itself.
    """
    text = os.urandom(50_000).hex()

    def event(number: int) -> Event:
        return make_event(f"m-{number}", user=f"u-{number}", properties={"text": text[number:]})

    with file_system("24m") as small, log_on(small) as folder:
        with serving(folder / "data", socket=folder, log=folder / "log"):
            with psycopg.connect(Server(folder).conninfo, autocommit=True) as connection:
                # The log of a standby that is gone is kept: what commonly fills such a disk.
                connection.execute("SELECT pg_create_physical_replication_slot('gone', true)")
            queue = await PostgresQueue.open_at(PostgresPlace(Server(folder).conninfo), clock=FakeClock())
            fill(small / "filler")
            log = folder / "log"
            acknowledged = await put_until(lambda: "No space left on device" in log.read_text(), queue, event)
        (small / "filler").unlink()
        with serving(folder / "data", socket=folder, log=folder / "log"):

            async def is_stored() -> bool:
                with suppress(QueueError):
                    return (await queue.put([make_event("last")])).stored == 1
                return False

            await until(is_stored, within_s=60)
            copies = [await queue.put([event(number)]) for number in range(len(acknowledged))]
            assert all(copy.duplicates for copy, was in zip(copies, acknowledged, strict=True) if was)
            balance = await queue.balance()
            assert (balance.pending, balance.unaccounted) == (len(acknowledged) + 1, 0)
            await queue.close()

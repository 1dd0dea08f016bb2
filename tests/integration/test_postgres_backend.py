"""A PostgreSQL queue by its address: opened, looked into, checked and refused, on a real server."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapter.cli.at_console import Target, console_at
from adapter.console.console import Events, Selection
from adapter.errors import AdapterError, ConfigError, QueueError
from adapter.model import Dead, Reason
from adapter.queue.address import QueueAddress, parse_address
from adapter.queue.backends import check, is_there, open_admin, open_queue
from adapter.queue.postgres.schema import migrate, migrations, schema_version
from adapter.queue.records import QueueOptions
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.place import MemoryPlace
from tests.fakes import make_event
from tests.integration.queues import take
from tests.postgres import Server
from tests.unit.cli.conftest import MAPPING

SETTINGS = """\
queue: "{queue}"
admin_token: a-token-of-an-operator
sources:
  shop: {{keys: [a-key-of-shop-to-test], mapping: shop.yaml, browsee_api_key: key}}
"""


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.url(postgres.place().schema)


def address_of(url: str) -> QueueAddress:
    return parse_address(url, folder=Path())


async def test_a_queue_is_opened_by_its_address(url: str) -> None:
    """By the clock of the server: what is put is due at once, whatever this machine's clock says."""
    address = address_of(url)
    assert not is_there(address)
    assert "its tables are created at the first start" in check(address).found
    queue = await open_queue(address, QueueOptions(), now=lambda: time.time() + 3600, wall=time.time)
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    assert abs(lease.due_at_s - (time.time() + 3600)) < 5
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    with open_admin(address, unordered=()) as admin:
        [record] = admin.dead()
        assert record.ended_at is not None
        assert abs(record.ended_at.timestamp() - time.time()) < 5
        assert admin.requeue([record.seq]) == 1
    assert len(await take(queue)) == 1
    assert is_there(address)
    assert check(address).ok
    assert "synchronous_standby_names" in check(address).todo
    await queue.close()


async def test_operators_look_into_it_by_the_settings(url: str, tmp_path: Path) -> None:
    """With the commands that look into a file."""
    queue = await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)
    await queue.put([make_event("m-1"), make_event("m-2", user="u-2")])
    for lease in await take(queue):
        await queue.settle(lease, Dead(Reason.REFUSED, f"no {lease.event.message_id}"))
    (tmp_path / "shop.yaml").write_text(MAPPING)
    (tmp_path / "adapter.yaml").write_text(SETTINGS.format(queue=url))
    with console_at(Target(tmp_path / "adapter.yaml", sandbox=False, url=None)) as console:
        assert [entry["id"] for entry in console.events(Events(limit=10))["entries"]] == ["2", "1"]
        assert console.where("m-1")["found"][0]["id"] == "1"
        assert console.requeue(Selection(everything=True))["events"] == 2
    assert len(await take(queue)) == 2
    await queue.close()


def test_a_queue_that_is_not_there_is_not_made(url: str) -> None:
    """To look never makes a table."""
    with pytest.raises(ConfigError, match="contains no queue yet"), open_admin(address_of(url), unordered=()):
        pass
    assert not is_there(address_of(url))


@pytest.fixture
def latin(postgres: Server) -> Iterator[str]:
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        yield f"postgresql:///latin?host={postgres.folder}&user=postgres"
        connection.execute("DROP DATABASE latin WITH (FORCE)")


async def refusal(url: str) -> tuple[type[AdapterError], str]:
    with pytest.raises(AdapterError) as raised:
        await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)
    return raised.type, str(raised.value)


async def test_a_database_in_another_encoding_is_refused(latin: str) -> None:
    """It could not hold what senders send."""
    kind, text = await refusal(latin)
    assert (kind, "make the database with ENCODING 'UTF8'" in text) == (ConfigError, True)


@pytest.fixture
def of_guest(postgres: Server, url: str) -> str:
    """The address for a user without rights."""
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    return url.replace("user=postgres", "user=guest")


async def test_who_may_not_make_the_tables_is_told_what_to_grant(of_guest: str) -> None:
    """It is the operator's to change, not a fault of the database; `doctor` finds it before the first start."""
    kind, text = await refusal(of_guest)
    assert (kind, "GRANT CREATE ON DATABASE" in text) == (ConfigError, True)
    checked = check(address_of(of_guest))
    assert (checked.ok, "GRANT CREATE ON DATABASE" in checked.todo) == (False, True)


async def test_who_may_not_use_the_tables_is_told_what_to_grant(postgres: Server, url: str, of_guest: str) -> None:
    """Without the right to the schema its tables look as if they were missing; without rights to them they do not."""
    await (await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)).close()
    for granted in ("", f"GRANT USAGE ON SCHEMA {url.partition('schema=')[2]} TO guest"):
        if granted:
            with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
                connection.execute(granted.encode())
        _, text = await refusal(of_guest)
        assert text.endswith("make this user the owner of the schema and its tables, or GRANT it all rights on them")
        assert check(address_of(of_guest)).found == text
        assert not is_there(address_of(of_guest))
        with pytest.raises(AdapterError, match="owner of the schema"), open_admin(address_of(of_guest), unordered=()):
            pass


async def test_a_table_that_was_dropped_by_hand_is_named(postgres: Server, url: str) -> None:
    """Senders get 503, and each answer says what to do; the next start says so too."""
    queue = await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)
    await queue.put([make_event("m-1")])
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {url.partition('schema=')[2]}.lane".encode())
    for work in (queue.put([make_event("m-2")]), queue.balance(), take(queue)):
        with pytest.raises(QueueError, match=r"\"lane\" does not exist \(42P01\): .* restore the schema from a backup"):
            await work
    await queue.close()
    checked = check(address_of(url))
    assert (checked.ok, checked.found) == (False, f"{address_of(url)}: lacks the tables lane")


async def test_a_schema_that_was_dropped_by_hand_is_named(postgres: Server, url: str) -> None:
    """By whatever connects next; the service does not take it for one that is being moved."""
    queue = await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {url.partition('schema=')[2]} CASCADE".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE application_name = 'browsee-adapter'"
        )
    with pytest.raises(QueueError, match=r"there is no schema test_\d+: .* restore the schema from a backup"):
        await queue.put([make_event("m-1")])
    await queue.close()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
async def test_a_database_that_cannot_be_reached_is_named_without_the_password(host: str) -> None:
    """Neither in the error nor in what doctor says."""
    url = f"postgresql://me:S3CRET@{host}/events?password=S3CRET"
    kind, text = await refusal(url)
    checked = check(address_of(url))
    assert kind is not ConfigError
    assert issubclass(kind, QueueError)
    assert text.startswith(f"postgresql://me@{host}/events: ")
    assert not checked.ok
    assert "S3CRET" not in text + checked.found + checked.todo + repr(address_of(url))


async def test_a_newer_version_is_not_served(postgres: Server) -> None:
    """Nor is it changed."""
    place = postgres.made_place()
    with place.connect() as connection:
        connection.execute("INSERT INTO migration (number, name) VALUES (999, 'of tomorrow')")
        with pytest.raises(QueueError, match="made by a newer version"):
            migrate(connection, place)


COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s"
DIFFERENT = {
    "migration": "SQLite has its version in the header of the file",
    "moved": "SQLite has its version in the header of the file",
    "claim": "SQLite has one process, which locks the file",
    "replica": "SQLite has one process, which locks the file",
    "seen_recent": "ids seen are in one table, by day",
    "seen_run": "ids seen are in one table, by day",
    "seen_filter": "other replicas put too, so no process can know all ids",
    "seen.run": "a day takes its place",
    "seen.day": "SQLite has runs of ids",
    "sqlite_sequence": "sequences are objects of their own",
}
"""Tables and columns that one of the two has alone, and why."""


def test_the_tables_of_both_databases_have_the_same_columns(postgres: Server) -> None:
    """Whatever is added to one has its counterpart in the other, or a line that says why not."""
    place = postgres.made_place()
    with place.connect() as connection:
        assert schema_version(connection, place) == len(migrations())
        ours = set(connection.execute(COLUMNS, [place.schema]).fetchall())
    there = connect(MemoryPlace("columns"))
    tables = [name for (name,) in there.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    theirs = {(table, row[1]) for table in tables for row in there.execute(f"PRAGMA table_info({table})").fetchall()}
    there.close()
    alone = {(table, column) for table, column in ours ^ theirs if not {table, f"{table}.{column}"} & DIFFERENT.keys()}
    assert alone == set()

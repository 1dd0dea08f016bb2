"""`move`: a queue goes from SQLite to PostgreSQL and back with every row, or stays where it was."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from adapter.cli.main import main
from adapter.errors import AdapterError, QueueError
from adapter.model import CallFailure, Dead, Delivered, EventWarning, Outcome, Reason, Retry, Unmatched, WarningKind
from adapter.queue.address import QueueAddress, parse_address
from adapter.queue.backends import open_admin, open_queue, open_source, open_target
from adapter.queue.contract import Limit, Queue
from adapter.queue.moving import BY_NAME, NUMBERED, PARTS, MovedTo, Row, move
from adapter.queue.records import QueueOptions
from adapter.queue.samples import ProjectRate
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.place import MemoryPlace
from tests.fakes import RECEIVED_AT, make_event, make_private, make_rejection, until
from tests.integration.queues import take
from tests.postgres import Server

_names = count(1)


@pytest.fixture
def new_url(tmp_path: Path, postgres: Server) -> Callable[[str], str]:
    """Makes addresses of queues that are not there yet."""

    def make(kind: str) -> str:
        return f"sqlite:///{tmp_path}/{next(_names)}.db" if kind == "sqlite" else postgres.url(f"moving_{next(_names)}")

    return make


BOTH_WAYS = pytest.mark.parametrize(("here", "there"), [("sqlite", "postgres"), ("postgres", "sqlite")])


def address_of(url: str) -> QueueAddress:
    return parse_address(url, folder=Path())


async def opened(url: str) -> Queue:
    return await open_queue(address_of(url), QueueOptions(), now=time.time, wall=time.time)


async def end(queue: Queue, message_id: str, outcome: Outcome, **more: str) -> None:
    await queue.put([make_event(message_id, user=f"user-of-{message_id}", **more)])
    [lease] = await take(queue)
    warning = EventWarning(WarningKind.REPLACED, "properties.total", "a text", "rule") if more else None
    assert await queue.settle(lease, outcome, mapping="v1", warnings=(warning,) if warning else ())


async def filled(url: str) -> None:
    """A queue in which each table has rows."""
    queue = await opened(url)
    failure = CallFailure("track", 503, "busy", 0.25)
    await end(queue, "delivered", Delivered("odd"), event="with a warning")
    await end(queue, "unmatched", Unmatched())
    await end(queue, "dead", Dead(Reason.REFUSED, "no\0t that", failure))
    await end(queue, "retried", Retry(Reason.SERVER_ERROR, 3600, counted=True, detail="later", failure=failure))
    await queue.put([make_event("parked", user="u-p"), make_event("behind", user="u-p")])
    [lease] = await take(queue)
    queue.mark_delivered(lease, "key\0of the call")
    await queue.settle(lease, Retry(Reason.PAUSED, 0, counted=False, parked=True))
    await queue.put([make_event(f"waiting \0 {n}", user=f"u-{n % 3}") for n in range(9)], [make_rejection()])
    await queue.put([make_event("waiting \0 1", user="u-1", event="Another"), make_event("waiting \0 2", user="u-2")])
    await queue.put([make_private("private", source="other"), make_event("erase", type="delete", user="u-2")])
    await queue.delete_requested(wait_s=5)
    await queue.keep_mapping(name="shop.yaml", version="v1", text="version: 1")
    await queue.keep_limit("project", Limit(12.5, 1e9))
    minute = round(RECEIVED_AT.timestamp()) // 60
    await queue.keep_sample(minute, pending=2, rates={"shop": ProjectRate(2.5, None), "other": ProjectRate(2.0, 12.5)})
    await queue.close()


def contents(url: str) -> dict[str, list[Row]]:
    """All rows, by part."""
    with open_source(address_of(url)) as source:
        return {part: [row for page in source.rows(part) for row in page] for part in PARTS}


def run_move(here: str, there: str) -> Result:
    return CliRunner().invoke(main, ["move", "--from", here, "--to", there, "--yes"])


def moved(here: str, there: str) -> str:
    result = run_move(here, there)
    assert result.exit_code == 0, result.output
    return result.output


@BOTH_WAYS
async def test_every_row_is_there_and_back_again(here: str, there: str, new_url: Callable[[str], str]) -> None:
    """With its number, in its lane, with what was delivered of it; and both balances are equal."""
    urls = [new_url(kind) for kind in (here, there, here)]
    await filled(urls[0])
    before = contents(urls[0])
    assert [part for part, rows in before.items() if not rows] == (["dedup_kept"])
    queue = await opened(urls[0])
    balance = await queue.balance()
    await queue.close()
    before = contents(urls[0])
    for one, other in pairwise(urls):
        assert "each was read back and is equal" in moved(one, other)
    assert contents(urls[2]) == before
    queue = await opened(urls[2])
    assert (await queue.balance()) == balance
    assert balance.unaccounted == 0
    await queue.close()


@BOTH_WAYS
async def test_a_moved_queue_goes_on(here: str, there: str, new_url: Callable[[str], str]) -> None:
    """Ids are known, numbers go on, lanes keep their order, parked events come first, calls are not repeated."""
    urls = [new_url(kind) for kind in (here, there)]
    await filled(urls[0])
    newest = next(last for name, last in contents(urls[0])["numbers"] if name == "message")
    moved(*urls)
    queue = await opened(urls[1])
    stored = await queue.put(
        [make_event("delivered", user="user-of-delivered", event="with a warning"), make_event("new", user="u-new")]
    )
    assert (stored.stored, stored.duplicates + stored.differing) == (1, 1)
    leases = await take(queue, limit=100)
    assert leases[0].event.message_id == "parked"
    assert leases[0].delivered_keys == frozenset({"key\0of the call"})
    lanes = {lease.event.user_id: lease.event.message_id for lease in leases}
    assert (lanes["u-0"], lanes["u-1"]) == ("waiting \0 0", "waiting \0 1")
    assert max(lease.seq for lease in leases) == int(str(newest)) + 1
    assert (await queue.limit("project")) == Limit(12.5, 1e9)
    assert await queue.last_mapping("shop.yaml") == "version: 1"
    for lease in leases:
        assert await queue.settle(lease, Delivered())
    assert (await queue.balance()).unaccounted == 0
    await queue.close()
    with open_admin(address_of(urls[1]), unordered=()) as admin:
        [letter] = admin.dead()
        assert (letter.event.message_id, letter.detail) == ("dead", "no␀t that" if "sqlite" in urls else letter.detail)
        assert admin.requeue([letter.seq]) == 1


@BOTH_WAYS
async def test_the_queue_that_was_left_is_not_served(here: str, there: str, new_url: Callable[[str], str]) -> None:
    """It can neither be served nor read: the error says where it went. It is not moved again either."""
    urls = [new_url(kind) for kind in (here, there, there)]
    await filled(urls[0])
    moved(urls[0], urls[1])
    with pytest.raises(QueueError, match=r"was moved to .*serve that one"):
        await opened(urls[0])
    with pytest.raises(QueueError, match="was moved to"), open_admin(address_of(urls[0]), unordered=()):
        pass
    for target in urls[1:]:
        result = run_move(urls[0], target)
        assert (result.exit_code, "was moved to" in result.output) == (2, True)
    await (await opened(urls[1])).close()


@dataclass(slots=True)
class Broken:
    """A target that fails at the call of a number, or gives back rows that differ."""

    target: MovedTo
    fails_at: int = 0
    alters: str = ""
    calls: int = 0

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise QueueError("cut off")

    def is_empty(self) -> bool:
        return self.target.is_empty()

    def load(self, part: str, rows: Sequence[Row]) -> None:
        self._call()
        self.target.load(part, rows)

    def rows(self, part: str) -> Iterator[Sequence[Row]]:
        for page in self.target.rows(part):
            yield [(*row[:-1], "other") for row in page] if part == self.alters else page

    def commit(self) -> None:
        self.fails_at = 0 if self.fails_at < 1000 else self.calls + 1
        self._call()
        self.target.commit()


def broken_move(here: str, there: str, **how: int | str) -> None:
    with open_source(address_of(here)) as source, open_target(address_of(there)) as target:
        move(source, Broken(target, **how), leaving=here, to=there)  # type: ignore[arg-type] # of the dataclass


@BOTH_WAYS
async def test_a_move_that_is_cut_off_is_begun_again(here: str, there: str, new_url: Callable[[str], str]) -> None:
    """Before its end nothing has changed. At its very end neither queue can be served, until it is done again."""
    urls = [new_url(kind) for kind in (here, there)]
    await filled(urls[0])
    before = contents(urls[0])
    for fails_at in (1, 5, 20):
        with pytest.raises(QueueError, match="cut off"):
            broken_move(urls[0], urls[1], fails_at=fails_at)
        assert contents(urls[0]) == before
        await (await opened(urls[0])).close()
    before = contents(urls[0])
    with pytest.raises(QueueError, match="cut off"):
        broken_move(urls[0], urls[1], fails_at=1000)
    with pytest.raises(QueueError, match="was moved to"):
        await opened(urls[0])
    broken_move(urls[0], urls[1])
    assert contents(urls[1]) == before


@BOTH_WAYS
@pytest.mark.parametrize("part", ["message", "seen", "ledger", "numbers"])
async def test_a_row_that_differs_undoes_all(here: str, there: str, part: str, new_url: Callable[[str], str]) -> None:
    """It is named by table and number, without its content, and the old queue is served on."""
    urls = [new_url(kind) for kind in (here, there)]
    await filled(urls[0])
    with pytest.raises(QueueError, match=rf"row 1 of `{part}` differs"):
        broken_move(urls[0], urls[1], alters=part)
    await (await opened(urls[0])).close()
    moved(*urls)


@BOTH_WAYS
async def test_what_is_served_is_not_moved(here: str, there: str, new_url: Callable[[str], str]) -> None:
    """Neither from it nor to it; and no service starts on a queue that is being moved."""
    urls = [new_url(kind) for kind in (here, there)]
    await filled(urls[0])
    for served in urls:
        queue = await opened(served)
        result = run_move(*urls)
        assert (result.exit_code, "stop" in result.output) == (2, True), result.output
        await queue.close()
        if served == urls[1] and there == "sqlite":
            Path(served.removeprefix("sqlite:///")).unlink()  # it is a queue by now, though an empty one
    with open_source(address_of(urls[0])), open_target(address_of(urls[1])):
        for url in urls:
            with pytest.raises(AdapterError, match=r"another browsee-adapter is serving|is being moved"):
                await opened(url)
    moved(*urls)


async def test_a_queue_that_received_something_takes_no_other(new_url: Callable[[str], str]) -> None:
    """Nothing is ever written over. A database in which a service was started, and received nothing, will do."""
    file, database, other = new_url("sqlite"), new_url("postgres"), new_url("postgres")
    await filled(file)
    await filled(database)
    result = run_move(file, database)
    assert (result.exit_code, "has received something already" in result.output) == (2, True)
    started = await opened(other)
    await started.keep_mapping(name="shop.yaml", version="v0", text="version: 1")
    await started.close()
    moved(file, other)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "memory:", "--to", "sqlite:///a.db"], "not an address of a queue"),
        (["--from", "sqlite:///a.db", "--to", "mysql://u:S3CRET@h/d"], "not an address of a queue"),
        (["--from", "sqlite:///a.db", "--to", "sqlite:///a.db"], "are the same queue"),
        (["--from", "sqlite:///no.db", "--to", "sqlite:///b.db"], "there is no queue here"),
        (["--from", "sqlite:///a.db", "--to", "sqlite:///"], "name a file"),
        (["--from", "sqlite:///a.db", "--to", "postgresql://u:S3C/RET@h/d"], "write @ as %40"),
        (["--from", "postgresql://u:S3CRET@127.0.0.1:1/d", "--to", "sqlite:///b.db"], "127.0.0.1"),
    ],
)
def test_wrong_use_is_refused(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, without a password, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["move", *arguments, "--yes"])
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert "S3CRET" not in result.output
    assert list(tmp_path.glob("*.db")) == []


EXCUSED = {
    *("sqlite_sequence", "state", "probe"),  # numbers are a part; what a start makes
    *("seen_recent", "seen_run", "seen_filter", "seen", "ledger", "held"),  # parts of their own
}


def test_every_table_and_column_is_moved() -> None:
    """Whatever is added to a queue is moved with it."""
    with closing(connect(MemoryPlace("moved"))) as there:
        tables = [name for (name,) in there.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        columns = {
            table: {row[1] for row in there.execute(f"PRAGMA table_info({table})").fetchall()}
            for table in tables
            if table not in EXCUSED
        }
        numbered = {name for (name,) in there.execute(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' AND name <> 'seen_run'"
        )}  # fmt: skip
    assert {name: set(table.columns) for name, table in BY_NAME.items()} == columns
    assert set(NUMBERED) - {"source"} == numbered


async def test_ids_of_many_days_are_known_as_long_as_before(new_url: Callable[[str], str]) -> None:
    """Or up to a day longer, never shorter: a run ends with its day."""
    urls = [new_url(kind) for kind in ("sqlite", "postgres", "sqlite")]
    await filled(urls[0])
    now_us = round(time.time() * 1e6)
    with closing(sqlite3.connect(urls[0].removeprefix("sqlite:///"))) as file, file:
        for age in range(6):
            ended_us = now_us - age * 43_200_000_000
            run = file.execute("INSERT INTO seen_run (span, ids, ended_us) VALUES (?, 2, ?)", (age, ended_us)).lastrowid
            ids = [(run, bytes([age, 7]) * 8, 900 + age), (run, b"again" + bytes(11), 800 + age)]
            file.executemany("INSERT INTO seen (run, digest, seq) VALUES (?, ?, ?)", ids)
    before = contents(urls[0])["seen"]
    moved(urls[0], urls[1])
    moved(urls[1], urls[2])
    assert contents(urls[2])["seen"] == before
    with closing(sqlite3.connect(urls[2].removeprefix("sqlite:///"))) as file:
        runs = file.execute("SELECT ended_us, ids FROM seen_run ORDER BY run").fetchall()
    assert [ended_us // 86_400_000_000 for ended_us, _ in runs] == sorted({int(str(row[1])) for row in before})
    assert sum(ids for _, ids in runs) == len(before)


@pytest.fixture
def in_other_order(postgres: Server) -> Iterator[str]:
    """A database whose collation has small letters beside capital ones."""
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        if connection.info.server_version < 150000:
            pytest.skip("PostgreSQL takes a provider of collations from version 15 on")
        connection.execute(
            "CREATE DATABASE ordered LOCALE_PROVIDER icu ICU_LOCALE 'en-US' TEMPLATE template0 ENCODING 'UTF8'"
        )
        yield f"postgresql:///ordered?host={postgres.folder}&user=postgres"
        connection.execute("DROP DATABASE ordered WITH (FORCE)")


async def test_a_database_may_sort_text_in_another_way(in_other_order: str, new_url: Callable[[str], str]) -> None:
    """Rows are compared in one order all the same."""
    file = new_url("sqlite")
    await filled(file)
    with closing(sqlite3.connect(file.removeprefix("sqlite:///"))) as connection, connection:
        rows = [(1, 1, term) for term in ("B", "a", "_", "A", "b c", "b_c", "Ä", "z")]
        connection.executemany("INSERT INTO sample (source, minute, term, n) VALUES (?, ?, ?, 1)", rows)
        connection.executemany("INSERT INTO pace (minute, project, per_s) VALUES (?, ?, ?)", [(1, "b", 1), (1, "B", 2)])
    before = contents(file)
    moved(file, in_other_order)
    assert contents(in_other_order) == before


async def fill(url: str, events: int) -> None:
    """That many of 1,000 users, a tenth of them ended."""
    queue = await opened(url)
    for start in range(0, events, 500):
        await queue.put(
            [make_event(f"m-{n}", user=f"u-{n % 1000}", properties={"total": n}) for n in range(start, start + 500)]
        )
    for _ in range(events // 5000):
        for lease in await take(queue, limit=500):
            await queue.settle(lease, Dead(Reason.REFUSED, "no") if lease.seq % 7 == 0 else Delivered(), may_wait=True)
    await queue.close()


@BOTH_WAYS
async def test_a_killed_move_changes_nothing(
    here: str, there: str, new_url: Callable[[str], str], postgres: Server
) -> None:
    """Twice killed on the way, the third time it is done."""
    urls = [new_url(kind) for kind in (here, there)]
    await fill(urls[0], 5_000)
    before = contents(urls[0])

    def is_moving() -> bool:
        """Whether it has begun to fill the target."""
        if there == "sqlite":
            return Path(f"{urls[1].removeprefix('sqlite:///')}.moving").exists()
        with psycopg.connect(postgres.conninfo) as connection:
            locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
            return connection.execute(locks).fetchone() is not None

    command = [sys.executable, "-m", "adapter", "move", "--from", urls[0], "--to", urls[1], "--yes"]
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)

        async def has_begun(mover: asyncio.subprocess.Process = process) -> bool:
            return mover.returncode is not None or await asyncio.to_thread(is_moving)

        await until(has_begun, within_s=30)
        if process.returncode is None:
            process.kill()
        if await process.wait() == 0:
            return  # a fast machine: it was done before
        assert contents(urls[0]) == before
    moved(*urls)
    assert contents(urls[1]) == before


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_a_million_events_go_and_come_back(new_url: Callable[[str], str]) -> None:
    """Every row is equal. Prints what it took."""
    events = int(os.environ.get("EVENTS", "1000000"))
    urls = [new_url(kind) for kind in ("sqlite", "postgres", "sqlite")]
    await fill(urls[0], events)
    before = contents(urls[0])
    for one, other in pairwise(urls):
        start_s = time.monotonic()
        said = moved(one, other)
        took_s = time.monotonic() - start_s
        print(f"{one.split(':')[0]} to {other.split(':')[0]}: {said.splitlines()[0]} {took_s:.0f} s")  # noqa: T201
    assert contents(urls[2]) == before

"""What the admin of a SQLite file does with the file: damage, what is left in its bytes, and how far a look goes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapter.errors import ConfigError
from adapter.model import (
    Dead,
    Delivered,
    EventWarning,
    Reason,
    Retry,
    WarningKind,
)
from adapter.queue.records import Filter
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from tests.contract.test_admin import ALL, USER, end, newest, rejection_of, warnings_of
from tests.fakes import make_event
from tests.integration.queues import take


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """Looking at a queue that is not there makes none."""
    with (
        pytest.raises(ConfigError, match="there is no queue here"),
        SqliteQueueAdmin.open(tmp_path / "no.db"),
    ):
        pass
    assert not (tmp_path / "no.db").exists()


@pytest.mark.parametrize("begins", ["{", "["], ids=["sent", "private"])
async def test_a_damaged_body_hides_no_other_event(queue: SqliteQueue, path: Path, begins: str) -> None:
    """Whatever is looked for, and when a user's data is taken away."""
    await queue.put([make_event("bad"), make_event("good", user="u-2", event="Paid")])
    with closing(sqlite3.connect(path)) as connection, connection:
        damaged = f'{begins}"event": \0'.encode()
        connection.execute("UPDATE message SET body = ? WHERE message_id = 'bad'", (damaged,))
    with SqliteQueueAdmin.open(path) as admin:
        assert [record.event.message_id for record in newest(admin, Filter(name="Paid"))] == ["good"]
        assert [record.event.message_id for record in newest(admin, Filter(users=("u-2",)))] == ["good"]
        assert list(admin.seqs_of_user("u-2")) == [[2]]
        assert list(admin.seqs_of_user("u-1")) == [[1]]


async def test_one_look_goes_only_so_far(queue: SqliteQueue, path: Path) -> None:
    """Through 100,000 seqs, and says where it stopped; the next look goes on there."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE message SET seq = 250000 WHERE message_id = 'm-2'")
    with SqliteQueueAdmin.open(path) as admin:
        looks = [admin.page_before(ALL, limit=5, before=before) for before in (250_001, 150_001, 50_001)]
    found = [([record.event.message_id for record in look.records], look.bottom, look.is_all) for look in looks]
    assert found == [(["m-2"], 150_001, False), ([], 50_001, False), (["m-1"], 1, True)]


async def test_a_users_data_goes_everywhere(queue: SqliteQueue, path: Path) -> None:
    """Pending, under way, dead and history: no byte of the user is left in the files, and the ledger balances."""
    await end(queue, "done", Delivered(), user=USER)
    await end(queue, "dead", Dead(Reason.REFUSED, "no"), user=USER)
    await queue.put([make_event("m-1", user=USER), make_event("m-2", user=USER), make_event("other", user="u-9")])
    await queue.put(
        [make_event("m-3", user=None, anonymousId=USER)],
        [
            rejection_of("r-1", f'{{"userId":"{USER}"}}'.encode()),
            rejection_of("r-2", f'[{{"userId":"{USER}", "cut'.encode()),
            rejection_of("r-3"),
        ],
    )
    under_way = await take(queue)
    with SqliteQueueAdmin.open(path) as admin:
        seqs = [seq for page in admin.seqs_of_user(USER) for seq in page]
        assert admin.erase(seqs) == 5
        assert admin.erase([999]) == 0
        assert admin.discard_rejections([n for page in admin.rejections_of_user(USER) for n in page]) == 2
        assert admin.erase_from_disk()
        found = {record.event.message_id: (record.outcome, record.reason) for record in newest(admin)}
        assert found == {
            "done": ("delivered", ""),
            "dead": ("dropped", "deleted"),
            "m-1": ("dropped", "deleted"),
            "m-2": ("dropped", "deleted"),
            "m-3": ("dropped", "deleted"),
            "other": ("pending", ""),
        }
        assert [record.event.body for record in admin.of_message("m-1")] == [{}]
        assert list(admin.seqs_of_user(USER)) == []
        assert admin.requeue(seqs) == 0
    for file in path.parent.glob("queue.db*"):
        assert USER.encode() not in file.read_bytes(), file.name
    # What was in a worker's hands when it was deleted ends as nothing.
    settled = {lease.event.message_id: await queue.settle(lease, Delivered()) for lease in under_way}
    assert settled == {"m-1": False, "m-3": False, "other": True}
    balance = await queue.balance()
    assert (balance.counts["dropped"], balance.counts["delivered"], balance.dead, balance.pending) == (4, 2, 0, 0)
    assert balance.unaccounted == 0


async def test_warnings_of_the_mapping_are_replaced(queue: SqliteQueue, path: Path) -> None:
    """At each settle; a late one changes nothing; and with the event they go."""
    noticed = EventWarning(WarningKind.TIME, "timestamp", "no date")
    mapped = [EventWarning(WarningKind.STEP, f"field {number}", "no number", "a rule") for number in range(30)]
    await queue.put([replace(make_event("m-1"), warnings=(noticed,)), make_event("m-2", user="bob")])
    with SqliteQueueAdmin.open(path) as admin:
        [first, second] = sorted(await take(queue), key=lambda lease: lease.seq)
        await queue.settle(first, Retry(Reason.TIMEOUT, 0, counted=True), warnings=mapped)
        await queue.settle(second, Retry(Reason.TIMEOUT, 0, counted=True), warnings=mapped[:1])
        assert (warnings_of(admin, 1), warnings_of(admin, 2)) == ((noticed, *mapped[:19]), (mapped[0],))
        assert not await queue.settle(first, Delivered(), warnings=mapped[:2])
        [first, second] = sorted(await take(queue), key=lambda lease: lease.seq)
        await queue.settle(first, Dead(Reason.REFUSED, "no"), warnings=mapped[:2])
        await queue.settle(second, Delivered())
        assert (warnings_of(admin, 1), warnings_of(admin, 2)) == ((noticed, *mapped[:2]), ())
        assert [found.seq for found in newest(admin, Filter(warned=True))] == [1]
        admin.discard([1])
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM warning").fetchone() == (0,)

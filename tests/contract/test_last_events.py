"""The last event of a source, as every queue shows it, and how much is looked through for it."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from adapter.console.last_events import LastLook, last_entry
from adapter.model import Dead, Event, Reason
from adapter.queue.admin import QueueAdmin
from adapter.queue.contract import Queue
from adapter.queue.records import Filter, RecordPage
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from tests.contract.conftest import AdminOf, Served
from tests.fakes import RECEIVED_AT, FakeClock, make_event, make_rejection
from tests.integration.queues import take


@pytest.fixture
def queue(served: Served) -> Queue:
    return served.queue


def of(source: str, message_id: str) -> Event:
    return make_event(message_id, source=source, user=f"user of {message_id}")


def look(admin: QueueAdmin, last: LastLook | None = None, source: str = "shop") -> tuple[str | None, LastLook]:
    """The id of the last entry, and where to go on."""
    entry, after = last_entry(admin, source, last, go_on=lambda: None)
    return None if entry is None else entry["id"], after


async def test_a_page_holds_only_what_comes_after_a_seq(queue: Queue, admin_of: AdminOf) -> None:
    """And is complete when it has come down to it."""
    await queue.put([of("shop", f"m-{n}") for n in range(5)])
    with admin_of() as admin:
        page = admin.page_before(Filter(after=2), limit=10, before=6)
        assert ([record.seq for record in page.records], page.is_all) == ([5, 4, 3], True)
        assert not admin.page_before(Filter(after=2), limit=2, before=6).is_all
        for after in (5, 10**9):
            assert admin.page_before(Filter(after=after), limit=10, before=6) == RecordPage((), 6, True, None)


async def test_the_last_event_is_found_again_or_the_one_before_it(queue: Queue, admin_of: AdminOf) -> None:
    """Whatever came, went, or never came since the look before."""
    with admin_of() as admin:
        nothing, last = look(admin)
    assert (nothing, last) == (None, LastLook(0, 0))
    await queue.put([of("shop", "m-1"), of("shop", "m-2"), of("other", "m-3")])
    with admin_of() as admin:
        assert look(admin, last) == look(admin) == ("2", LastLook(2, 3))
        assert look(admin, LastLook(2, 3)) == ("2", LastLook(2, 3))
        assert look(admin, LastLook(9, 99)) == ("2", LastLook(2, 3)), "the queue was replaced by another"
        assert look(admin, source="none") == (None, LastLook(0, 3))
    for lease in await take(queue):
        await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await queue.put([of("other", "m-4")])
    with admin_of() as admin:
        assert admin.discard([2]) == 1
        assert look(admin, LastLook(2, 3)) == ("1", LastLook(1, 4))


@pytest.mark.parametrize(("later_s", "outcome"), [(1, "rejected"), (-1, "pending")], ids=["later", "earlier"])
async def test_a_rejection_is_a_last_event_too(queue: Queue, admin_of: AdminOf, later_s: float, outcome: str) -> None:
    """If it came after the last event of its source."""
    received_at = RECEIVED_AT + timedelta(seconds=later_s)
    await queue.put([of("shop", "m-1")], [replace(make_rejection(), received_at=received_at)])
    with admin_of() as admin:
        entry, _ = last_entry(admin, "shop", None, go_on=lambda: None)
    assert entry is not None
    assert entry["outcome"] == outcome
    assert (entry["event"], entry["type"]) == ((None, None) if outcome == "rejected" else ("Clicked", "track"))


class Noting(SqliteQueueAdmin):
    """Notes how many seqs each page looked through."""

    seqs: ClassVar[list[int]] = []

    def page_before(self, wanted: Filter, *, limit: int, before: int) -> RecordPage:
        page = super().page_before(wanted, limit=limit, before=before)
        self.seqs.append(before - page.bottom)
        return page


async def test_a_silent_source_is_looked_for_once(tmp_path: Path, clock: FakeClock) -> None:
    """However many events of others came since: later looks begin where the one before ended."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path, now=clock)
    await queue.put([of("shop", "m-1"), of("busy", "m-2"), of("busy", "m-3")])
    await queue.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE message SET seq = seq + 1000000 WHERE message_id <> 'm-1'")
    with Noting.open(path) as admin:
        for source, found in (("shop", "1"), ("never", None)):
            last, looked = None, []
            for _ in range(3):
                Noting.seqs.clear()
                entry, last = look(admin, last, source)
                assert entry == found
                looked.append(sum(Noting.seqs))
            first, *others = looked
            assert first >= 1_000_000
            assert max(others) <= 1_010

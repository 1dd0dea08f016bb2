"""The operator's desk beside a queue that is being served."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapter.errors import ConfigError
from adapter.model import (
    Dead,
    Delivered,
    Dropped,
    Event,
    EventWarning,
    Outcome,
    Reason,
    Rejection,
    Retry,
    Unmatched,
    WarningKind,
)
from adapter.queue.records import EventRecord, Filter
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import RECEIVED_AT, TRACEPARENT, FakeClock, make_event, make_private, make_rejection
from tests.integration.queues import take

ALL = Filter()


def newest(desk: SqliteQueueAdmin, wanted: Filter = ALL, *, limit: int = 10) -> list[EventRecord]:
    """The last events that are wanted, newest first."""
    return list(desk.page_before(wanted, limit=limit, before=desk.newest_receipt() + 1).records)


async def end(queue: SqliteQueue, message_id: str, outcome: Outcome, *, user: str | None = None) -> None:
    """Put an event of a user of its own and settle it."""
    await queue.put([make_event(message_id, user=user or f"user of {message_id}")])
    [lease] = await take(queue)
    await queue.settle(lease, outcome, mapping="0123456789ab")


async def test_each_event_tells_what_became_of_it(queue: SqliteQueue, path: Path) -> None:
    """Received, outcome with reason and rule, and the mapping's version, newest first."""
    await end(queue, "m-1", Delivered())
    await end(queue, "m-2", Dropped(Reason.BY_RULE, "Heartbeats", "too frequent"))
    await end(queue, "m-3", Unmatched())
    await end(queue, "m-4", Dead(Reason.REFUSED, "no such project"))
    await queue.put([make_event("m-5")])
    with SqliteQueueAdmin.open(path) as desk:
        stories = newest(desk)
        told = [(s.event.message_id, s.outcome, s.reason, s.rule, s.detail, s.mapping) for s in stories]
        assert told == [
            ("m-5", "pending", "", "", "", ""),
            ("m-4", "dead", "refused", "", "no such project", "0123456789ab"),
            ("m-3", "unmatched", "", "", "", "0123456789ab"),
            ("m-2", "dropped", "by rule", "Heartbeats", "too frequent", "0123456789ab"),
            ("m-1", "delivered", "", "", "", "0123456789ab"),
        ]
        below = desk.page_before(Filter(), limit=2, before=stories[0].receipt)
        assert ([s.event.message_id for s in below.records], below.bottom) == (["m-4", "m-3"], 3)
        assert [s.event.message_id for s in desk.since(0, limit=2)] == ["m-1", "m-2"]
        [story] = desk.of_message("m-5")
        assert (story.event, story.ended_at) == (make_event("m-5"), None)


async def test_dead_letters_are_grouped_by_cause(queue: SqliteQueue, path: Path) -> None:
    """The most frequent cause first, with how many and the oldest."""
    for n in range(3):
        await end(queue, f"total-{n}", Dead(Reason.REFUSED_BY_MAPPING, "total is required (rule 'An order')"))
    await end(queue, "key", Dead(Reason.REFUSED, "no such project"))
    with SqliteQueueAdmin.open(path) as desk:
        groups = [(group.count, group.reason, group.detail) for group in desk.groups()]
        assert groups == [
            (3, "refused by the mapping", "total is required (rule 'An order')"),
            (1, "refused", "no such project"),
        ]
        assert [s.event.message_id for s in desk.dead(reason="refused")] == ["key"]
        first = desk.groups()[0].first
        assert [s.event.message_id for s in desk.dead(after=first, limit=1)] == ["total-1"]


async def test_requeued_events_go_behind_live_traffic(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Dead letters come back oldest first after everything that is due, with what got through remembered."""
    await queue.put([make_event("dead-1", user="a")])
    [lease] = await take(queue)
    queue.mark_delivered(lease, "track/A/0")
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await end(queue, "dead-2", Dead(Reason.REFUSED, "no"), user="b")
    with SqliteQueueAdmin.open(path) as desk:
        dead = [story.receipt for story in desk.dead()]
        assert desk.requeue([*dead, 999]) == 2
        assert desk.requeue(dead) == 0
    clock.advance(60)
    await queue.put([make_event("live", user="c")])
    leases = await take(queue)
    assert [lease.event.message_id for lease in leases] == ["live", "dead-1", "dead-2"]
    assert leases[1].delivered_keys == {"track/A/0"}
    for lease in leases:
        await queue.settle(lease, Delivered())
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.dead, balance.pending, balance.unaccounted) == (3, 0, 0, 0)


async def test_a_requeued_event_is_next_of_its_user(queue: SqliteQueue, path: Path) -> None:
    """It was received earlier than what its user has pending, so it goes as soon as the one under way has ended."""
    await end(queue, "first", Dead(Reason.REFUSED, "no"), user="a")
    await queue.put([make_event("second", user="a"), make_event("third", user="a")])
    [under_way] = await take(queue)
    with SqliteQueueAdmin.open(path) as desk:
        assert desk.requeue([story.receipt for story in desk.dead()]) == 1
    await queue.settle(under_way, Delivered())
    assert [lease.event.message_id for lease in await take(queue)] == ["first"]


async def test_discarded_letters_stay_in_the_balance(queue: SqliteQueue, path: Path) -> None:
    """Gone for good, and counted as discarded."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    with SqliteQueueAdmin.open(path) as desk:
        [receipt] = [story.receipt for story in desk.dead()]
        assert desk.discard([receipt, 999]) == 1
        assert desk.event(receipt) is None
    balance = await queue.balance()
    assert (balance.counts["discarded"], balance.dead, balance.unaccounted) == (1, 0, 0)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """Looking at a queue that is not there makes none."""
    with (
        pytest.raises(ConfigError, match="there is no queue here"),
        SqliteQueueAdmin.open(tmp_path / "no.db"),
    ):
        pass
    assert not (tmp_path / "no.db").exists()


def rejection_of(message_id: str, body: bytes = b'{"type":"track","userId":"u-1"}') -> Rejection:
    return replace(make_rejection(), message_id=message_id, body=body)


async def test_rejections_stand_beside_dead_letters(queue: SqliteQueue, path: Path) -> None:
    """One list of causes has both, and a rejection is found by its number, its cause and its message's id."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no such project"))
    await queue.put([], [rejection_of("m-2"), rejection_of("m-3")])
    with SqliteQueueAdmin.open(path) as desk:
        assert [(group.count, group.cause, group.rejected) for group in desk.groups()] == [
            (2, "schema: /event `event` is required", True),
            (1, "refused: no such project", False),
        ]
        group = desk.groups()[0]
        found = desk.rejections(reason=group.reason, detail=group.detail)
        assert [(kept.number, kept.rejection) for kept in found] == [(1, rejection_of("m-2")), (2, rejection_of("m-3"))]
        assert desk.members(desk.groups()) == ([1], [1, 2])
        assert desk.members(desk.groups()[:1]) == ([], [1, 2])
        assert desk.rejections_of("m-3") == [found[1]] == desk.newest_rejections(limit=1, source="shop")
        assert desk.newest_rejections(limit=1, source="other") == []
        assert desk.rejection(2) == found[1]
        assert desk.rejection(3) is None
        assert desk.discard_rejections([1, 9]) == 1
    balance = await queue.balance()
    assert (balance.counts["rejected"], balance.unaccounted) == (2, 0)


async def test_a_rejection_that_can_be_read_becomes_pending(queue: SqliteQueue, path: Path) -> None:
    """It goes behind live traffic and leaves the rejections; a copy received meanwhile makes it a duplicate."""
    await queue.put([], [rejection_of("m-1"), rejection_of("m-2")])
    await queue.put([make_event("m-2")])
    with SqliteQueueAdmin.open(path) as desk:
        assert desk.requeue_rejection(1, make_event("m-1", user="u-2")) == "pending"
        assert desk.requeue_rejection(2, make_event("m-2")) == "duplicate"
        assert desk.requeue_rejection(2, make_event("m-2")) == "gone"
        assert desk.rejections() == []
    assert [lease.event.message_id for lease in await take(queue)] == ["m-2", "m-1"]
    assert (await queue.put([make_event("m-1", user="u-2")])).duplicates == 1
    balance = await queue.balance()
    assert (balance.pending, balance.counts["rejected"], balance.counts["duplicate"]) == (2, 0, 2)
    assert balance.unaccounted == 0


async def test_a_message_after_a_readmission_is_stored(queue: SqliteQueue, path: Path) -> None:
    """The receipt that the desk gave out beside the service is not given out again, not even in a group of one."""
    await queue.put([make_event("m-1")], [rejection_of("m-2")])
    with SqliteQueueAdmin.open(path) as desk:
        assert desk.requeue_rejection(1, make_event("m-2", user="u-2")) == "pending"
    assert (await queue.put([make_event("m-3", user="u-3")])).stored == 1
    assert sorted(lease.receipt for lease in await take(queue)) == [1, 2, 3]


async def test_unmatched_events_can_be_requeued(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """A rule that was missing is written, and what nobody took comes up once more; what was delivered does not."""
    await end(queue, "m-1", Unmatched())
    await end(queue, "m-2", Delivered())
    await end(queue, "m-3", Unmatched())
    with SqliteQueueAdmin.open(path) as desk:
        assert [sorted(page) for page in desk.unmatched()] == [[1, 3]]
        assert desk.requeue([1, 2, 3]) == 2
    clock.advance(1)
    assert [lease.event.message_id for lease in await take(queue)] == ["m-1", "m-3"]
    balance = await queue.balance()
    assert (balance.pending, balance.counts["unmatched"], balance.unaccounted) == (2, 0, 0)


async def test_a_pending_event_tells_where_it_stands(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Behind how many of its user, or when it is due and how often it was tried."""
    await queue.put([make_event(f"m-{n}") for n in (1, 2, 3)])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.TIMEOUT, delay_s=30, counted=True))
    with SqliteQueueAdmin.open(path) as desk:
        first, second, third = (desk.position(story) for story in desk.since(0, limit=3))
        assert first is not None
        assert (first.ahead, first.attempt, first.due_at.timestamp()) == (0, 1, clock() + 30)
        assert [standing.ahead for standing in (second, third) if standing is not None] == [1, 2]


async def test_a_parked_event_is_told_from_one_that_waits(queue: SqliteQueue, path: Path) -> None:
    """It stands aside and holds up nobody of its user; taken away, nothing of it is left behind."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.PAUSED, delay_s=0, counted=False, parked=True))
    with SqliteQueueAdmin.open(path) as desk:
        parked, waiting = (desk.position(story) for story in desk.since(0, limit=2))
        assert [(standing.ahead, standing.parked) for standing in (parked, waiting) if standing is not None] == [
            (0, True),
            (0, False),
        ]
        assert desk.erase([1]) == 1
    balance = await queue.balance()
    assert (balance.pending, balance.counts["dropped"], balance.unaccounted) == (1, 1, 0)


async def test_events_are_found_by_source_outcome_and_id(queue: SqliteQueue, path: Path, clock: FakeClock) -> None:
    """Each filter narrows the list; an id is found also after its dedup window."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    await queue.put([make_event("m-2"), make_event("m-2", source="other")])
    with SqliteQueueAdmin.open(path) as desk:
        assert [story.receipt for story in newest(desk, Filter(source="other"))] == [3]
        assert [story.receipt for story in newest(desk, Filter(outcome="dead"))] == [1]
        assert [story.receipt for story in newest(desk, Filter(outcome="pending"), limit=1)] == [3]
        assert newest(desk, Filter(source="nobody")) == []
        assert [story.receipt for story in desk.of_message("m-2")] == [2, 3]
        assert desk.of_message("m-9") == []
    clock.advance(7 * 86_400)
    await queue.put([make_event("m-3")])
    with SqliteQueueAdmin.open(path) as desk:
        assert [story.receipt for story in desk.of_message("m-1")] == [1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(users=("u-1",)), ["sent", "private"]),
        (Filter(users=("u-1", "key-of-u-1")), ["sent", "private", "hashed"]),
        (Filter(name="Paid"), ["hashed"]),
        (Filter(name="Clicked", users=("nobody",)), []),
        (Filter(since=RECEIVED_AT), ["sent", "private", "hashed"]),
        (Filter(until=RECEIVED_AT), []),
    ],
    ids=["as sent", "as stored", "name", "both", "since", "until"],
)
async def test_private_events_are_found_like_others(
    queue: SqliteQueue, path: Path, wanted: Filter, found: list[str]
) -> None:
    """By what privacy left of a user's id, by what stands for it, and by the name of the event."""
    hashed = make_private("hashed", user="0123", event="Paid")
    await queue.put([make_event("sent"), make_private("private"), hashed])
    with SqliteQueueAdmin.open(path) as desk:
        assert [story.event.message_id for story in newest(desk, wanted)][::-1] == found


@pytest.mark.parametrize("begins", ["{", "["], ids=["sent", "private"])
async def test_a_damaged_body_hides_no_other_event(queue: SqliteQueue, path: Path, begins: str) -> None:
    """Whatever is looked for, and when a user's data is taken away."""
    await queue.put([make_event("bad"), make_event("good", user="u-2", event="Paid")])
    with closing(sqlite3.connect(path)) as connection, connection:
        damaged = f'{begins}"event": \0'.encode()
        connection.execute("UPDATE message SET body = ? WHERE message_id = 'bad'", (damaged,))
    with SqliteQueueAdmin.open(path) as desk:
        assert [story.event.message_id for story in newest(desk, Filter(name="Paid"))] == ["good"]
        assert [story.event.message_id for story in newest(desk, Filter(users=("u-2",)))] == ["good"]
        assert list(desk.receipts_of_user("u-2")) == [[2]]
        assert list(desk.receipts_of_user("u-1")) == [[1]]


async def test_one_look_goes_only_so_far(queue: SqliteQueue, path: Path) -> None:
    """Through 100,000 receipts, and says where it stopped; the next look goes on there."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE message SET receipt = 250000 WHERE message_id = 'm-2'")
    with SqliteQueueAdmin.open(path) as desk:
        looks = [desk.page_before(ALL, limit=5, before=before) for before in (250_001, 150_001, 50_001)]
    told = [([story.event.message_id for story in look.records], look.bottom, look.is_all) for look in looks]
    assert told == [(["m-2"], 150_001, False), ([], 50_001, False), (["m-1"], 1, True)]


USER = "somebody@example.com"


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
    with SqliteQueueAdmin.open(path) as desk:
        receipts = [receipt for page in desk.receipts_of_user(USER) for receipt in page]
        assert desk.erase(receipts) == 5
        assert desk.erase([999]) == 0
        assert desk.discard_rejections([n for page in desk.rejections_of_user(USER) for n in page]) == 2
        assert desk.erase_from_disk()
        told = {story.event.message_id: (story.outcome, story.reason) for story in newest(desk)}
        assert told == {
            "done": ("delivered", ""),
            "dead": ("dropped", "deleted"),
            "m-1": ("dropped", "deleted"),
            "m-2": ("dropped", "deleted"),
            "m-3": ("dropped", "deleted"),
            "other": ("pending", ""),
        }
        assert [story.event.body for story in desk.of_message("m-1")] == [{}]
        assert list(desk.receipts_of_user(USER)) == []
        assert desk.requeue(receipts) == 0
    for file in path.parent.glob("queue.db*"):
        assert USER.encode() not in file.read_bytes(), file.name
    # What was in a worker's hands when it was deleted ends as nothing.
    settled = {lease.event.message_id: await queue.settle(lease, Delivered()) for lease in under_way}
    assert settled == {"m-1": False, "m-3": False, "other": True}
    balance = await queue.balance()
    assert (balance.counts["dropped"], balance.counts["delivered"], balance.dead, balance.pending) == (4, 2, 0, 0)
    assert balance.unaccounted == 0


async def test_others_of_a_lane_go_on_when_one_is_deleted(queue: SqliteQueue, path: Path) -> None:
    """Taking the first or one in the middle away frees what waits behind it, in order."""
    await queue.put([make_event(f"m-{n}") for n in range(4)])
    with SqliteQueueAdmin.open(path) as desk:
        assert desk.erase([1, 3]) == 2
    order = []
    while leases := await take(queue):
        order += [lease.event.message_id for lease in leases]
        for lease in leases:
            await queue.settle(lease, Delivered())
    assert order == ["m-1", "m-3"]


async def test_a_requeue_that_fails_changes_nothing(queue: SqliteQueue, path: Path) -> None:
    """Rows and counters change together or not at all."""
    await queue.put([], [rejection_of("m-1")])
    unstorable = make_event("m-1", properties={"not JSON": object()})
    with SqliteQueueAdmin.open(path) as desk:
        with pytest.raises(TypeError):
            desk.requeue_rejection(1, unstorable)
        assert desk.rejection(1) is not None
    balance = await queue.balance()
    assert (balance.counts["rejected"], balance.unaccounted) == (1, 0)


def _warnings(desk: SqliteQueueAdmin, receipt: int) -> tuple[EventWarning, ...]:
    story = desk.event(receipt)
    assert story is not None
    return story.warnings


async def test_warnings_of_the_mapping_are_replaced(queue: SqliteQueue, path: Path) -> None:
    """At each settle; a late one changes nothing; and with the event they go."""
    noticed = EventWarning(WarningKind.TIME, "timestamp", "no date")
    mapped = [EventWarning(WarningKind.STEP, f"field {number}", "no number", "a rule") for number in range(30)]
    await queue.put([replace(make_event("m-1"), warnings=(noticed,)), make_event("m-2", user="bob")])
    with SqliteQueueAdmin.open(path) as desk:
        [first, second] = sorted(await take(queue), key=lambda lease: lease.receipt)
        await queue.settle(first, Retry(Reason.TIMEOUT, 0, counted=True), warnings=mapped)
        await queue.settle(second, Retry(Reason.TIMEOUT, 0, counted=True), warnings=mapped[:1])
        assert (_warnings(desk, 1), _warnings(desk, 2)) == ((noticed, *mapped[:19]), (mapped[0],))
        assert not await queue.settle(first, Delivered(), warnings=mapped[:2])
        [first, second] = sorted(await take(queue), key=lambda lease: lease.receipt)
        await queue.settle(first, Dead(Reason.REFUSED, "no"), warnings=mapped[:2])
        await queue.settle(second, Delivered())
        assert (_warnings(desk, 1), _warnings(desk, 2)) == ((noticed, *mapped[:2]), ())
        assert [found.receipt for found in newest(desk, Filter(warned=True))] == [1]
        desk.discard([1])
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM warning").fetchone() == (0,)


@pytest.mark.parametrize("make", [make_event, make_private], ids=["raw", "private"])
async def test_a_copy_with_another_body_can_be_requeued(
    queue: SqliteQueue, path: Path, make: Callable[..., Event]
) -> None:
    """Found under the id, and then delivered as the event that it is, once; the ledger balances after each step."""
    first, other = make("m-1", step=1), make("m-1", step=2, traceparent=TRACEPARENT)
    await queue.put([first, other])
    with SqliteQueueAdmin.open(path) as desk:
        [kept] = desk.rejections_of("m-1")
        assert kept.rejection.reason is Reason.OTHER_BODY
        assert [story.receipt for story in desk.of_message("m-1")] == [1]
        event = desk.copied_event(kept)
        assert event is not None
        assert event == other
        assert desk.requeue_rejection(kept.number, event) == "pending"
        assert desk.requeue_rejection(kept.number, event) == "gone"
        assert [story.event for story in desk.of_message("m-1")] == [first, other]
    assert (await queue.put([first, other])).duplicates == 2
    assert (await queue.balance()).unaccounted == 0
    found = []
    for _ in range(2):
        [lease] = await take(queue)
        found.append(lease.event)
        await queue.settle(lease, Delivered())
    assert found == [first, other]


async def test_a_kept_copy_goes_with_its_users_data(queue: SqliteQueue, path: Path) -> None:
    """By a deletion request and by hand, of a raw source and of one that stores privately."""
    key = "key-of-u-1"
    await queue.put([make_event("m-1", step=1), make_event("m-1", step=2)])
    await queue.put([make_private("m-2", key=key, step=1), make_private("m-2", key=key, step=2)])
    with SqliteQueueAdmin.open(path) as desk:
        assert list(desk.rejections_of_user("u-1")) == [[1, 2]]
        assert list(desk.rejections_of_user(key)) == [[2]]
    await queue.put([replace(make_private("delete-1", key=key), type="delete"), make_event("delete-2", type="delete")])
    done = await queue.delete_requested(wait_s=0)
    assert [(request.user, request.rejections) for request in done] == [(key, 1), ("u-1", 1)]

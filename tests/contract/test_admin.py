"""What operators are promised of every queue that is being served: `adapter.queue.admin.QueueAdmin`."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapter.model import (
    MAX_FAILURES,
    CallFailure,
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
)
from adapter.queue.activations import MAX_ACTIVATIONS
from adapter.queue.admin import QueueAdmin
from adapter.queue.contract import Queue
from adapter.queue.records import EventRecord, Filter
from adapter.queue.samples import SAMPLES_KEPT_MINUTES, MinuteSample, ProjectRate
from tests.contract.conftest import AdminOf, Served
from tests.fakes import RECEIVED_AT, TRACEPARENT, FakeClock, make_event, make_private, make_rejection
from tests.integration.queues import take


@pytest.fixture
def queue(served: Served) -> Queue:
    return served.queue


ALL = Filter()
USER = "somebody@example.com"


def newest(admin: QueueAdmin, wanted: Filter = ALL, *, limit: int = 10) -> list[EventRecord]:
    """The last events that are wanted, newest first."""
    return list(admin.page_before(wanted, limit=limit, before=admin.newest_seq() + 1).records)


async def end(queue: Queue, message_id: str, outcome: Outcome, *, user: str | None = None) -> None:
    """Put an event of a user of its own and settle it."""
    await queue.put([make_event(message_id, user=user or f"user of {message_id}")])
    [lease] = await take(queue)
    await queue.settle(lease, outcome, mapping="0123456789ab")


async def test_each_event_tells_what_became_of_it(queue: Queue, admin_of: AdminOf) -> None:
    """Received, outcome with reason and rule, and the mapping's version, newest first."""
    await end(queue, "m-1", Delivered(rule="An order"))
    await end(queue, "m-2", Dropped(Reason.BY_RULE, "Heartbeats", "too frequent"))
    await end(queue, "m-3", Unmatched())
    await end(queue, "m-4", Dead(Reason.REFUSED, "no such project"))
    await queue.put([make_event("m-5")])
    with admin_of() as admin:
        records = newest(admin)
        found = [(s.event.message_id, s.outcome, s.reason, s.rule, s.detail, s.mapping) for s in records]
        assert found == [
            ("m-5", "pending", "", "", "", ""),
            ("m-4", "dead", "refused", "", "no such project", "0123456789ab"),
            ("m-3", "unmatched", "", "", "", "0123456789ab"),
            ("m-2", "dropped", "by rule", "Heartbeats", "too frequent", "0123456789ab"),
            ("m-1", "delivered", "", "An order", "", "0123456789ab"),
        ]
        assert [s.cause for s in records[-2:]] == ["by rule: too frequent (rule 'Heartbeats')", ""]
        below = admin.page_before(Filter(), limit=2, before=records[0].seq)
        assert ([s.event.message_id for s in below.records], below.bottom) == (["m-4", "m-3"], 3)
        assert [s.event.message_id for s in admin.since(0, limit=2)] == ["m-1", "m-2"]
        [record] = admin.of_message("m-5")
        assert (record.event, record.ended_at) == (make_event("m-5"), None)


def failed_call(cause: str, *, status: int | None = 503) -> CallFailure:
    return CallFailure("track/PAID/0", status, cause, 0.25)


async def test_failed_calls_are_kept_with_their_event(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """The last 20, oldest first, until the event is forgotten; an event that was delivered at once has none."""
    await end(queue, "good", Delivered())
    await queue.put([make_event("bad")])
    for n in range(MAX_FAILURES + 2):
        [lease] = await take(queue)
        again = Retry(Reason.SERVER_ERROR, 1.0, counted=True, detail="503", failure=failed_call(f"try {n}"))
        await queue.settle(lease, again)
        clock.advance(1.0)
    [lease] = await take(queue)
    await queue.settle(lease, Dead(Reason.REFUSED, "no", failure=failed_call("refused", status=None)))
    with admin_of() as admin:
        assert admin.failures(1) == []
        found = admin.failures(2)
        assert [one.failure.cause for one in found] == [f"try {n}" for n in range(3, MAX_FAILURES + 2)] + ["refused"]
        assert (found[0].failure, found[-1].failure.status) == (failed_call("try 3"), None)
        assert [one.at for one in found] == sorted(one.at for one in found)
        assert admin.requeue([2]) == 1
        assert len(admin.failures(2)) == MAX_FAILURES
        admin.erase([2])
        assert admin.failures(2) == []


async def test_failed_calls_go_with_a_discarded_event(queue: Queue, admin_of: AdminOf) -> None:
    """Data without a reader is not kept."""
    await queue.put([make_event("bad")])
    [lease] = await take(queue)
    await queue.settle(lease, Dead(Reason.REFUSED, "no", failure=failed_call("refused")))
    with admin_of() as admin:
        assert len(admin.failures(1)) == 1
        admin.discard([1])
        assert admin.failures(1) == []


async def test_a_waiting_event_names_the_one_before_it(queue: Queue, admin_of: AdminOf) -> None:
    """The head of its lane, by its seq; the head itself waits for none."""
    await queue.put([make_event(f"m-{n}", user="a") for n in range(3)])
    with admin_of() as admin:
        places = [admin.position(record) for record in reversed(newest(admin))]
    assert [(place.ahead, place.blocked_by) for place in places if place is not None] == [(0, None), (1, 1), (2, 1)]


async def test_a_group_names_its_sources_its_time_and_the_mapping(queue: Queue, admin_of: AdminOf) -> None:
    """From the oldest to the newest; the mapping is the one that refused the newest."""
    for n, source in enumerate(("shop", "app", "shop")):
        received_at = RECEIVED_AT + timedelta(minutes=n)
        await queue.put([replace(make_event(f"m-{n}", user=f"u-{n}", source=source), received_at=received_at)])
        [lease] = await take(queue, sources=["shop", "app"])
        await queue.settle(lease, Dead(Reason.REFUSED_BY_MAPPING, "no"), mapping=f"version {n}")
    await queue.put([], [make_rejection()])
    with admin_of() as admin:
        dead, rejected = admin.groups()
    assert (dead.sources, dead.mapping) == (("app", "shop"), "version 2")
    assert (dead.since, dead.until) == (RECEIVED_AT, RECEIVED_AT + timedelta(minutes=2))
    assert (rejected.rejected, rejected.mapping, len(rejected.sources)) == (True, "", 1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(outcomes=("dead", "unmatched")), [5, 4, 3]),
        (Filter(cause="NO SUCH"), [4]),
        (Filter(cause="no `such` project"), [4]),
        (Filter(cause="frequent", outcomes=("dropped",)), [2]),
        (Filter(cause="frequent", outcomes=("dead",)), []),
        (Filter(cause="REFUSED: no such project", exact=True), []),
        (Filter(cause="refused: no such", exact=True), []),
        (Filter(cause="refused: no such project", exact=True), [4]),
        (Filter(rule="Heartbeats"), [2]),
        (Filter(rule="Heart"), []),
        (Filter(rule="An order"), [5, 1]),
        (Filter(cause="An order"), [5]),
        (Filter(rule="order"), []),
        (Filter(type="track"), [5, 4, 3, 2, 1]),
        (Filter(type="page"), []),
    ],
)
async def test_events_are_found_by_what_became_of_them(
    queue: Queue, admin_of: AdminOf, wanted: Filter, found: list[int]
) -> None:
    """By several outcomes, by a part of their cause, by the rule that mapped, dropped or refused them, by type."""
    await end(queue, "m-1", Delivered(rule="An order"))
    await end(queue, "m-2", Dropped(Reason.BY_RULE, "Heartbeats", "too frequent"))
    await end(queue, "m-3", Unmatched())
    await end(queue, "m-4", Dead(Reason.REFUSED, "no such project"))
    await end(queue, "m-5", Dead(Reason.REFUSED_BY_MAPPING, "total is required (rule 'An order')"))
    with admin_of() as admin:
        assert [record.seq for record in newest(admin, wanted)] == found


async def test_dead_letters_are_grouped_by_cause(queue: Queue, admin_of: AdminOf) -> None:
    """The most frequent cause first, with how many and the oldest."""
    for n in range(3):
        await end(queue, f"total-{n}", Dead(Reason.REFUSED_BY_MAPPING, "total is required (rule 'An order')"))
    await end(queue, "key", Dead(Reason.REFUSED, "no such project"))
    with admin_of() as admin:
        groups = [(group.count, group.reason, group.detail) for group in admin.groups()]
        assert groups == [
            (3, "refused by the mapping", "total is required (rule 'An order')"),
            (1, "refused", "no such project"),
        ]
        assert [s.event.message_id for s in admin.dead(reason="refused")] == ["key"]
        first = admin.groups()[0].first
        assert [s.event.message_id for s in admin.dead(after=first, limit=1)] == ["total-1"]


async def test_requeued_events_go_behind_live_traffic(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """Dead letters come back oldest first after everything that is due, and their delivered calls are remembered."""
    await queue.put([make_event("dead-1", user="a")])
    [lease] = await take(queue)
    queue.mark_delivered(lease, "track/A/0")
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await end(queue, "dead-2", Dead(Reason.REFUSED, "no"), user="b")
    with admin_of() as admin:
        dead = [record.seq for record in admin.dead()]
        assert admin.requeue([*dead, 999]) == 2
        assert admin.requeue(dead) == 0
    clock.advance(60)
    await queue.put([make_event("live", user="c")])
    leases = await take(queue)
    assert [lease.event.message_id for lease in leases] == ["live", "dead-1", "dead-2"]
    assert leases[1].delivered_keys == {"track/A/0"}
    for lease in leases:
        await queue.settle(lease, Delivered())
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.dead, balance.pending, balance.unaccounted) == (3, 0, 0, 0)


async def test_a_requeued_event_is_next_of_its_user(queue: Queue, admin_of: AdminOf) -> None:
    """It was received earlier than what its user has pending, so it goes as soon as the one under way has ended."""
    await end(queue, "first", Dead(Reason.REFUSED, "no"), user="a")
    await queue.put([make_event("second", user="a"), make_event("third", user="a")])
    [under_way] = await take(queue)
    with admin_of() as admin:
        assert admin.requeue([record.seq for record in admin.dead()]) == 1
    await queue.settle(under_way, Delivered())
    assert [lease.event.message_id for lease in await take(queue)] == ["first"]


async def test_discarded_letters_stay_in_the_balance(queue: Queue, admin_of: AdminOf) -> None:
    """Gone for good, and counted as discarded."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    with admin_of() as admin:
        [seq] = [record.seq for record in admin.dead()]
        assert admin.discard([seq, 999]) == 1
        assert admin.event(seq) is None
    balance = await queue.balance()
    assert (balance.counts["discarded"], balance.dead, balance.unaccounted) == (1, 0, 0)


def rejection_of(message_id: str, body: bytes = b'{"type":"track","userId":"u-1"}') -> Rejection:
    return replace(make_rejection(), message_id=message_id, body=body)


async def test_rejections_stand_beside_dead_letters(queue: Queue, admin_of: AdminOf) -> None:
    """One list of causes has both, and a rejection is found by its number, its cause and its message's id."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no such project"))
    await queue.put([], [rejection_of("m-2"), rejection_of("m-3")])
    with admin_of() as admin:
        assert [(group.count, group.cause, group.rejected) for group in admin.groups()] == [
            (2, "schema: /event `event` is required", True),
            (1, "refused: no such project", False),
        ]
        group = admin.groups()[0]
        found = admin.rejections(reason=group.reason, detail=group.detail)
        assert [(kept.number, kept.rejection) for kept in found] == [(1, rejection_of("m-2")), (2, rejection_of("m-3"))]
        assert admin.members(admin.groups()) == ([1], [1, 2])
        assert admin.members(admin.groups()[:1]) == ([], [1, 2])
        assert admin.rejections_of("m-3") == [found[1]] == admin.newest_rejections(limit=1, source="shop")
        assert admin.newest_rejections(limit=1, source="other") == []
        assert admin.rejection(2) == found[1]
        assert admin.rejection(3) is None
        assert admin.discard_rejections([1, 9]) == 1
    balance = await queue.balance()
    assert (balance.counts["rejected"], balance.unaccounted) == (2, 0)


async def test_a_rejection_that_can_be_read_becomes_pending(queue: Queue, admin_of: AdminOf) -> None:
    """It goes behind live traffic and leaves the rejections; a copy received meanwhile makes it a duplicate."""
    await queue.put([], [rejection_of("m-1"), rejection_of("m-2")])
    await queue.put([make_event("m-2")])
    with admin_of() as admin:
        assert admin.requeue_rejection(1, make_event("m-1", user="u-2")) == "pending"
        assert admin.requeue_rejection(2, make_event("m-2")) == "duplicate"
        assert admin.requeue_rejection(2, make_event("m-2")) == "gone"
        assert admin.rejections() == []
    assert [lease.event.message_id for lease in await take(queue)] == ["m-2", "m-1"]
    assert (await queue.put([make_event("m-1", user="u-2")])).duplicates == 1
    balance = await queue.balance()
    assert (balance.pending, balance.counts["rejected"], balance.counts["duplicate"]) == (2, 0, 2)
    assert balance.unaccounted == 0


async def test_a_message_after_a_readmission_is_stored(queue: Queue, admin_of: AdminOf) -> None:
    """The seq that the admin gave out beside the service is not given out again, not even in a group of one."""
    await queue.put([make_event("m-1")], [rejection_of("m-2")])
    with admin_of() as admin:
        assert admin.requeue_rejection(1, make_event("m-2", user="u-2")) == "pending"
    assert (await queue.put([make_event("m-3", user="u-3")])).stored == 1
    assert sorted(lease.seq for lease in await take(queue)) == [1, 2, 3]


async def test_unmatched_events_can_be_requeued(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """After a missing rule is written, unmatched events are pending again; delivered ones are not."""
    await end(queue, "m-1", Unmatched())
    await end(queue, "m-2", Delivered())
    await end(queue, "m-3", Unmatched())
    with admin_of() as admin:
        assert [sorted(page) for page in admin.unmatched()] == [[1, 3]]
        assert admin.requeue([1, 2, 3]) == 2
    clock.advance(1)
    assert [lease.event.message_id for lease in await take(queue)] == ["m-1", "m-3"]
    balance = await queue.balance()
    assert (balance.pending, balance.counts["unmatched"], balance.unaccounted) == (2, 0, 0)


async def test_a_pending_event_tells_where_it_stands(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """Behind how many of its user, or when it is due and how often it was tried."""
    await queue.put([make_event(f"m-{n}") for n in (1, 2, 3)])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.TIMEOUT, delay_s=30, counted=True))
    with admin_of() as admin:
        first, second, third = (admin.position(record) for record in admin.since(0, limit=3))
        assert first is not None
        assert (first.ahead, first.attempt, first.due_at.timestamp()) == (0, 1, clock() + 30)
        assert [standing.ahead for standing in (second, third) if standing is not None] == [1, 2]


async def test_a_parked_event_is_found_from_one_that_waits(queue: Queue, admin_of: AdminOf) -> None:
    """It is set aside and holds up no event of its user; when it is erased, nothing of it remains."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.PAUSED, delay_s=0, counted=False, parked=True))
    with admin_of() as admin:
        parked, waiting = (admin.position(record) for record in admin.since(0, limit=2))
        assert [(standing.ahead, standing.parked) for standing in (parked, waiting) if standing is not None] == [
            (0, True),
            (0, False),
        ]
        assert admin.erase([1]) == 1
    balance = await queue.balance()
    assert (balance.pending, balance.counts["dropped"], balance.unaccounted) == (1, 1, 0)


async def test_events_are_found_by_source_outcome_and_id(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """Each filter narrows the list; an id is found also after its dedup window."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    await queue.put([make_event("m-2"), make_event("m-2", source="other")])
    with admin_of() as admin:
        assert [record.seq for record in newest(admin, Filter(source="other"))] == [3]
        assert [record.seq for record in newest(admin, Filter(outcomes=("dead",)))] == [1]
        assert [record.seq for record in newest(admin, Filter(outcomes=("pending",)), limit=1)] == [3]
        assert newest(admin, Filter(source="nobody")) == []
        assert [record.seq for record in admin.of_message("m-2")] == [2, 3]
        assert admin.of_message("m-9") == []
    clock.advance(7 * 86_400)
    await queue.put([make_event("m-3")])
    with admin_of() as admin:
        assert [record.seq for record in admin.of_message("m-1")] == [1]


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
    queue: Queue, admin_of: AdminOf, wanted: Filter, found: list[str]
) -> None:
    """By what privacy left of a user's id, by what stands for it, and by the name of the event."""
    hashed = make_private("hashed", user="0123", event="Paid")
    await queue.put([make_event("sent"), make_private("private"), hashed])
    with admin_of() as admin:
        assert [record.event.message_id for record in newest(admin, wanted)][::-1] == found


async def test_others_of_a_lane_go_on_when_one_is_deleted(queue: Queue, admin_of: AdminOf) -> None:
    """Taking the first or one in the middle away frees what waits behind it, in order."""
    await queue.put([make_event(f"m-{n}") for n in range(4)])
    with admin_of() as admin:
        assert admin.erase([1, 3]) == 2
    order = []
    while leases := await take(queue):
        order += [lease.event.message_id for lease in leases]
        for lease in leases:
            await queue.settle(lease, Delivered())
    assert order == ["m-1", "m-3"]


async def test_a_requeue_that_fails_changes_nothing(queue: Queue, admin_of: AdminOf) -> None:
    """Rows and counters change together or not at all."""
    await queue.put([], [rejection_of("m-1")])
    unstorable = make_event("m-1", properties={"not JSON": object()})
    with admin_of() as admin:
        with pytest.raises(TypeError):
            admin.requeue_rejection(1, unstorable)
        assert admin.rejection(1) is not None
    balance = await queue.balance()
    assert (balance.counts["rejected"], balance.unaccounted) == (1, 0)


def warnings_of(admin: QueueAdmin, seq: int) -> tuple[EventWarning, ...]:
    record = admin.event(seq)
    assert record is not None
    return record.warnings


@pytest.mark.parametrize("make", [make_event, make_private], ids=["raw", "private"])
async def test_a_copy_with_another_body_can_be_requeued(
    queue: Queue, admin_of: AdminOf, make: Callable[..., Event]
) -> None:
    """Found under the id, and then delivered as the event that it is, once; the ledger balances after each step."""
    first, other = make("m-1", step=1), make("m-1", step=2, traceparent=TRACEPARENT)
    await queue.put([first, other])
    with admin_of() as admin:
        [kept] = admin.rejections_of("m-1")
        assert kept.rejection.reason is Reason.OTHER_BODY
        assert [record.seq for record in admin.of_message("m-1")] == [1]
        event = admin.copied_event(kept)
        assert event is not None
        assert event == other
        assert admin.requeue_rejection(kept.number, event) == "pending"
        assert admin.requeue_rejection(kept.number, event) == "gone"
        assert [record.event for record in admin.of_message("m-1")] == [first, other]
    assert (await queue.put([first, other])).duplicates == 2
    assert (await queue.balance()).unaccounted == 0
    found = []
    for _ in range(2):
        [lease] = await take(queue)
        found.append(lease.event)
        await queue.settle(lease, Delivered())
    assert found == [first, other]


async def test_a_kept_copy_goes_with_its_users_data(queue: Queue, admin_of: AdminOf) -> None:
    """By a deletion request and by hand, of a raw source and of one that stores privately."""
    key = "key-of-u-1"
    await queue.put([make_event("m-1", step=1), make_event("m-1", step=2)])
    await queue.put([make_private("m-2", key=key, step=1), make_private("m-2", key=key, step=2)])
    with admin_of() as admin:
        assert list(admin.rejections_of_user("u-1")) == [[1, 2]]
        assert list(admin.rejections_of_user(key)) == [[2]]
    await queue.put([replace(make_private("delete-1", key=key), type="delete"), make_event("delete-2", type="delete")])
    done = await queue.delete_requested(wait_s=0)
    assert [(request.user, request.rejections) for request in done] == [(key, 1), ("u-1", 1)]


async def test_the_history_of_a_mapping_file_has_every_text(queue: Queue, admin_of: AdminOf, clock: FakeClock) -> None:
    """Also one that changes a comment only; a text that is active already adds nothing, and the one who wrote it
    through
    the console is named.
    """
    one, other = "version: 1 # a", "version: 1 # b"
    await queue.keep_mapping(name="shop.yaml", version="v", text=one)
    await queue.keep_mapping(name="shop.yaml", version="v", text=one)
    clock.advance(60)
    await queue.keep_mapping(name="shop.yaml", version="v", text=other)
    await queue.keep_mapping(name="shop.yaml", version="v", text=other, by="console 192.0.2.7")
    await queue.keep_mapping(name="shop.yaml", version="v", text=other)
    await queue.keep_mapping(name="app.yaml", version="w", text=one)
    await queue.keep_mapping(name="shop.yaml", version="v", text=one, by="rollback of 1")
    with admin_of() as admin:
        found = admin.activations("shop.yaml", limit=10)
        assert [each.by for each in found] == ["rollback of 1", "console 192.0.2.7", "file"]
        assert [admin.activated_text(each.id) for each in found] == [one, other, one]
        assert found[0].digest == found[2].digest != found[1].digest
        assert found[1].at > found[2].at
        assert list(admin.activations("shop.yaml", limit=1, before=found[0].id)) == [found[1]]
        assert admin.activations("none.yaml", limit=9) == []
        assert admin.activated_text(999) is None
        assert admin.last_mapping("shop.yaml") == one


async def test_a_text_that_was_never_active_is_kept_once_and_never_becomes_the_last(
    queue: Queue, admin_of: AdminOf
) -> None:
    """A fall-back must not find it; a text that the history has is not kept again."""
    one, other = "version: 1 # a", "version: 1 # b"
    active = await queue.keep_mapping(name="shop.yaml", version="v", text=one, by="console 192.0.2.7")
    assert (active.version, active.by) == ("v", "console 192.0.2.7")
    for text in (other, one, other):
        await queue.keep_mapping(name="shop.yaml", version="", text=text, by="on disk")
    assert await queue.last_mapping("shop.yaml") == one
    assert (await queue.keep_mapping(name="shop.yaml", version="v", text=one)).id == active.id
    with admin_of() as admin:
        assert [(each.version, each.by) for each in admin.activations("shop.yaml", limit=9)] == [
            ("", "on disk"),
            ("v", "console 192.0.2.7"),
        ]
        assert admin.last_mapping("shop.yaml") == one


async def test_the_history_of_a_file_is_bounded(queue: Queue, admin_of: AdminOf) -> None:
    """The newest stay, with their texts."""
    for n in range(MAX_ACTIVATIONS + 3):
        await queue.keep_mapping(name="shop.yaml", version=f"v{n}", text=f"version: 1 # {n}")
    with admin_of() as admin:
        found = admin.activations("shop.yaml", limit=1000)
        assert (len(found), found[-1].version) == (MAX_ACTIVATIONS, "v3")
        assert admin.mapping("v2") is None
        assert admin.mapping("v3") == "version: 1 # 3"


MINUTE = round(RECEIVED_AT.timestamp()) // 60


def samples_of(admin: QueueAdmin, source: str | None = None) -> dict[int, MinuteSample]:
    return {sample.minute: sample for sample in admin.samples(since=0, until=MINUTE + 100, source=source)}


async def test_each_minute_has_what_grew_in_it(queue: Queue, admin_of: AdminOf) -> None:
    """However often a minute is sampled; what grew in minutes without a sample is in the next one that has one."""
    await end(queue, "m-1", Delivered())
    await queue.keep_sample(MINUTE, pending=3, rates={})
    await end(queue, "m-2", Dead(Reason.REFUSED, "no such project"))
    await queue.keep_sample(MINUTE, pending=4, rates={})
    await end(queue, "m-3", Unmatched())
    await queue.keep_sample(MINUTE + 2, pending=0, rates={})
    with admin_of() as admin:
        found = samples_of(admin)
        assert admin.samples(since=MINUTE + 1, until=MINUTE + 2) == []
        assert [sample.minute for sample in admin.samples(since=MINUTE, until=MINUTE + 2)] == [MINUTE]
    assert found.keys() == {MINUTE, MINUTE + 2}
    assert (found[MINUTE].grown, found[MINUTE].pending) == ({"received": 2, "delivered": 1, "died": 1}, 4)
    assert (found[MINUTE + 2].grown, found[MINUTE + 2].pending) == ({"received": 1, "unmatched": 1}, 0)


async def test_a_sample_is_of_each_source_and_of_all(queue: Queue, admin_of: AdminOf) -> None:
    """One that never sent anything has nothing, and was looked at."""
    await queue.put([make_event("m-1"), make_event("m-2", source="app"), make_event("m-3", source="app")])
    await queue.keep_sample(MINUTE, pending=3, rates={})
    with admin_of() as admin:
        of = {source: samples_of(admin, source)[MINUTE].grown for source in (None, "shop", "app", "nobody")}
    assert of == {None: {"received": 3}, "shop": {"received": 1}, "app": {"received": 2}, "nobody": {}}


async def test_rates_of_projects_are_added(queue: Queue, admin_of: AdminOf) -> None:
    """The limit of all is known only where that of each is."""
    await queue.keep_sample(MINUTE, pending=0, rates={"a": ProjectRate(2.0, 12.0), "b": ProjectRate(3.5, None)})
    await queue.keep_sample(MINUTE + 1, pending=0, rates={"a": ProjectRate(2.0, 12.0)})
    await queue.keep_sample(MINUTE + 1, pending=0, rates={"b": ProjectRate(1.0, 8.0)})
    with admin_of() as admin:
        found = samples_of(admin)
    assert (found[MINUTE].per_s, found[MINUTE].limit_per_s) == (5.5, None)
    assert (found[MINUTE + 1].per_s, found[MINUTE + 1].limit_per_s) == (3.0, 20.0)


async def test_the_balance_does_not_see_samples(queue: Queue, admin_of: AdminOf) -> None:
    """What died is counted for charts alone: dead letters are counted from rows."""
    await end(queue, "m-1", Dead(Reason.REFUSED, "no"))
    with admin_of() as admin:
        assert admin.requeue([record.seq for record in admin.dead()]) == 1
    [lease] = await take(queue)
    await queue.settle(lease, Dead(Reason.REFUSED, "no"), mapping="0123456789ab")
    await queue.keep_sample(MINUTE, pending=0, rates={})
    balance = await queue.balance()
    assert ("died" in balance.counts, balance.dead, balance.unaccounted) == (False, 1, 0)
    with admin_of() as admin:
        assert samples_of(admin)[MINUTE].grown["died"] == 2


async def test_a_week_of_samples_is_kept(queue: Queue, admin_of: AdminOf) -> None:
    """Older ones go by the queue's own time, so that no clock that jumps takes a week of charts away."""
    old, kept = MINUTE - SAMPLES_KEPT_MINUTES - 1, MINUTE - SAMPLES_KEPT_MINUTES + 1
    for minute in (old, kept, MINUTE, MINUTE + 90):
        await queue.put([make_event(f"m-{minute}")])
        await queue.keep_sample(minute, pending=1, rates={"a": ProjectRate(2.0, None)})
    with admin_of() as admin:
        assert samples_of(admin).keys() == {kept, MINUTE, MINUTE + 90}

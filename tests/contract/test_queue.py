"""The contract of `adapter.queue.contract`, sentence by sentence, for every backend."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from adapter.errors import QueueFull, SourceFull
from adapter.model import (
    MAX_WARNING_BYTES,
    MAX_WARNINGS,
    Dead,
    Delivered,
    Dropped,
    EventWarning,
    JsonObject,
    Lease,
    Outcome,
    Reason,
    Retry,
    Unmatched,
    WarningKind,
)
from adapter.queue.contract import Limit, Pick, Queue, Stored
from tests.contract.conftest import MakeQueue
from tests.fakes import RECEIVED_AT, TRACEPARENT, FakeClock, make_event, make_private, make_rejection

DAY_S = 86_400.0


async def take(
    queue: Queue, *, limit: int = 10, sources: Sequence[str] = ("shop",), lease_s: float = 60
) -> list[Lease]:
    return list(await queue.take(sources=sources, limit=limit, lease_s=lease_s, wait_s=0))


def ids(leases: Sequence[Lease]) -> list[str]:
    return [lease.event.message_id for lease in leases]


async def test_an_event_comes_out_as_it_went_in(queue: Queue) -> None:
    """A lease holds the event that was put, equal in every field."""
    event = make_event("m-1", properties={"total": 9.5, "tags": ["a", None], "title": "Café ☕"}, anonymousId="a-1")
    await queue.put([event])
    [lease] = await take(queue)
    assert lease.event == event
    assert (lease.attempt, lease.retried_s, lease.delivered_keys) == (0, 0.0, frozenset())


async def test_a_private_event_comes_out_as_it_went_in(queue: Queue) -> None:
    """With what it went through, and with its ids and keys each in its place."""
    event = make_private("m-1", user="hash-of-u-1", properties={"total": 9.5})
    nobody = make_private("m-2", user=None, key=None)
    await queue.put([event, nobody])
    assert [lease.event for lease in await take(queue)] == [event, nobody]


async def test_a_private_event_waits_in_the_lane_of_its_key(queue: Queue) -> None:
    """Whatever privacy made of its id: an edit of the mapping must not let one overtake another."""
    hashed, gone = make_private("m-1", user="hash-of-u-1"), make_private("m-2", user=None)
    await queue.put([hashed, gone, make_private("m-3", user="hash-of-u-1", key="key-of-u-2")])
    leases = {lease.event.message_id: lease for lease in await take(queue)}
    assert sorted(leases) == ["m-1", "m-3"]
    await queue.settle(leases["m-1"], Dead(Reason.REFUSED, "no"))
    [lease] = await take(queue)
    await queue.requeue([leases["m-1"].seq])
    assert (lease.event, await take(queue)) == (gone, [])


async def test_a_private_copy_differs_only_if_anybody_can_tell(queue: Queue) -> None:
    """Bodies that went through other guards, or through none, cannot be compared."""
    await queue.put([make_private("m-1"), make_private("m-2")])
    copies = [make_private("m-1"), make_private("m-1", extra=1), make_private("m-2", guards=["g-2"], extra=2)]
    stored = await queue.put([*copies, make_event("m-2", extra=3)])
    assert (stored.duplicates, stored.differing) == (3, 1)


async def test_events_that_share_an_id_are_reported_apart_by_type_and_name(queue: Queue) -> None:
    """A sender that splits one message into several under its id means all of them; a copy of each is a duplicate."""
    split = [
        make_event("m-1", event="Order Completed"),
        make_event("m-1", event="Product Purchased"),
        make_event("m-1", event="Product Purchased\0"),
        make_event("m-1", type="page", name="Home", event=None),
        make_event("m-1", type="page", name="Cart", event=None),
        make_event("m-1", type="screen", name="Home", event=None),
        make_event("m-1", type="identify", traits={"plan": "pro"}),
        make_private("m-1", source="private", event="A"),
        make_private("m-1", source="private", event="B"),
    ]
    assert await queue.put(split) == Stored(9, 0, 0, 0)
    again = [replace(event, body={**event.body, "sentAt": "2026-11-23T12:00:09Z"}) for event in split]
    assert await queue.put(again) == Stored(0, 9, 0, 0)
    # The name of an identify is none of its own.
    assert (await queue.put([make_event("m-1", type="identify", name="x", traits={})])).differing == 1


async def test_a_copy_with_another_body_is_kept_as_a_rejection(queue: Queue) -> None:
    """Once for each body, in one call and later; and each message is in the ledger once."""
    first, other, third = (make_event("m-1", properties={"step": step}) for step in (1, 2, 3))
    assert await queue.put([first, other, first, other]) == Stored(1, 2, 1, 0)
    stamped = replace(other, body={**other.body, "timestamp": "2026-11-23T12:00:09Z", "sentAt": "x"})
    assert await queue.put([stamped, third, first]) == Stored(0, 2, 1, 0)
    balance = await queue.balance()
    assert (balance.pending, balance.counts["rejected"], balance.counts["duplicate"]) == (1, 2, 4)
    assert balance.unaccounted == 0


async def test_a_copy_of_what_was_deleted_or_dropped_is_a_duplicate(queue: Queue) -> None:
    """What has no body any more cannot be another one, and nothing of it may come back."""
    dropped = replace(make_event("m-2", user="bob"), dropped=Dropped(Reason.SAMPLED, "", ""), body={})
    await queue.put([make_event("m-1"), dropped, make_event("delete-1", type="delete")])
    await queue.delete_requested(wait_s=0)
    assert (await queue.put([make_event("m-1", extra=1), dropped])).duplicates == 2


async def test_the_trace_of_an_event_is_kept(queue: Queue) -> None:
    """Of one that came without there is none, though both came in one batch."""
    traced, bare = make_event("m-1", user="a", traceparent=TRACEPARENT), make_event("m-2", user="b")
    await queue.put([traced, bare, make_private("m-3", traceparent=TRACEPARENT)])
    found = {lease.event.message_id: lease.event.traceparent for lease in await take(queue)}
    assert found == {"m-1": TRACEPARENT, "m-2": None, "m-3": TRACEPARENT}


def warnings(count: int, *, cause: str = "no date") -> tuple[EventWarning, ...]:
    return tuple(EventWarning(WarningKind.TIME, f"field {number}", cause) for number in range(count))


async def test_an_event_keeps_the_warnings_of_ingest(queue: Queue) -> None:
    """In order, equal ones once, as many and as large as an event may have; one without has none."""
    given = {
        "none": (),
        "some": (*warnings(3), *warnings(2)),
        "many": warnings(MAX_WARNINGS + 5),
        "large": warnings(1, cause="é" * MAX_WARNING_BYTES),
        "private": (EventWarning(WarningKind.PERSONAL, 'a "b"\n', "c\0d"),),
    }
    events = [replace(make_event(name, user=name), warnings=found) for name, found in given.items()]
    events[-1] = replace(make_private("private"), warnings=given["private"])
    await queue.put(events)
    found = {lease.event.message_id: lease.event.warnings for lease in await take(queue)}
    [large] = found.pop("large")
    assert len(large.cause.encode()) <= MAX_WARNING_BYTES
    assert large.cause.startswith("é" * 90)
    assert found == {
        "none": (),
        "some": warnings(3),
        "many": warnings(MAX_WARNINGS),
        "private": given["private"],
    }


async def test_a_settle_takes_warnings_of_the_mapping(queue: Queue) -> None:
    """Those of ingest stay as they are, however often the mapping's are replaced."""
    await queue.put([replace(make_event("m-1"), warnings=warnings(2))])
    for count in (3, 0, 40):
        [lease] = await take(queue)
        assert lease.event.warnings == warnings(2)
        retry = Retry(Reason.TIMEOUT, 0, counted=False, detail="late")
        assert await queue.settle(lease, retry, warnings=warnings(count, cause="of the mapping"))
    [lease] = await take(queue)
    assert lease.event.warnings == warnings(2)
    assert await queue.settle(lease, Delivered(), warnings=())


_AWKWARD = [
    "A\nB",
    "A",
    "B",
    "",
    "a\0b",
    "\0",
    '"],["',
    ",",
    "\x1f\x1e",
    "\u2028",
    "\\n",
    "é☕",
    "track/A/0\ntrack/B/0",
]
"""Names that hold what somebody might join names by."""


async def test_a_call_that_got_through_is_remembered_by_its_whole_key(queue: Queue) -> None:
    """Whatever a name holds: no key is torn into two, none is lost, and none stands for another."""
    await queue.put([make_event("m-1")])
    sent: list[str] = []
    for name in _AWKWARD:
        [lease] = await take(queue)
        assert lease.delivered_keys == frozenset(sent)
        sent.append(f"track/{name}/0")
        queue.mark_delivered(lease, sent[-1])
        await queue.settle(lease, Retry(Reason.TIMEOUT, 0, counted=False))
    [lease] = await take(queue)
    assert lease.delivered_keys == frozenset(sent)


async def test_ids_are_reported_apart_whatever_they_hold(queue: Queue) -> None:
    """Each of these is a user and a message of its own, and a deletion request takes one user's data only."""
    events = [make_event(name or "empty", user=name or "empty") for name in _AWKWARD]
    assert (await queue.put(events)).stored == len(events)
    leases = await take(queue, limit=50)
    assert {lease.event.user_id for lease in leases} == {event.user_id for event in events}
    assert (await queue.put(events)).duplicates == len(events)
    await queue.put([make_event("delete-1", user="A\nB", type="delete")])
    assert [request.events for request in await queue.delete_requested(wait_s=0)] == [1]
    assert [lease.event.user_id for lease in leases if not queue.holds(lease)] == ["A\nB"]


async def test_a_lease_says_since_when_it_was_due(queue: Queue, clock: FakeClock) -> None:
    """From receipt, from the end of its user's event before it, or from the instant of its next try."""

    async def due_s() -> float:
        [lease] = await take(queue)
        await queue.settle(lease, outcomes.pop(0))
        return lease.due_at_s - begun_s

    begun_s = clock()
    outcomes: list[Outcome] = [Delivered(), Retry(Reason.TIMEOUT, 20, counted=True), Delivered()]
    await queue.put([make_event("m-1"), make_event("m-2")])
    clock.advance(10)
    assert await due_s() == pytest.approx(0)
    clock.advance(5)
    assert await due_s() == pytest.approx(10)
    clock.advance(30)
    assert await due_s() == pytest.approx(35)


async def test_put_says_what_it_did(queue: Queue) -> None:
    """Stored, duplicate, differing and rejected messages are counted apart."""
    assert await queue.put([make_event("m-1"), make_event("m-2")]) == Stored(2, 0, 0, 0)
    again = make_event("m-1", sentAt="2026-11-23T12:00:09Z")
    other = make_event("m-2", properties={"another": 1})
    assert await queue.put([again, other, make_event("m-3")], [make_rejection()]) == Stored(1, 1, 1, 1)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"context": {"ip": "192.0.2.1", "a": 1}}, {"context": {"ip": "2001:db8::1", "a": 1}}),
        ({"context": {"ip": "192.0.2.1"}}, {}),
        ({"context": None}, {"context": {"ip": "192.0.2.1"}}),
        ({"request_ip": "192.0.2.1"}, {"request_ip": "192.0.2.2"}),
        ({"requestIp": "192.0.2.1", "_metadata": {"retryCount": 1}}, {"_metadata": {"retryCount": 2}}),
    ],
)
async def test_a_retry_from_another_address_is_a_duplicate(queue: Queue, first: JsonObject, again: JsonObject) -> None:
    """A phone that changes its network between two attempts sends one message; other differences still count."""
    assert (await queue.put([make_event("m-1", **first)])).stored == 1
    assert await queue.put([make_event("m-1", **again)]) == Stored(0, 1, 0, 0)
    other = {**again, "context": {"ip": "192.0.2.1", "b": 2}}
    assert await queue.put([make_event("m-1", **other)]) == Stored(0, 0, 1, 0)


async def test_two_equal_ids_in_one_call_are_one_event(queue: Queue) -> None:
    """The first one counts, as it would across calls."""
    stored = await queue.put([make_event("m-1", order=1), make_event("m-1", order=2)])
    assert (stored.stored, stored.duplicates, stored.differing) == (1, 0, 1)
    [lease] = await take(queue)
    assert lease.event.body["order"] == 1


async def test_the_same_id_of_another_source_is_another_event(queue: Queue) -> None:
    """A message is the same as another by source and message id together."""
    assert (await queue.put([make_event("m-1"), make_event("m-1", source="app")])).stored == 2


async def test_an_id_stays_known_after_delivery(queue: Queue, clock: FakeClock) -> None:
    """A finished event's id is a duplicate within the dedup window, counted from its first receipt."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    clock.advance(71 * 3600)
    assert (await queue.put([make_event("m-1")])).duplicates == 1


async def test_an_id_is_free_again_after_the_window(queue: Queue, clock: FakeClock) -> None:
    """Copies do not prolong the window."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    clock.advance(2 * DAY_S)
    await queue.put([make_event("m-1")])
    clock.advance(3 * DAY_S)
    assert (await queue.put([make_event("m-1")])).stored == 1


@pytest.mark.parametrize("dead", [True, False], ids=["dead", "pending"])
async def test_an_unfinished_id_never_becomes_free(queue: Queue, clock: FakeClock, dead: bool) -> None:
    """While its event is pending or dead an id is a duplicate, however long ago it came."""
    await queue.put([make_event("m-1")])
    if dead:
        [lease] = await take(queue)
        await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    clock.advance(10 * DAY_S)
    assert (await queue.put([make_event("m-1")])).duplicates == 1


async def test_one_user_has_one_event_in_flight(queue: Queue) -> None:
    """Within a lane the next waits for the one before; other lanes do not."""
    await queue.put([make_event("m-1"), make_event("m-2"), make_event("m-3", user="u-2")])
    leases = await take(queue)
    assert ids(leases) == ["m-1", "m-3"]
    assert await take(queue) == []
    await queue.settle(leases[0], Delivered())
    assert ids(await take(queue)) == ["m-2"]


async def test_a_lane_keeps_the_order_of_receipt(queue: Queue) -> None:
    """Across puts and within one, events of a user come out in the order they went in."""
    for batch in (["m-1", "m-2"], ["m-3"], ["m-4", "m-5"]):
        await queue.put([make_event(message_id) for message_id in batch])
    seen = []
    while leases := await take(queue):
        seen += ids(leases)
        await queue.settle(leases[0], Delivered())
    assert seen == ["m-1", "m-2", "m-3", "m-4", "m-5"]


async def test_an_anonymous_visitor_is_a_user(queue: Queue) -> None:
    """Without a user id the anonymous id makes the lane."""
    await queue.put([make_event(f"m-{n}", user=None, anonymousId="a-1") for n in range(2)])
    assert ids(await take(queue)) == ["m-0"]


async def test_events_of_nobody_do_not_wait(queue: Queue) -> None:
    """An event without any id has a lane of its own."""
    await queue.put([make_event(f"m-{n}", user=None) for n in range(3)])
    assert sorted(ids(await take(queue))) == ["m-0", "m-1", "m-2"]


async def test_a_source_without_order_has_no_lanes(make_queue: MakeQueue) -> None:
    """`unordered` sources: every event has a lane of its own."""
    queue = await make_queue(unordered={"shop"})
    await queue.put([make_event(f"m-{n}") for n in range(3)] + [make_event(f"m-{n}", source="app") for n in range(3)])
    assert len(await take(queue, sources=["shop"])) == 3
    assert len(await take(queue, sources=["app"])) == 1


async def test_take_is_limited_to_sources_and_number(queue: Queue) -> None:
    """Lanes of sources not asked for stay where they are."""
    await queue.put(
        [make_event(f"m-{n}", user=f"u-{n}", source=source) for source in ("shop", "app") for n in range(4)]
    )
    assert {lease.event.source for lease in await take(queue, sources=["app"])} == {"app"}
    assert len(await take(queue, sources=["shop"], limit=3)) == 3
    assert await take(queue, sources=[]) == []
    assert len(await take(queue, sources=["shop", "app"])) == 1


async def test_longest_due_goes_first(queue: Queue, clock: FakeClock) -> None:
    """A user with many events does not push ahead of others: after each one its lane goes to the end."""
    await queue.put([make_event(f"hot-{n}", user="hot") for n in range(3)])
    clock.advance(1)
    await queue.put([make_event("cold", user="cold")])
    clock.advance(1)
    [hot] = await take(queue, limit=1)
    await queue.settle(hot, Delivered())
    assert ids(await take(queue)) == ["cold", "hot-1"]


async def test_longest_due_goes_first_whatever_its_source(queue: Queue, clock: FakeClock) -> None:
    """One take merges many sources, which have different numbers of lanes, some due at the same instant."""
    sources = [f"shop-{number}" for number in range(5)]
    for number, letters in enumerate(("aa", "b", "ab", "c", "a", "cba", "ddd", "b")):
        await queue.put(
            [
                make_event(f"{number}{letter}{nth}", user=f"u-{number}-{nth}", source=f"shop-{'abcd'.index(letter)}")
                for nth, letter in enumerate(letters)
            ]
        )
        clock.advance(1)

    async def dues(*, limit: int, sources: list[str] = sources, newest: bool = False) -> str:
        pick = Pick(newest=newest)
        leases = await queue.take(sources=sources, limit=limit, lease_s=60, wait_s=0, pick=pick)
        return "".join(lease.event.message_id[0] for lease in leases)

    assert await dues(limit=4) == "0012"
    assert await dues(limit=3, newest=True) == "766"
    assert await dues(limit=9, sources=["shop-3", "shop-2"]) == "356"
    assert await dues(limit=3) == "245"
    assert await dues(limit=9) == "5"


async def test_probes_may_ask_for_the_newest_of_some_lanes(queue: Queue, clock: FakeClock) -> None:
    """Both together: what became due last, of those lanes alone."""
    for number in range(4):
        await queue.put([make_event(f"m-{number}", user=f"u-{number}")])
        clock.advance(1)
    lanes = [lease.lane for lease in await take(queue)]
    clock.advance(60)
    pick = Pick(lanes=frozenset(lanes[:3]), newest=True)
    leases = await queue.take(sources=["shop"], limit=2, lease_s=60, wait_s=0, pick=pick)
    assert ids(leases) == ["m-2", "m-1"]


async def test_a_retry_waits_and_counts(queue: Queue, clock: FakeClock) -> None:
    """A counted retry comes back after its delay with one attempt more, and holds up its user's next event."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lease] = await take(queue)
    assert await queue.settle(lease, Retry(Reason.TIMEOUT, delay_s=5, counted=True))
    assert await take(queue) == []
    clock.advance(5)
    [again] = await take(queue)
    assert (again.event.message_id, again.attempt, again.retried_s) == ("m-1", 1, 5.0)


async def test_an_uncounted_retry_costs_no_attempt(queue: Queue, clock: FakeClock) -> None:
    """A rate limit or a pause is not the event's failure."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    await queue.settle(lease, Retry(Reason.RATE_LIMITED, delay_s=5, counted=False))
    clock.advance(5)
    [again] = await take(queue)
    assert (again.attempt, again.retried_s) == (0, 0.0)


async def test_an_untried_event_keeps_its_place(queue: Queue, clock: FakeClock) -> None:
    """An event that was taken and not tried goes before those that became due later, and is not the newest."""
    for number in range(3):
        await queue.put([make_event(f"m-{number}", user=f"u-{number}")])
        clock.advance(1)
    [first] = await take(queue, limit=1)
    assert await queue.settle(first, Retry(Reason.PAUSED, delay_s=None, counted=False))
    newest = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0, pick=Pick(failed=0, newest=True))
    assert ids(newest) == ["m-2"]
    again = await take(queue, limit=3)
    assert ids(again) == ["m-0", "m-1"]
    assert again[0].due_at_s == first.due_at_s
    assert (again[0].attempt, again[0].retried_s) == (0, 0.0)


async def test_attempts_are_the_events_own(queue: Queue, clock: FakeClock) -> None:
    """The next event of the lane begins at none."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lease] = await take(queue)
    queue.mark_delivered(lease, "track/A/0")
    await queue.settle(lease, Retry(Reason.TIMEOUT, delay_s=1, counted=True))
    clock.advance(1)
    [lease] = await take(queue)
    await queue.settle(lease, Dead(Reason.EXHAUSTED, "given up"))
    [second] = await take(queue)
    assert (second.event.message_id, second.attempt, second.delivered_keys) == ("m-2", 0, frozenset())


async def test_what_got_through_is_remembered(queue: Queue) -> None:
    """A noted call is in `sent` of the next lease of that event."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue)
    queue.mark_delivered(lease, "track/ORDER/0")
    queue.mark_delivered(lease, "track/ITEM/0")
    await queue.settle(lease, Retry(Reason.TIMEOUT, delay_s=0, counted=True))
    [again] = await take(queue)
    assert again.delivered_keys == {"track/ORDER/0", "track/ITEM/0"}


async def test_an_expired_lease_is_taken_again(queue: Queue, clock: FakeClock) -> None:
    """A worker that hangs loses its event to the next taker."""
    await queue.put([make_event("m-1")])
    [lost] = await take(queue, lease_s=30)
    clock.advance(29)
    assert await take(queue) == []
    clock.advance(1)
    [again] = await take(queue)
    assert again.event == lost.event
    assert again.token != lost.token
    assert not await queue.renew(lost, lease_s=30)


async def test_a_renewed_lease_is_held_on(queue: Queue, clock: FakeClock) -> None:
    """Renewing counts from now."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue, lease_s=30)
    clock.advance(20)
    assert await queue.renew(lease, lease_s=30)
    clock.advance(20)
    assert await take(queue) == []
    assert await queue.settle(lease, Delivered())


async def test_a_late_settle_changes_nothing(queue: Queue, clock: FakeClock) -> None:
    """Settling with a lost lease must not settle the next holder's."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lost] = await take(queue, lease_s=30)
    clock.advance(30)
    [holder] = await take(queue)
    assert not await queue.settle(lost, Delivered())
    assert await take(queue) == []
    assert await queue.settle(holder, Delivered())
    assert not await queue.settle(holder, Delivered())
    assert (await queue.balance()).counts["delivered"] == 1


async def test_an_expired_lease_that_nobody_took_still_settles(queue: Queue, clock: FakeClock) -> None:
    """Nothing is repeated needlessly: late but alone is in time."""
    await queue.put([make_event("m-1")])
    [lease] = await take(queue, lease_s=30)
    clock.advance(31)
    assert await queue.settle(lease, Delivered())
    assert await take(queue) == []


@pytest.mark.parametrize(
    ("outcome", "term"),
    [
        (Delivered(), "delivered"),
        (Dropped(Reason.BY_RULE, "Heartbeats", "too frequent"), "dropped"),
        (Unmatched(), "unmatched"),
        (Dead(Reason.REFUSED, "no such key"), "dead"),
        (Retry(Reason.TIMEOUT, 1, True), "pending"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_message_is_in_one_term(queue: Queue, outcome: Outcome, term: str) -> None:
    """The ledger balances after each outcome, and its terms say which it was."""
    await queue.put([make_event("m-1"), make_event("m-1")], [make_rejection()])
    [lease] = await take(queue)
    await queue.settle(lease, outcome, mapping="0123456789ab")
    balance = await queue.balance()
    terms = {**balance.counts, "pending": balance.pending, "dead": balance.dead}
    expected = {"received": 3, "duplicate": 1, "rejected": 1, term: 1}
    assert {name: n for name, n in terms.items() if n} == expected
    assert balance.unaccounted == 0


async def test_a_full_queue_takes_nothing(make_queue: MakeQueue) -> None:
    """At its limit `put` and `probe` raise QueueFull and nothing is stored or counted; delivery makes room again."""
    queue = await make_queue(max_pending=2)
    await queue.put([make_event("m-1"), make_event("m-2")])
    with pytest.raises(QueueFull):
        await queue.put([make_event("m-3")])
    with pytest.raises(QueueFull):
        await queue.probe()
    assert (await queue.balance()).counts["received"] == 2
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    await queue.probe()
    assert (await queue.put([make_event("m-3")])).stored == 1


async def test_take_waits_for_the_first_event(queue: Queue) -> None:
    """An event put while a take waits is leased at once."""
    waiting = asyncio.create_task(queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=30))
    await asyncio.sleep(0)
    await queue.put([make_event("m-1")])
    assert ids(await asyncio.wait_for(waiting, 5)) == ["m-1"]


async def test_take_waits_for_the_lane_to_be_free(queue: Queue) -> None:
    """Settling wakes a take that waits for the next of that user."""
    await queue.put([make_event("m-1"), make_event("m-2")])
    [lease] = await take(queue)
    waiting = asyncio.create_task(queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=30))
    await asyncio.sleep(0)
    await queue.settle(lease, Delivered())
    assert ids(await asyncio.wait_for(waiting, 5)) == ["m-2"]


async def test_a_cancelled_take_holds_nothing(queue: Queue) -> None:
    """What a cancelled take would have got is there for the next one."""
    waiting = asyncio.create_task(queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=30))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await queue.put([make_event("m-1")])
    assert ids(await take(queue)) == ["m-1"]


async def test_a_cancelled_put_stores_all_the_same(queue: Queue) -> None:
    """A sender that hangs up cancels its request, never its messages."""
    putting = asyncio.create_task(queue.put([make_event("m-1")]))
    await asyncio.sleep(0)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    assert ids(await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=5)) == ["m-1"]


async def test_the_last_activated_mapping_is_kept(queue: Queue) -> None:
    """By name the last one, by version every one."""
    assert await queue.last_mapping("shop.yaml") is None
    await queue.keep_mapping(name="shop.yaml", version="aaa", text="version: 1 # a")
    await queue.keep_mapping(name="shop.yaml", version="bbb", text="version: 1 # b")
    await queue.keep_mapping(name="app.yaml", version="aaa", text="version: 1 # a")
    assert await queue.last_mapping("shop.yaml") == "version: 1 # b"
    assert await queue.last_mapping("app.yaml") == "version: 1 # a"
    assert await queue.mapping("aaa") == "version: 1 # a"
    assert await queue.mapping("ccc") is None


async def test_the_last_learned_limit_is_kept(queue: Queue) -> None:
    """For each project the newest one."""
    assert await queue.limit("one") is None
    await queue.keep_limit("one", Limit(per_s=20.0, met_at_s=1.0))
    await queue.keep_limit("one", Limit(per_s=18.5, met_at_s=2.0))
    await queue.keep_limit("other", Limit(per_s=5.0, met_at_s=3.0))
    assert await queue.limit("one") == Limit(per_s=18.5, met_at_s=2.0)


async def test_the_balance_tells_the_oldest_pending_event(queue: Queue) -> None:
    """By seq, whichever lane it waits in; None when nothing is pending."""
    assert (await queue.balance()).oldest_received_at is None
    await queue.put([make_event("m-1"), make_event("m-2")])
    assert (await queue.balance()).oldest_received_at == RECEIVED_AT


async def test_many_at_once_keep_their_order_and_balance(queue: Queue) -> None:
    """200 concurrent puts of 5 users are all stored, and each user's events come out in the order of commit."""
    await asyncio.gather(*(queue.put([make_event(f"m-{n}", user=f"u-{n % 5}")]) for n in range(200)))
    seen: dict[str, list[int]] = {}
    while leases := await take(queue, limit=100):
        for lease in leases:
            seen.setdefault(lease.event.user_id or "", []).append(lease.seq)
        await asyncio.gather(*(queue.settle(lease, Delivered()) for lease in leases))
    assert all(seqs == sorted(seqs) for seqs in seen.values())
    assert sum(map(len, seen.values())) == 200
    balance = await queue.balance()
    assert (balance.counts["delivered"], balance.pending, balance.unaccounted) == (200, 0, 0)


async def test_who_takes_has_its_turn(queue: Queue) -> None:
    """The number stays the same while no other process takes these sources."""
    await queue.put([make_event("m-1"), make_event("m-2", source="app")])
    [lease] = await take(queue)
    number = queue.tenure(["shop"])
    assert number > 0
    await queue.settle(lease, Delivered())
    assert await take(queue) == []
    assert queue.tenure(["shop"]) == number
    assert len(await take(queue, sources=["shop", "app"])) == 1
    assert queue.tenure(["shop", "app"]) > 0


async def test_two_takes_wait_side_by_side(queue: Queue) -> None:
    """A take that waits for one source holds up no take from another."""
    for_app = asyncio.create_task(queue.take(sources=["app"], limit=1, lease_s=60, wait_s=30))
    for_shop = asyncio.create_task(queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=30))
    await asyncio.sleep(0)
    await queue.put([make_event("m-1")])
    assert ids(await asyncio.wait_for(for_shop, 5)) == ["m-1"]
    await queue.put([make_event("m-2", source="app")])
    assert ids(await asyncio.wait_for(for_app, 5)) == ["m-2"]


async def test_revived_events_are_pending_again(queue: Queue, clock: FakeClock) -> None:
    """Dead events come back oldest first, behind live traffic, with their delivered calls; others are skipped."""
    await queue.put([make_event("a-1", user="a"), make_event("b-1", user="b"), make_event("b-2", user="b")])
    dead = await take(queue)
    for lease in dead:
        queue.mark_delivered(lease, f"track/{lease.event.message_id}/0")
        await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    [under_way] = await take(queue)
    assert await queue.requeue([*(lease.seq for lease in dead), under_way.seq, 999]) == 2
    assert await queue.requeue([lease.seq for lease in dead]) == 0
    clock.advance(1)
    await queue.put([make_event("c-1", user="c"), make_event("b-3", user="b")])
    leases = await take(queue)
    assert ids(leases) == ["c-1", "a-1"]
    assert leases[1].delivered_keys == {"track/a-1/0"}
    await queue.settle(under_way, Delivered())
    assert ids(await take(queue)) == ["b-1"]
    balance = await queue.balance()
    assert (balance.pending, balance.dead, balance.unaccounted) == (4, 0, 0)


async def test_parked_events_let_others_pass_and_go_first_later(queue: Queue, clock: FakeClock) -> None:
    """A parked event leaves its lane to the later ones of its user; when parked ones are taken again they go before
    all others, oldest first, each user's in order.
    """
    await queue.put([make_event("a-1", user="a"), make_event("a-2", user="a"), make_event("a-3", user="a")])
    for expected in ("a-1", "a-2"):
        [lease] = await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(parked=False))
        assert lease.event.message_id == expected
        assert await queue.settle(lease, Retry(Reason.PAUSED, 30, counted=False, parked=True))
    clock.advance(60)
    await queue.put([make_event("b-1", user="b")])
    live = await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(parked=False))
    assert sorted(ids(live)) == ["a-3", "b-1"]
    [first] = await take(queue)
    assert first.event.message_id == "a-1"
    assert await queue.settle(first, Retry(Reason.PAUSED, 30, counted=False, parked=True))
    [again] = await take(queue)
    assert (again.event.message_id, again.attempt) == ("a-1", 0)
    await queue.settle(again, Delivered())
    assert ids(await take(queue)) == ["a-2"]
    balance = await queue.balance()
    assert (balance.pending, balance.unaccounted) == (3, 0)


async def test_the_balance_names_sources_with_pending_events(queue: Queue) -> None:
    """Those whose events wait, and none whose events have ended."""
    await queue.put([make_event("m-1"), make_event("m-2", source="app")])
    assert (await queue.balance()).pending_of == {"shop", "app"}
    [lease] = await take(queue)
    await queue.settle(lease, Delivered())
    assert (await queue.balance()).pending_of == {"app"}


async def test_an_event_that_ingest_dropped_ends_at_once(queue: Queue) -> None:
    """It is stored as dropped, never delivered, holds up no event of its lane, and a copy of it is a duplicate."""
    dropped = replace(make_event("m-1"), body={}, dropped=Dropped(Reason.CONSENT, "", "no consent"))
    assert await queue.put([dropped, make_event("m-2"), dropped]) == Stored(2, 1, 0, 0, dropped=1)
    balance = await queue.balance()
    counts = {term: n for term, n in balance.counts.items() if n}
    assert (counts, balance.pending) == ({"received": 3, "duplicate": 1, "dropped": 1}, 1)
    assert balance.unaccounted == 0
    assert ids(await take(queue)) == ["m-2"]


async def test_one_source_leaves_room_for_the_others(make_queue: MakeQueue) -> None:
    """Pending and dead events of a source come to half of what the others leave; beyond it that source alone is
    refused, and a requeued or ended event changes whose room it is.
    """
    queue = await make_queue(max_pending=8, shared=True)
    await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(4)])
    with pytest.raises(SourceFull):
        await queue.put([make_event("m-9")])
    assert (await queue.put([make_event("a-1", source="app"), make_event("a-2", source="app")])).stored == 2
    [lease, other] = await take(queue, limit=2)
    await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    with pytest.raises(SourceFull):
        await queue.put([make_event("m-9")])
    await queue.settle(other, Delivered())
    await queue.requeue([lease.seq])
    with pytest.raises(SourceFull):
        await queue.put([make_event("m-9")])
    for lease in await take(queue):
        await queue.settle(lease, Delivered())
    assert (await queue.put([make_event("m-9"), make_event("m-10")])).stored == 2


async def test_one_source_alone_may_fill_the_queue(make_queue: MakeQueue) -> None:
    """Without other sources no room is reserved."""
    queue = await make_queue(max_pending=4)
    assert (await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(4)])).stored == 4


async def test_a_take_holds_back_events_that_failed(queue: Queue, clock: FakeClock) -> None:
    """At most so many as `pick.failed` says; the next event of a lane has not failed."""
    await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(4)] + [make_event("n-0", user="u-0")])
    for lease, retry in zip(
        await take(queue, limit=3),
        (
            Retry(Reason.TIMEOUT, 1, counted=True),
            Retry(Reason.PAUSED, 2, counted=False, steps_back=True),
            Retry(Reason.RATE_LIMITED, 3, counted=False),
        ),
        strict=True,
    ):
        await queue.settle(lease, retry)
    clock.advance(5)

    async def picked(failed: int | None) -> list[str]:
        leases = await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(failed=failed))
        for lease in leases:
            await queue.settle(lease, Retry(Reason.STOPPING, 0, counted=False))
        clock.advance(1)
        return ids(leases)

    assert sorted(await picked(None)) == ["m-0", "m-1", "m-2", "m-3"]
    assert sorted(await picked(0)) == ["m-2", "m-3"]
    assert len([name for name in await picked(1) if name in ("m-0", "m-1")]) == 1
    leases = {lease.event.message_id: lease for lease in await take(queue)}
    await queue.settle(leases["m-0"], Delivered())
    assert await picked(0) == ["n-0"]


async def test_requeued_events_that_failed_are_held_back_too(queue: Queue, clock: FakeClock) -> None:
    """They stay behind live traffic, and count with the others."""
    await queue.put([make_event("m-1", user="a"), make_event("m-2", user="b")])
    dead = await take(queue)
    for lease in dead:
        await queue.settle(lease, Dead(Reason.REFUSED, "no"))
    await queue.requeue([lease.seq for lease in dead])
    clock.advance(1)
    for lease in await take(queue):
        await queue.settle(lease, Retry(Reason.TIMEOUT, 1, counted=True))
    await queue.put([make_event("m-3", user="c")])
    clock.advance(1)
    leases = await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(failed=1))
    assert (ids(leases)[0], len(leases)) == ("m-3", 2)


async def test_a_take_can_ask_for_lanes(queue: Queue) -> None:
    """Only theirs, if they are due and free."""
    await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(3)])
    leases = {lease.event.message_id: lease for lease in await take(queue)}
    for lease in leases.values():
        await queue.settle(lease, Retry(Reason.STOPPING, 0, counted=False))
    [held] = await queue.take(
        sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(lanes=frozenset({leases["m-1"].lane}))
    )
    assert (held.event.message_id, held.lane) == ("m-1", leases["m-1"].lane)
    wanted = Pick(lanes=frozenset({leases["m-1"].lane, leases["m-2"].lane}))
    assert ids(await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=wanted)) == ["m-2"]
    assert not await queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=0, pick=Pick(lanes=frozenset()))


async def test_a_take_can_ask_for_the_newest(queue: Queue, clock: FakeClock) -> None:
    """What became due last goes first."""
    for number in range(3):
        await queue.put([make_event(f"m-{number}", user=f"u-{number}")])
        clock.advance(1)
    leases = await queue.take(sources=["shop"], limit=2, lease_s=60, wait_s=0, pick=Pick(newest=True))
    assert ids(leases) == ["m-2", "m-1"]


async def test_a_wait_can_be_ended(queue: Queue) -> None:
    """Of the events named, which are the first of their lanes and wait; a take that waits is woken."""
    await queue.put([make_event(f"m-{n}", user=f"u-{n}") for n in range(3)])
    first, second, third = await take(queue)
    for lease in (first, second):
        await queue.settle(lease, Retry(Reason.TIMEOUT, 60, counted=True))
    woken = asyncio.create_task(queue.take(sources=["shop"], limit=9, lease_s=60, wait_s=30))
    await asyncio.sleep(0)
    heads = {first.lane: first.seq, second.lane: third.seq, third.lane: third.seq, 17: 3}
    assert await queue.make_due(heads) == 1
    [lease] = await asyncio.wait_for(woken, 5)
    assert (lease.event.message_id, lease.attempt) == (first.event.message_id, 1)

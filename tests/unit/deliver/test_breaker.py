"""The breaker trips when more users in a row fail than is credible, and only then."""

import pytest

from adapter.deliver.breaker import Breaker, BreakerConfig


def new() -> Breaker:
    return Breaker(BreakerConfig(), now_s=0.0)


def fail(breaker: Breaker, lanes: range, *, now_s: float = 1.0, took_s: float = 0.0) -> None:
    for lane in lanes:
        breaker.failed(now_s, lane=lane, seq=lane, sent_at_s=now_s - took_s)


def succeed(breaker: Breaker, lane: int, *, now_s: float = 0.0, took_s: float = 0.0) -> dict[int, int]:
    return breaker.passed(now_s, lane=lane, sent_at_s=now_s - took_s)


@pytest.mark.parametrize(("lanes", "expected"), [(4, False), (5, True)])
def test_five_users_in_a_row_are_an_outage(lanes: int, expected: bool) -> None:
    """Where calls get through as a rule."""
    breaker = new()
    for lane in range(100, 200):
        succeed(breaker, lane, now_s=0.0)
    fail(breaker, range(lanes))
    assert breaker.is_tripped(1.0) is expected


def test_one_users_failures_are_no_outage() -> None:
    """However many, because calls of others were delivered lately."""
    breaker = new()
    succeed(breaker, 100, now_s=0.0)
    for _ in range(1000):
        fail(breaker, range(4))
    assert not breaker.is_tripped(1.0)


@pytest.mark.parametrize(("calls", "expected"), [(4, False), (5, True)])
def test_a_quiet_site_trips_on_failures_alone(calls: int, expected: bool) -> None:
    """If no call was delivered for five minutes, five failed calls of one user are enough."""
    breaker = new()
    succeed(breaker, 1, now_s=0.0)
    for _ in range(calls):
        fail(breaker, range(1), now_s=400.0)
    assert breaker.is_tripped(400.0) is expected


def test_users_who_always_fail_say_nothing() -> None:
    """500 of them: once calls of others are delivered in between, they are known for that; other users are not."""
    breaker = new()
    for round_s in range(10):
        fail(breaker, range(500), now_s=float(round_s))
        succeed(breaker, 1000, now_s=float(round_s))
    fail(breaker, range(500), now_s=11.0)
    assert not breaker.is_tripped(11.0)
    for lane in range(2000, 2100):
        succeed(breaker, lane, now_s=12.0)
    fail(breaker, range(2000, 2100), now_s=13.0)
    assert breaker.is_tripped(13.0)


def test_a_flood_of_new_bad_users_is_no_outage() -> None:
    """Ten new ones fail for each call that gets through: 20 in a row are then nothing new."""
    breaker, lane = new(), 10_000
    for step in range(200):
        fail(breaker, range(lane, lane + 10), now_s=step / 10)
        lane += 10
        succeed(breaker, 1, now_s=step / 10)
    fail(breaker, range(lane, lane + 20), now_s=21.0)
    assert not breaker.is_tripped(21.0)
    fail(breaker, range(lane, lane + 120), now_s=22.0)
    assert breaker.is_tripped(22.0)


def test_calls_that_hang_beside_delivered_ones_are_no_outage() -> None:
    """100 users' calls fail together after 10 s; meanwhile a call that was sent after theirs was delivered."""
    breaker = new()
    for second in range(10):
        succeed(breaker, 1, now_s=float(second))
    fail(breaker, range(100, 200), now_s=10.5, took_s=10.0)
    assert not breaker.is_tripped(10.5)
    assert breaker.in_outage == {}
    # From then on they are known for failing, whenever their calls are sent.
    fail(breaker, range(100, 200), now_s=11.0)
    assert not breaker.is_tripped(11.0)


def test_calls_that_hang_are_an_outage_if_nothing_else_is_delivered() -> None:
    """What was delivered meanwhile was sent before them, however late its answer came."""
    breaker = new()
    for second in range(10):
        succeed(breaker, 1, now_s=float(second))
    succeed(breaker, 1, now_s=15.0, took_s=6.0)
    fail(breaker, range(100, 105), now_s=20.0, took_s=10.0)
    assert breaker.is_tripped(20.0)


def test_a_pass_tells_who_may_go_on() -> None:
    """Those that failed since the last one, once; and not those who are known for failing."""
    breaker = new()
    succeed(breaker, 1, now_s=0.0)
    fail(breaker, range(2, 4))
    assert breaker.in_outage == {2: 2, 3: 3}
    assert succeed(breaker, 3, now_s=2.0) == {2: 2}
    fail(breaker, range(2, 3), now_s=3.0)
    assert succeed(breaker, 3, now_s=4.0) == {}

"""The breaker trips when more users in a row fail than is credible, and only then."""

import pytest

from adapter.deliver.breaker import Breaker, BreakerConfig


def new() -> Breaker:
    return Breaker(BreakerConfig(), now_s=0.0)


def fail(breaker: Breaker, lanes: range, *, now_s: float = 1.0) -> None:
    for lane in lanes:
        breaker.failed(now_s, lane=lane, seq=lane)


@pytest.mark.parametrize(("lanes", "expected"), [(4, False), (5, True)])
def test_five_users_in_a_row_are_an_outage(lanes: int, expected: bool) -> None:
    """Where calls get through as a rule."""
    breaker = new()
    for lane in range(100, 200):
        breaker.passed(0.0, lane=lane)
    fail(breaker, range(lanes))
    assert breaker.is_tripped(1.0) is expected


def test_one_users_failures_are_no_outage() -> None:
    """However many, because calls of others were delivered lately."""
    breaker = new()
    breaker.passed(0.0, lane=100)
    for _ in range(1000):
        fail(breaker, range(4))
    assert not breaker.is_tripped(1.0)


@pytest.mark.parametrize(("calls", "expected"), [(4, False), (5, True)])
def test_a_quiet_site_trips_on_failures_alone(calls: int, expected: bool) -> None:
    """If no call was delivered for five minutes, five failed calls of one user are enough."""
    breaker = new()
    breaker.passed(0.0, lane=1)
    for _ in range(calls):
        fail(breaker, range(1), now_s=400.0)
    assert breaker.is_tripped(400.0) is expected


def test_users_who_always_fail_say_nothing() -> None:
    """500 of them: once calls of others are delivered in between, they are known for that; other users are not."""
    breaker = new()
    for round_s in range(10):
        fail(breaker, range(500), now_s=float(round_s))
        breaker.passed(float(round_s), lane=1000)
    fail(breaker, range(500), now_s=11.0)
    assert not breaker.is_tripped(11.0)
    for lane in range(2000, 2100):
        breaker.passed(12.0, lane=lane)
    fail(breaker, range(2000, 2100), now_s=13.0)
    assert breaker.is_tripped(13.0)


def test_a_flood_of_new_bad_users_is_no_outage() -> None:
    """Ten new ones fail for each call that gets through: 20 in a row are then nothing new."""
    breaker, lane = new(), 10_000
    for step in range(200):
        fail(breaker, range(lane, lane + 10), now_s=step / 10)
        lane += 10
        breaker.passed(step / 10, lane=1)
    fail(breaker, range(lane, lane + 20), now_s=21.0)
    assert not breaker.is_tripped(21.0)
    fail(breaker, range(lane, lane + 120), now_s=22.0)
    assert breaker.is_tripped(22.0)


def test_a_pass_tells_who_may_go_on() -> None:
    """Those that failed since the last one, once; and not those who are known for failing."""
    breaker = new()
    breaker.passed(0.0, lane=1)
    fail(breaker, range(2, 4))
    assert breaker.in_outage == {2: 2, 3: 3}
    assert breaker.passed(2.0, lane=3) == {2: 2}
    fail(breaker, range(2, 3), now_s=3.0)
    assert breaker.passed(4.0, lane=3) == {}

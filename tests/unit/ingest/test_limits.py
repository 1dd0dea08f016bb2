"""What a source may send."""

import pytest

from adapter.http.token_bucket import TokenBucket
from adapter.ingest.limits import BodyBudget


def test_one_seconds_worth_may_come_at_once() -> None:
    """After a pause a source has its full second, and no more than that."""
    allowance = TokenBucket(10)
    assert allowance.wait_s(1000.0) == 0.0
    allowance.spend(9)
    assert allowance.wait_s(1000.0) == 0.0
    allowance.spend(1)
    assert allowance.wait_s(1000.0) == pytest.approx(0.1)
    assert allowance.wait_s(1000.1) == pytest.approx(0.0)
    assert allowance.wait_s(9999.0) == 0.0
    allowance.spend(10)
    assert allowance.wait_s(9999.0) > 0.0


def test_a_batch_is_taken_whole_and_paid_for_afterwards() -> None:
    """A batch larger than the allowance would else never be taken at all."""
    allowance = TokenBucket(10)
    assert allowance.wait_s(0.0) == 0.0
    allowance.spend(110)
    assert allowance.wait_s(0.0) == pytest.approx(10.1)
    assert allowance.wait_s(10.0) == pytest.approx(0.1)


def test_less_than_one_a_second_still_passes() -> None:
    """A slow allowance has room for one message to begin with."""
    allowance = TokenBucket(0.1)
    assert allowance.wait_s(5.0) == 0.0
    allowance.spend(1)
    assert allowance.wait_s(5.0) == pytest.approx(10.0)


def test_room_is_for_all_together_and_comes_back() -> None:
    """What does not fit is not held in part."""
    room = BodyBudget(100)
    assert room.take("shop", 60)
    assert not room.take("app", 41)
    assert room.take("app", 40)
    room.give_back("shop", 60)
    assert room.take("shop", 60)


def test_an_owner_of_divided_room_leaves_half_to_the_others() -> None:
    """However much one wants, the next always finds some; what was given back counts for no owner."""
    room = BodyBudget(100, divided=True)
    assert room.take("shop", 30)
    assert not room.take("shop", 21)
    assert room.take("shop", 20)
    assert not room.take("app", 26)
    assert room.take("app", 25)
    assert room.take("web", 12)
    room.give_back("shop", 50)
    assert room.take("app", 19)
    room.give_back("app", 44)
    room.give_back("web", 12)
    assert room.take("web", 50)

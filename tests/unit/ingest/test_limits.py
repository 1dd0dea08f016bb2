"""What a source may send."""

import pytest

from adapter.ingest.limits import Allowance, Room


def test_one_seconds_worth_may_come_at_once() -> None:
    """After a pause a source has its full second, and no more than that."""
    allowance = Allowance(10)
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
    allowance = Allowance(10)
    assert allowance.wait_s(0.0) == 0.0
    allowance.spend(110)
    assert allowance.wait_s(0.0) == pytest.approx(10.1)
    assert allowance.wait_s(10.0) == pytest.approx(0.1)


def test_less_than_one_a_second_still_passes() -> None:
    """A slow allowance has room for one message to begin with."""
    allowance = Allowance(0.1)
    assert allowance.wait_s(5.0) == 0.0
    allowance.spend(1)
    assert allowance.wait_s(5.0) == pytest.approx(10.0)


def test_room_is_for_all_together_and_comes_back() -> None:
    """What does not fit is not held in part."""
    room = Room(100)
    assert room.take(60)
    assert not room.take(41)
    assert room.take(40)
    room.give_back(60)
    assert room.take(60)

"""Figures of each minute: what differs between two counts of the ledger."""

from adapter.queue.contract import Balance
from adapter.service.series import SeriesRing


def _balance(received: int, delivered: int, *, pending: int = 0, dead: int = 0) -> Balance:
    return Balance({"received": received, "delivered": delivered}, pending=pending, dead=dead)


def test_a_minute_has_what_came_in_it() -> None:
    """Counts are of each step alone; the last count of a minute stands for it."""
    series = SeriesRing()
    series.note(600, _balance(100, 90), [])
    series.note(610, _balance(105, 91, pending=4), [])
    series.note(661, _balance(109, 95, pending=2, dead=1), [])
    found = series.columns(since_s=600, until_s=720, step_s=60)
    assert found["received"] == [5, 4]
    assert found["delivered"] == [1, 4]
    assert found["pending"] == [4, 2]
    assert found["dead"] == [0, 1]
    assert found["at"] == ["1970-01-01T00:10:00.000Z", "1970-01-01T00:11:00.000Z"]


def test_nothing_noted_is_null_and_a_missed_minute_loses_nothing() -> None:
    """Minutes without a count are null; what came in them is in the next one that has a count."""
    series = SeriesRing()
    series.note(600, _balance(0, 0), [])
    series.note(780, _balance(7, 7), [])
    assert series.columns(since_s=540, until_s=840, step_s=60)["received"] == [None, 0, None, None, 7]


def test_longer_steps_add_up() -> None:
    """A step of several minutes has their sum."""
    series = SeriesRing()
    for minute in range(10):
        series.note(600 + 60 * minute, _balance(3 * minute, 0), [])
    assert series.columns(since_s=600, until_s=1200, step_s=300)["received"] == [12, 15]


def test_a_day_is_kept() -> None:
    """Older minutes go."""
    series = SeriesRing()
    for minute in range(24 * 60 + 10):
        series.note(60 * minute, _balance(minute, 0), [])
    found = series.columns(since_s=0, until_s=60 * (24 * 60 + 10), step_s=60)["received"]
    assert found.count(None) == 10
    assert sum(n for n in found if n) == 24 * 60


def test_a_clock_set_back_goes_on_in_the_latest_minute() -> None:
    """Time that runs backwards makes no count negative and loses none."""
    series = SeriesRing()
    series.note(600, _balance(0, 0), [])
    series.note(300, _balance(5, 5), [])
    assert series.columns(since_s=240, until_s=660, step_s=60)["received"][-1] == 5

"""Samples of minutes as columns."""

import pytest

from adapter.console.series import Span, columns
from adapter.queue.samples import MinuteSample


def _sample(minute: int, *, pending: int = 0, limit: float | None = None, **grown: int) -> MinuteSample:
    return MinuteSample(minute=minute, grown=grown, pending=pending, per_s=2.004, limit_per_s=limit)


def test_a_minute_has_what_came_in_it() -> None:
    """Counts are of each step; what waits and the rates are those of its end."""
    samples = [
        _sample(10, received=5, delivered=1, pending=4),
        _sample(11, received=4, died=1, pending=2, limit=9.346),
    ]
    found = columns(samples, Span(since_s=600, until_s=720, step_s=60))
    assert found["at"] == ["1970-01-01T00:10:00.000Z", "1970-01-01T00:11:00.000Z"]
    assert found["received"] == [5, 4]
    assert found["delivered"] == [1, 0]
    assert found["dead"] == [0, 1]
    assert found["pending"] == [4, 2]
    assert found["rate"] == [2.0, 2.0]
    assert found["limit"] == [None, 9.35]


def test_nothing_noted_is_null() -> None:
    """Steps without a sample are null in every column but the time."""
    found = columns([_sample(11, received=7)], Span(since_s=540, until_s=780, step_s=60))
    assert found.pop("at") == [f"1970-01-01T00:{minute:02}:00.000Z" for minute in (9, 10, 11, 12)]
    assert {name: [value is None for value in column] for name, column in found.items() if name != "limit"} == (
        {name: [True, True, False, True] for name in found.keys() - {"limit"}}
    )


def test_longer_steps_add_up() -> None:
    """A step of several minutes has their sum."""
    samples = [_sample(minute, received=3) for minute in range(10, 20)]
    assert columns(samples, Span(since_s=600, until_s=1200, step_s=300))["received"] == [15, 15]


def test_a_counter_that_went_down_is_not_below_zero() -> None:
    """A requeue takes events out of those that no rule took."""
    assert columns([_sample(10, unmatched=-3)], Span(since_s=600, until_s=660, step_s=60))["unmatched"] == [0]


@pytest.mark.parametrize(
    ("span", "minutes"),
    [
        ((600, 720, 60), range(10, 12)),
        ((610, 720, 60), range(10, 12)),
        ((650, 900, 90), range(10, 15)),
        ((90, 30, 60), range(0)),
    ],
    ids=["minutes", "from within one", "a step across minutes", "backwards"],
)
def test_the_minutes_of_a_span(span: tuple[int, int, int], minutes: range) -> None:
    """Each minute that a step reaches into is asked for."""
    since_s, until_s, step_s = span
    assert Span(since_s=since_s, until_s=until_s, step_s=step_s).minutes == minutes

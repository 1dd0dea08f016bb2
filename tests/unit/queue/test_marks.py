"""A take begins where the one before found its first lane, and misses none that came back."""

from datetime import UTC, datetime

from adapter.queue.codec import encode
from adapter.queue.heads import Head
from adapter.queue.postgres.marks import Marks
from tests.fakes import make_event

S = 1_000_000
NOW = round(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * S


def head(lane: int, due_us: int) -> Head:
    return Head(lane, due_us, lane, 0, 0, frozenset(), encode(make_event()), False)


def test_it_begins_at_the_beginning() -> None:
    """For each of the keys, whatever was found for others."""
    marks = Marks()
    marks.begin((), now_us=NOW)
    marks.found("shop", NOW - 5 * S, now_us=NOW)
    assert marks.start_us("app") == 0


def test_the_next_take_begins_where_the_first_lane_was() -> None:
    """Two seconds before, for clocks that are behind. Where there was none, it begins now."""
    marks = Marks()
    marks.begin((), now_us=NOW)
    marks.found("shop", NOW - 5 * S, now_us=NOW)
    marks.found("app", None, now_us=NOW)
    marks.begin((), now_us=NOW + S)
    assert (marks.start_us("shop"), marks.start_us("app")) == (NOW - 7 * S, NOW - 2 * S)


def test_a_lane_that_comes_back_is_not_passed_over() -> None:
    """While it is busy it is not searched; afterwards the take begins at its due time, once."""
    marks = Marks()
    marks.begin((), now_us=NOW)
    marks.given([head(1, NOW - 60 * S), head(2, NOW - 50 * S)])
    marks.found("shop", NOW - 5 * S, now_us=NOW)
    marks.begin((1, 2), now_us=NOW)
    assert marks.start_us("shop") == NOW - 7 * S
    marks.begin((1,), now_us=NOW)
    assert marks.start_us("shop") == NOW - 52 * S
    marks.found("shop", NOW - 5 * S, now_us=NOW)
    marks.begin((), now_us=NOW)
    assert marks.start_us("shop") == NOW - 62 * S


def test_every_ten_seconds_it_begins_afresh() -> None:
    """And when the clock was set back."""
    marks = Marks()
    for now_us in (NOW, NOW + 10 * S, NOW + 3 * S):
        marks.begin((), now_us=now_us)
        assert marks.start_us("shop") == 0
        marks.found("shop", now_us, now_us=now_us)
        marks.begin((), now_us=now_us + 9 * S)
        assert marks.start_us("shop") > 0

"""How much of the queue one source may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import SourceFull
from adapter.queue.codec import encode
from adapter.queue.shares import BESIDE_BODY_BYTES, Shares, Usage, fair_cap
from tests.fakes import make_event


@pytest.mark.parametrize(
    ("others", "own", "adding", "fits"),
    [
        (0, 49, 1, True),
        (0, 50, 1, False),
        (50, 24, 1, True),
        (50, 25, 1, False),
        (75, 0, 12, True),
        (75, 0, 13, False),
    ],
)
def test_a_source_may_hold_half_of_what_the_others_leave(others: int, own: int, adding: int, fits: bool) -> None:
    """In events and in bytes alike; so each next source still finds room."""
    held = {"a": Usage(others, others), "shop": Usage(own, own)}
    for shares, more in ((Shares(100), Usage(adding, 0)), (Shares(10**9, 100), Usage(0, adding))):
        assert (shares.excess(held, "shop", more) == "") is fits


def test_the_only_source_may_hold_everything() -> None:
    """The limits of the queue are its limits."""
    assert Shares(100, 100, divided=False).excess({"shop": Usage(99, 99)}, "shop", Usage(50, 50)) == ""


def test_a_queue_for_one_event_takes_one() -> None:
    """Half of it would be none, and a sender would be sent away from an empty queue."""
    assert Shares(1).excess({}, "shop", Usage(1)) == ""
    assert Shares(1).excess({"shop": Usage(1)}, "shop", Usage(1)) != ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=60))
def test_room_is_left_whatever_the_sources_do(puts: list[tuple[str, int]]) -> None:
    """However three sources push, a fourth may hold at least a sixteenth of the queue."""
    shares, held = Shares(1600), dict[str, Usage]()
    for source, count in puts:
        if not shares.excess(held, source, Usage(count)):
            held[source] = Usage(held.get(source, Usage()).events + count)
    assert shares.excess(held, "d", Usage(100)) == ""


def test_a_put_of_several_sources_is_judged_by_source() -> None:
    """The one that is over is named; bodies count with what an event takes beside them."""
    rows = [encode(make_event("m-1")), encode(make_event("m-2", source="app"))]
    size = len(rows[0].body) + BESIDE_BODY_BYTES
    Shares(100, 2 * size + 200).admit({}, rows)
    with pytest.raises(SourceFull, match="app has as many bytes"):
        Shares(100, 4 * size).admit({"app": Usage(1, 2 * size)}, rows)


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(0, 3000))
def test_only_the_largest_give(sizes: list[int], most: int) -> None:
    """Cut down to the cap all fit together; and no source with less than an equal part is cut."""
    cap = fair_cap(sizes, most)
    assert sum(min(size, cap) for size in sizes) <= most
    assert all(size <= cap for size in sizes if size * len(sizes) <= most)
    if sum(sizes) <= most:
        assert all(size <= cap for size in sizes)

"""The filter of ids seen finds every id that was added, and few that were not."""

import random

import pytest

from adapter.queue.sqlite.seen_filter import BYTES_AN_ID, SPANS, SpanFilter, spans_in

ALL = (1 << SPANS) - 1


def digests(count: int, *, seed: int, name: bytes | None = None) -> list[bytes]:
    """As `codec.digest_of` makes them: 12 bytes of an id, and 4 of a name that many share."""
    chance = random.Random(seed)  # noqa: S311 - to repeat a run
    return [chance.randbytes(12) + (chance.randbytes(4) if name is None else name) for _ in range(count)]


def found(filter_: SpanFilter, asked: list[bytes], spans: int = ALL) -> dict[bytes, int]:
    return dict(filter_.hits(asked, spans))


@pytest.mark.parametrize("name", [None, b"name"], ids=["many names", "one name"])
def test_few_other_ids_are_found(name: bytes | None) -> None:
    """Eight full spans of a filter as large as it is made: at most 2 % of the ids that were not added are found."""
    filter_ = SpanFilter(bytearray(1 << 16))
    # As full as 32 MB are with 20 million ids.
    ids = 20_000_000 // SPANS * len(filter_.bits) // (1 << 25)
    assert ids * BYTES_AN_ID <= len(filter_.bits) < 2 * ids * BYTES_AN_ID
    for span in range(SPANS):
        filter_.add(digests(ids, seed=span, name=name), span)
    assert len(found(filter_, digests(20_000, seed=99, name=name))) <= 400


def test_each_is_found_in_its_span_only() -> None:
    """As far as a filter can know, and only in the requested spans."""
    filter_ = SpanFilter(bytearray(1 << 16))
    spans = [digests(100, seed=span) for span in range(SPANS)]
    for span, ids in enumerate(spans):
        filter_.add(ids, span)
    for span, ids in enumerate(spans):
        assert found(filter_, ids) == dict.fromkeys(ids, 1 << span)
        assert found(filter_, ids, ALL & ~(1 << span)) == {}


def test_events_of_one_id_with_other_names_are_reported_apart() -> None:
    """Of one message that was split only the parts that came are found."""
    filter_ = SpanFilter(bytearray(1 << 16))
    [one], [other] = (digests(1, seed=1, name=name) for name in (b"one.", b"two."))
    filter_.add([one], 0)
    assert (found(filter_, [one]), found(filter_, [other])) == ({one: 1}, {})


@pytest.mark.parametrize(("wanted", "size"), [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (100, 128)])
def test_it_grows_in_powers_of_two_and_never_shrinks(wanted: int, size: int) -> None:
    filter_ = SpanFilter(bytearray(8))
    filter_.grow(wanted)
    assert len(filter_.bits) == size


def test_growing_and_clearing_lose_nothing_else() -> None:
    """What was added before is found in the larger filter; a cleared span is empty, and the others are not."""
    filter_ = SpanFilter(bytearray(1 << 8))
    ids = digests(10, seed=1)
    filter_.add(ids, 0)
    filter_.add(ids, 7)
    for power in range(9, 22):
        filter_.grow((1 << power) - 1)
        assert len(filter_.bits) == 1 << power
        assert all(spans & 0b1000_0001 == 0b1000_0001 for spans in found(filter_, ids).values())
        assert len(found(filter_, ids)) == len(ids)
    assert len(filter_.bits) == 1 << 21, "more than one piece of `clear`"
    filter_.clear(0b0000_0001)
    assert set(found(filter_, ids).values()) == {0b1000_0000}
    assert not any(byte & 1 for byte in filter_.bits)


def test_the_bits_of_a_mask() -> None:
    """Each span has one."""
    assert (spans_in(0), spans_in(0b1000_0101)) == ([], [0, 2, 7])

"""Causes are compared without what names one event."""

import pytest

from adapter.queue.causes import fold_cause


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("request 17 failed", "request 18 failed"),
        ("key 'a' of \"b\"", "key 'c' of \"d e\""),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-0000-0000-000000000000"),
        ("trace 4bf92f3577b34da6", "trace 00f067aa0ba902b7"),
        ("order o-777  is unknown", "order o-12 is unknown"),
    ],
)
def test_ids_are_folded(one: str, other: str) -> None:
    """Numbers, quoted parts, UUIDs, hexadecimal digits and words with digits."""
    assert fold_cause(one) == fold_cause(other)


def test_words_are_not() -> None:
    """Two causes stay two."""
    assert fold_cause("`total` is required") == fold_cause("`price` is required") == "# is required"
    assert fold_cause("event is too long") != fold_cause("user is too long")
    assert len(fold_cause("a" * 100_000)) == 1000

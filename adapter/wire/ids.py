"""Which texts are no ids, though they stand where one should. Pure."""

from collections.abc import Iterable
from typing import Final

NO_IDS: Final = frozenset({"undefined", "null", "none", "nan", "(null)", "[object object]"})
"""What JavaScript, Python, Objective-C and templates write for a missing value. One of them as a user id would make one
person of all visitors."""


def no_ids(*, not_ids: Iterable[str] = (), is_id: Iterable[str] = ()) -> frozenset[str]:
    """`NO_IDS` with those of `not_ids` and without those of `is_id`, for `is_no_id`."""
    return NO_IDS.union(map(_folded, not_ids)).difference(map(_folded, is_id))


def is_no_id(text: str, words: frozenset[str]) -> bool:
    """Whether `text` is one of `words`, which `no_ids` made, in any case of letters and with any space around it."""
    return _folded(text) in words


def _folded(text: str) -> str:
    return text.strip().casefold()

"""Texts that are not ids although they are in the place of one. Pure."""

from collections.abc import Iterable
from typing import Final

from adapter.wire.normal_forms import normalized

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
NO_IDS: Final = frozenset({"undefined", "null", "none", "nan", "(null)", "[object object]"})
"""What JavaScript, Python, Objective-C and templates write for a missing value. As a user id, one of them would make
one person of all visitors.
"""


def no_ids(*, not_ids: Iterable[str] = (), is_id: Iterable[str] = ()) -> frozenset[str]:
    """`NO_IDS` with those of `not_ids` and without those of `is_id`, for `is_no_id`."""
    return NO_IDS.union(map(_folded, not_ids)).difference(map(_folded, is_id))


def is_no_id(text: str, words: frozenset[str]) -> bool:
    """Whether `text` is one of `words`, made by `no_ids`, in any case, width of letters and spacing."""
    folded = text.strip().casefold()
    if folded in words:
        return True
    # Almost no id has either, and this is called several times for each event.
    return (" " in folded or not folded.isascii()) and _folded(text) in words


def _folded(text: str) -> str:
    if not text.isascii():
        # Full-width letters count as letters, and invisible characters are ignored.
        text = normalized("NFKC", text).translate(_INVISIBLE)
    return " ".join(text.casefold().split())

"""Texts that are not ids although they are in the place of one. Pure."""

from collections.abc import Iterable
from typing import Final

from adapter.wire.normal_forms import normalized

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_REPLACEMENT: Final = "\ufffd"
"""What is left of characters that were lost on the way: an id of these alone is the same for every lost id."""
NO_IDS: Final = frozenset({"undefined", "null", "none", "nan", "(null)", "[object object]"})
"""What JavaScript, Python, Objective-C and templates write for a missing value. As a user id, one of them would make
one person of all visitors.
"""


_EXACT: Final = 2.0**53
"""Up to here a float has every digit of an integer."""


def is_rounded(value: object) -> bool:
    """Whether `value` is a number that stands for several integers, as those beyond 64 bits do after decoding.

    As an id it would make one person, or one message, of several.
    """
    return isinstance(value, float) and abs(value) >= _EXACT


def no_ids(*, not_ids: Iterable[str] = (), is_id: Iterable[str] = ()) -> frozenset[str]:
    """`NO_IDS` with those of `not_ids` and without those of `is_id`, for `is_no_id`."""
    return NO_IDS.union(map(_folded, not_ids)).difference(map(_folded, is_id))


def is_no_id(text: str, words: frozenset[str]) -> bool:
    """Whether `text` is one of `words`, made by `no_ids`, in any case, width of letters and spacing; or has nothing
    visible.
    """
    folded = text.strip().casefold()
    if folded in words:
        return True
    # Almost no id has either, and this is called several times for each event.
    if folded.isascii() and " " not in folded:
        return False
    shown = _folded(text)
    return shown in words or not shown.replace(_REPLACEMENT, "")


def _folded(text: str) -> str:
    if not text.isascii():
        # Full-width letters count as letters, and invisible characters are ignored.
        text = normalized("NFKC", text).translate(_INVISIBLE)
    return " ".join(text.casefold().split())

"""Numbers as people write them, with separators that the mapping names and with a currency. Pure; guesses nothing."""

import re
from collections.abc import Callable
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import number_of

DECIMALS: Final = (".", ",")
THOUSANDS: Final = (",", ".", " ", "'")
MAX_CHARS: Final = 100
"""A longer text is not an amount. This also limits what a pattern has to search."""

CURRENCY_SIGNS: Final = "$¢£¤¥֏؋߾߿৲৳৻૱௹฿៛\u20a0-\u20c0꠸﷼﹩＄￠￡￥￦"
"""The currency signs of Unicode (category Sc) within its first plane, as the inside of a class of characters."""

_CURRENCY: Final = rf"(?:[A-Z]{{0,2}}[{CURRENCY_SIGNS}]|[A-Z]{{3}})"
_SPACES: Final = "[ \u00a0\u2009\u202f]"
_WRITTEN: Final = {" ": _SPACES, "'": "['\u2019]"}
_MINUS: Final = "\u2212"


def amount_reader(*, decimal: str, thousands: str | None) -> Callable[[Any], Any]:
    """Reads a text such as `-$1,234.50` or `1.234,50 EUR` as a number; ABSENT for what is not written exactly so.

    `decimal` is one of DECIMALS, `thousands` one of THOUSANDS and another sign, or None where there is none. A space
    stands for every space that does not break, too, and an apostrophe for the typographic one. Groups behind a
    separator have three digits, or two as in India (`12,34,567`), the last one three. A currency is a sign, with up to
    two capitals before it, or three capitals (ISO 4217). A number stays as it is.
    """
    group = None if thousands is None else _WRITTEN.get(thousands, re.escape(thousands))
    whole = "[0-9]+" if group is None else rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+"
    digits = rf"(?P<whole>{whole})?(?:{re.escape(decimal)}(?P<rest>[0-9]+))?"
    sign = rf"[-+{_MINUS}]"
    gap = rf"{_SPACES}?"
    pattern = re.compile(rf"(?P<sign>{sign})?{gap}(?:{_CURRENCY}{gap})?(?P<inner>{sign})?{digits}(?:{gap}{_CURRENCY})?")

    def read(value: Any) -> Any:
        if type(value) is not str:
            return number_of(value)
        found = pattern.fullmatch(value.strip()) if len(value) <= MAX_CHARS else None
        if found is None or (found["sign"] and found["inner"]):
            return ABSENT
        is_negative = (found["sign"] or found["inner"]) in {"-", _MINUS}
        plain = re.sub("[^0-9]", "", found["whole"] or "")
        rest = f".{found['rest']}" if found["rest"] else ""
        return number_of(f"{'-' if is_negative else ''}{plain}{rest}")

    return read

"""Personal data in texts: e-mail addresses, telephone numbers, payment card numbers. Pure.

Every search takes time linear in the text, whatever the text is: repetitions are possessive or short, and card numbers
are checked by sums made once for a whole run of digits.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Span: TypeAlias = tuple[int, int]
Find: TypeAlias = Callable[[str], Iterable[Span]]
"""The spans of a kind of data in a text, in order and without overlap."""

_UNSEEN: Final = "\u00ad\u200b-\u200f\u2060\ufeff"
"""Invisible characters that copied text may contain."""
_AT: Final = r"@|\uff20|\ufe6b|%(?:25)*40|&\#0*64;|&commat;"
_DOT: Final = r"(?:[.\u3002\uff0e\ufe52\uff61]|%(?:25)*2[Ee])"
_EMAIL: Final = re.compile(
    rf"(?<![\w.+'{_UNSEEN}-])[\w.+'{_UNSEEN}-]++(?:{_AT})(?:[^\W_][\w-]*+{_DOT})+(?P<last>[^\W\d_][\w-]++)"
)
"""Wider than RFC 5321, as senders write addresses: any script; `@` and dots as forms, pages and keyboards write
them.
"""
_AT_SIGN: Final = re.compile(_AT)
_DOTS: Final = re.compile(_DOT)
_UNSEEN_IN: Final = re.compile(f"[{_UNSEEN}]")
_FILES: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "ts", "json"})
"""Ends of file names that are not top-level domains: `logo@2x.png` and `app@next.js` are not addresses."""

_BETWEEN: Final = rf"\s.\-\u2010-\u2015\u2212\u00b7_/{_UNSEEN}"
_ENCODED: Final = r"%20|%2[DdBb]|%[Cc]2%[Aa]0"
"""A space, a hyphen, a plus and a no-break space as encoded in URLs."""
_GAP: Final = rf"(?:[{_BETWEEN}+]|{_ENCODED})"
"""Separators between the digits of a number."""
_PHONE: Final = re.compile(
    rf"(?:(?<![\w+])[+\uff0b\ufe62]|%2[Bb])(?:(?:{_GAP}|[()\[\]]|%28|%29){{0,3}}+\d){{8,15}}(?!\d)"
)
"""E.164: `+` and at most 15 digits."""

_DIGITS: Final = re.compile(rf"(?:(?<![^\W_])(?<!%)|(?<=%[0-9A-Fa-f]{{2}}))\d(?:{_GAP}{{0,3}}+\d){{12,}}+")
_GROUP: Final = re.compile(rf"(?:{_ENCODED})*(?P<digits>\d+)")
_13_TO_19: Final = (19, 18, 17, 16, 15, 14, 13)
_14_TO_19: Final = (19, 18, 17, 16, 15, 14)
_16_TO_19: Final = (19, 18, 17, 16)
_ISSUERS: Final[Sequence[tuple[int, int, Sequence[int]]]] = (
    (2200, 2204, _16_TO_19), (2221, 2720, (16,)), (3000, 3059, _14_TO_19), (3095, 3095, _14_TO_19),
    (3400, 3499, (15,)), (3528, 3589, _16_TO_19), (3600, 3699, _14_TO_19), (3700, 3799, (15,)),
    (3800, 3999, _14_TO_19), (4000, 4999, (19, 16, 13)), (5018, 5018, _13_TO_19), (5020, 5020, _13_TO_19),
    (5038, 5038, _13_TO_19), (5060, 5067, _16_TO_19), (5100, 5599, (16,)), (5893, 5893, _13_TO_19),
    (6011, 6011, _16_TO_19), (6062, 6062, (16,)), (6200, 6299, _16_TO_19), (6304, 6304, _13_TO_19),
    (6390, 6390, _13_TO_19), (6440, 6599, _16_TO_19), (6759, 6763, _13_TO_19),
)  # fmt: skip
"""First four digits, from and to, and the number of digits of such a card.

Source: the ranges of ISO/IEC 7812 as listed at https://en.wikipedia.org/wiki/Payment_card_number (Visa, Mastercard,
American Express, Diners Club, Discover, JCB, UnionPay, Maestro, Mir, Verve, Hipercard).
"""
_LENGTHS: Final[Sequence[Sequence[int]]] = tuple(
    next((lengths for low, high, lengths in _ISSUERS if low <= number <= high), ()) for number in range(10_000)
)
"""The numbers of digits of a card, by its first four; longest first, because a longer card may begin like a shorter
one.
"""
_CARD_CHARS: Final = min(min(lengths) for _, _, lengths in _ISSUERS)


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        if match["last"].lower() not in _FILES:
            # Quotation marks are allowed at the beginning of an address, but are rarely part of it.
            yield match.end() - len(match[0].lstrip(".'-")), match.end()


def _phones(text: str) -> Iterator[Span]:
    return (match.span() for match in _PHONE.finditer(text))


def _cards(text: str) -> Iterator[Span]:
    for run in _DIGITS.finditer(text):
        yield from _cards_in(text, [match.span("digits") for match in _GROUP.finditer(text, *run.span())])


def _cards_in(text: str, groups: Sequence[Span]) -> Iterator[Span]:
    """The cards among groups of digits with only separators between them; a card is one or more whole groups."""
    digits = [int(digit) for start, end in groups for digit in text[start:end]]
    luhn = _luhn_sums(digits)
    ends = dict(zip(accumulate(end - start for start, end in groups), groups, strict=True))
    reached = 0
    for place, group in zip((0, *ends), groups, strict=False):
        if place < reached or place + _CARD_CHARS > len(digits):
            continue
        first = digits[place : place + 4]
        for length in _LENGTHS[first[0] * 1000 + first[1] * 100 + first[2] * 10 + first[3]]:
            last = ends.get(place + length)
            if last is not None and luhn(place, place + length) % 10 == 0 and _is_whole(text, group[0], last[1]):
                yield group[0], last[1]
                reached = place + length
                break


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether no letter, and no decimal point with a digit after it, joins this part of a text to its surroundings."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    if text[max(start - 3, 0) : start - 2] == "%":
        before = ""
    if before[-1:].isalnum() or after[:1].isalnum():
        return False
    is_fraction = len(before) == 2 and before[1] in ".," and before[0].isdigit()
    has_fraction = len(after) == 2 and after[0] in ".," and after[1].isdigit()
    return not is_fraction and not has_fraction


def _luhn_sums(digits: Sequence[int]) -> Callable[[int, int], int]:
    """The sum of Luhn's check (ISO/IEC 7812-1, annex B) for any part of `digits`, each in constant time."""
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits]
    odd = [0, *accumulate(doubled[n] if n % 2 else digit for n, digit in enumerate(digits))]
    even = [0, *accumulate(digit if n % 2 else doubled[n] for n, digit in enumerate(digits))]
    return lambda start, end: odd[end] - odd[start] if end % 2 else even[end] - even[start]


HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {"email": _AT, "phone": r"[+\uff0b\ufe62]|%2[Bb]", "card": rf"\d(?:[\d{_BETWEEN}+]|{_ENCODED}){{11}}"}
)
"""For each kind, a pattern that every text with such data matches; most texts do not, and need no search."""
FINDERS: Final[Mapping[str, Find]] = MappingProxyType({"email": _emails, "phone": _phones, "card": _cards})
"""The kinds of data that a guard of `values` finds, by their names there."""
CALLED: Final[Mapping[str, str]] = MappingProxyType(
    {"email": "an e-mail address", "phone": "a telephone number", "card": "the number of a payment card"}
)
"""The same in words for people."""


def replace_found(text: str, find: Find, change: Callable[[str], Any]) -> str:
    """`text` with every part that `find` finds changed; a part whose change is not a text is removed."""
    made: list[str] = []
    reached = 0
    for start, end in find(text):
        changed = change(_plain(text[start:end]))
        made.append(text[reached:start])
        if type(changed) is str:
            made.append(changed)
        reached = end
    return "".join((*made, text[reached:])) if made else text


def _plain(part: str) -> str:
    """`part` as written alone, so that one address has one hash."""
    at_sign = _AT_SIGN.search(part)
    return (
        part
        if at_sign is None
        else _UNSEEN_IN.sub("", _DOTS.sub(".", f"{part[: at_sign.start()]}@{part[at_sign.end() :]}"))
    )

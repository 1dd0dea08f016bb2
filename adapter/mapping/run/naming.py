"""Names of events and fields: the words of a text, and the spellings made of them. Pure functions.

`fold` is the spelling by which two names count as equal: `Order Completed`, `order_completed` and `orderCompleted` fold
to one text, `ordercompleted` to another, because it has other words.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Final

from adapter.wire.normal_forms import normalized

_ASCII_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_ASCII_WORD_WITH_SYMBOLS: Final = re.compile(r"[A-Za-z0-9]+(?:(?<=[A-Za-z])[+#]+(?![A-Za-z0-9+#]))?")
_ASCII_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f"
    "\ufeff\U000e0000-\U000e0fff]"
)
"""Soft hyphen, direction marks, word joiner and variation selectors: they change the look of a word, not which word it
is (Unicode's Default_Ignorable_Code_Point, without the joiners and blanks, which separate words)."""
_JOINERS: Final = "\u200c\u200d"
"""ZWNJ and ZWJ, which spell words in Persian, Sinhala and the scripts of India."""


def nfc(text: str) -> str:
    """The text in composed form, so that é is one character however a sender wrote it."""
    return text if text.isascii() else normalized("NFC", text)


def split_words(text: str) -> list[str]:
    """The words of a text in NFC. camelCase is split only if nothing else separates words.

    A word begins with a letter or digit; marks only follow one, joiners occur only inside. `+` and `#` stay at the end
    of a word, directly after a letter: C++ and C# are not C.
    """
    if text.isascii():
        # Almost every name matches; the longer expression takes twice as long.
        pattern = _ASCII_WORD_WITH_SYMBOLS if "+" in text or "#" in text else _ASCII_WORD
        words = pattern.findall(text)
        return words if len(words) != 1 else _ASCII_CAMEL.split(words[0])
    words = _unicode_words(_INVISIBLE.sub("", text))
    return words if len(words) != 1 else _split_camel(words[0])


def spell(text: str, *, separator: str) -> str:
    """The words of `text` in lower case with `separator` between them; a text without words is unchanged."""
    if text.isascii():
        return separator.join(split_words(text)).lower() or text
    composed = nfc(text)
    return nfc(separator.join(split_words(composed)).lower()) or composed


def snake(text: str) -> str:
    """`snake_case`; a text without words is unchanged."""
    return spell(text, separator="_")


def kebab(text: str) -> str:
    """`kebab-case`, of the same words."""
    return spell(text, separator="-")


def fold(text: str) -> str:
    """The form in which names are compared: same words, same order. Folding twice changes nothing."""
    return snake(text)


def _unicode_words(text: str) -> list[str]:
    words: list[str] = []
    word, joiners, symbols = "", "", ""
    is_behind_letter = False
    for character in (*text, ""):
        if character.isalnum() or (word and not symbols and _is_mark(character)):
            if symbols:
                words.append(word)
                word, symbols = "", ""
            word += joiners + character
            is_behind_letter = character.isalpha() or (is_behind_letter and not character.isalnum())
            joiners = ""
        elif character and character in _JOINERS and word and not symbols:
            joiners += character
        elif character and character in "+#" and is_behind_letter and not joiners:
            symbols += character
        elif word:
            words.append(word + symbols)
            word, joiners, symbols = "", "", ""
            is_behind_letter = False
    return words


def _is_mark(character: str) -> bool:
    """A mark that is part of a letter; enclosing marks (Me) are drawn around one."""
    return character != "" and unicodedata.category(character) in {"Mn", "Mc"}


def _split_camel(word: str) -> list[str]:
    """The parts of one word of camelCase in any script with capitals; marks stay with their letter."""
    letters = _letters(word)
    parts, part = [], letters[0]
    for place in range(1, len(letters)):
        before, letter = letters[place - 1], letters[place]
        follows = letters[place + 1] if place + 1 < len(letters) else ""
        if _is_capital(letter) and (
            before[0].islower() or before[0].isdecimal() or (_is_capital(before) and follows[:1].islower())
        ):
            parts.append(part.rstrip(_JOINERS))
            part = ""
        part += letter
    return [*parts, part]


def _letters(word: str) -> list[str]:
    """Letters and digits, each with the marks, joiners and symbols after it."""
    starts = [place for place, character in enumerate(word) if character.isalnum()]
    return [word[start:end] for start, end in pairwise([*starts, len(word)])]


def _is_capital(letter: str) -> bool:
    return letter[0].isupper() or letter[0].istitle()

"""Makes text from outside safe to show: on a terminal, in a log line, in a table. Pure.

A character is replaced by U+FFFD if it can control a terminal, start a new line, change the order in which text is
shown, or is invisible. The result has the length of the input, so columns and carets stay right.
"""

import re
from collections.abc import Callable
from typing import Final

_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_SEPARATORS: Final = "\u2028\u2029"
_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks, embeddings, overrides and isolates: Unicode's property Bidi_Control."""
_HIDDEN: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff"
)
"""Characters without width or ink (Unicode's Default_Ignorable_Code_Point): they hide text, or make two texts look
alike. Joiners and variation selectors are judged by their neighbours, because words and emoji are written with them.
"""
_HALVES: Final = "\ud800-\udfff"
_NONCHARACTERS: Final = "\ufffe\uffff"
_JOINER: Final = "[\u200c\u200d]"
_JOINABLE: Final = "[^\x00-\xa0\u200c\u200d]"
_STRAY_JOINER: Final = f"(?<!{_JOINABLE}){_JOINER}|{_JOINER}(?!{_JOINABLE})"
_STRAY_SELECTOR: Final = "(?<![^\ufe00-\ufe0f])[\ufe00-\ufe0f]"
_ALWAYS: Final = f"{_CONTROL}{_SEPARATORS}{_DIRECTION}{_HIDDEN}{_HALVES}{_NONCHARACTERS}"
_UNPRINTABLE: Final = re.compile(f"[\n{_ALWAYS}]|{_STRAY_JOINER}|{_STRAY_SELECTOR}")
_UNPRINTABLE_IN_LINES: Final = re.compile(f"[{_ALWAYS}]|{_STRAY_JOINER}|{_STRAY_SELECTOR}")
_REPLACEMENT: Final = "\ufffd"


def printable(text: str) -> str:
    """`text` as one line that is safe to show; tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(_REPLACEMENT, text)


def printable_lines(text: str) -> str:
    """`text` written by the adapter, possibly of several lines; text that was inserted must be printable."""
    return _UNPRINTABLE_IN_LINES.sub(_REPLACEMENT, text)


def json_escape(character: str) -> str:
    """The escape of JSON, in UTF-16 units: a character outside the first plane has two."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def escape_unprintable(json_text: str, *, escape: Callable[[str], str] = json_escape) -> str:
    """The same JSON or YAML, with an escape for each character that `printable` would replace."""
    if json_text.isascii() and "\x7f" not in json_text:
        return json_text
    return _UNPRINTABLE_IN_LINES.sub(lambda found: escape(found[0]), json_text)

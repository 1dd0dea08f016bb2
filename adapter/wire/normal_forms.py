"""Unicode's normal forms in linear time. Pure.

`unicodedata.normalize` sorts the marks after a letter by insertion: 500,000 marks after one letter, which a sender may
write, take two minutes. No language has more than 30 there, and Unicode's stream-safe form allows no more
(https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format), so longer runs are normalized in pieces.
"""

import re
import sys
import unicodedata
from functools import cache
from typing import Final, Literal, TypeAlias

NormalForm: TypeAlias = Literal["NFC", "NFKC"]
_ROW: Final = 30
_SHORT: Final = 500
"""Characters of a text in which any run is short enough."""


def normalized(form: NormalForm, text: str) -> str:
    """`text` in the normal form; a run of more than 30 marks is normalized in pieces of 30."""
    if text.isascii():
        return text
    if len(text) <= _SHORT or _long_row().search(text) is None:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, piece) for piece in _pieces().findall(text))


@cache
def _marks() -> str:
    """A class of all characters that combine with the one before; built when a long text first needs it."""
    marks = [code for code in range(0x300, sys.maxunicode) if unicodedata.combining(chr(code))]
    return "".join(f"\\U{code:08x}" for code in marks)


@cache
def _long_row() -> re.Pattern[str]:
    return re.compile(f"[{_marks()}]{{{_ROW + 1}}}")


@cache
def _pieces() -> re.Pattern[str]:
    return re.compile(f"[^{_marks()}]+[{_marks()}]{{0,{_ROW}}}|[{_marks()}]{{1,{_ROW}}}")

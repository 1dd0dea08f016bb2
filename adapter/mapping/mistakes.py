"""Explains a code: its meaning, a mapping with that mistake, and the finding of `check`, which says how to fix it."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from adapter.bundled import bundled
from adapter.files.finding import as_text
from adapter.mapping.language.codes import CODES
from adapter.mapping.load import check
from adapter.model import Event, JsonObject

MARK: Final = "¦"
"""Marks the place of the mistake."""

_CODE: Final = re.compile(r"[EW]\d{3}", re.IGNORECASE)
_HEAD: Final = "version: 1\n"
_ELSEWHERE: Final = {
    "E109": "The schema of mapping files has a rule that no other code is about; the message says which.",
    "E155": "A mapping that hashes needs `hash_key` (ADAPTER_HASH_KEY): make one with `openssl rand -hex 32`.",
    "E159": "The message names the extra: install it with `pip install 'browsee-adapter[NAME]'`.",
    "E165": "Name a database of places: `geo: {database: …}` or ADAPTER_GEO_DATABASE.",
}
"""What to do about codes that no mapping alone causes."""


def is_code(text: str) -> bool:
    """Whether `text` has the form of a code."""
    return _CODE.fullmatch(text) is not None


@cache
def mistakes() -> Mapping[str, str]:
    """By code, a mapping with that mistake, with MARK before its place."""
    parts = bundled("schemas/adapter/mistakes.txt").read_text(encoding="utf-8").split("== ")[1:]
    found = (part.partition("\n") for part in parts)
    return {code: text if _is_whole(text) else _HEAD + text for code, _, text in found}


def _is_whole(text: str) -> bool:
    """A mistake at the beginning of the file needs no header."""
    return not text.strip(f"{MARK}\n") or text.startswith(("version", f"{MARK}version", f"{MARK}["))


def explain_code(code: str) -> str | None:
    """The explanation of `code`, in lines; None if it is not a code of mappings."""
    code = code.upper()
    if code not in CODES:
        return None
    title = f"{code}: {CODES[code]}."
    if code not in mistakes():
        return f"{title}\n\n{_ELSEWHERE[code]}"
    text = mistakes()[code].replace(MARK, "")
    said = [as_text(finding) for finding in check(text, file="example.yaml", read=_no_message) if finding.code == code]
    example = "".join(f"  {line}\n" for line in text.rstrip("\n").split("\n"))
    return f"{title}\n\nExample:\n\n{example}\n`check` says:\n\n" + "\n".join(said)


def _no_message(message: JsonObject) -> Event:
    raise AssertionError(f"an example has no tests, but this message: {sorted(message)}")

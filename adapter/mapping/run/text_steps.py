"""The steps on text. Pure functions of one text; ABSENT if they cannot be applied."""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.naming import nfc
from adapter.mapping.run.pattern import MAX_SEARCHED

MAX_TEXT: Final = 65_536
"""Characters of a text that a step makes. A longer one is not made, so that no mapping can inflate an event."""

_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
_HEX: Final = re.compile(r"[0-9a-fA-F]*")


def title(text: str) -> str:
    """Every word with a capital first letter, the rest in lower case; an apostrophe does not begin a word."""
    return re.sub(r"\S+", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


def composed(pure: Callable[[str], str]) -> Callable[[str], str]:
    """`pure` with its result in NFC, as for every step on text: é is one character however a sender wrote it."""
    return lambda text: made if (made := pure(text)).isascii() else nfc(made)


def within_limit(text: str) -> Any:
    """The text in NFC, or ABSENT if it is longer than the limit of a step."""
    made = nfc(text) if len(text) <= MAX_TEXT else text
    return made if len(made) <= MAX_TEXT else ABSENT


def truncating(length: int) -> Callable[[str], str]:
    """At most `length` characters of the composed text."""
    return lambda text: nfc(text)[:length]


def splitting(separator: str) -> Callable[[str], list[str]]:
    """The parts between separators, composed."""
    return lambda text: nfc(text).split(separator)


def replacing(find: str, put: str, *, ignore_case: bool, once: bool) -> Callable[[str], Any]:
    """`find` replaced by `put`, everywhere or once; ABSENT if the text becomes too long."""
    count = 1 if once else -1
    if not ignore_case:
        return lambda text: within_limit(text.replace(find, put, count))
    pattern = re.compile(re.escape(find), re.IGNORECASE)
    return lambda text: within_limit(pattern.sub(lambda _match: put, text, count=max(count, 0)))


def substituting(pattern: re.Pattern[str], put: str, *, once: bool) -> Callable[[str], Any]:
    """The matches of `pattern` replaced by `put`, everywhere or once.

    ABSENT for a text that is too long to be searched: the unsearched rest could contain what the pattern is to remove.
    """
    return lambda text: within_limit(pattern.sub(put, text, count=int(once))) if len(text) <= MAX_SEARCHED else ABSENT


def extracting(pattern: re.Pattern[str]) -> Callable[[str], Any]:
    """The first group of the match of `pattern`, or the match if there is no group; ABSENT without a match."""

    def extract(text: str) -> Any:
        found = pattern.search(text[:MAX_SEARCHED])
        if found is None:
            return ABSENT
        taken = found[1] if pattern.groups else found[0]
        return ABSENT if taken is None else nfc(taken)

    return extract


def strip_query(text: str) -> str:
    """A URL up to its query or fragment."""
    return _QUERY.sub("", text, count=1)


def keyed_hash(key: str) -> Callable[[str], str]:
    """HMAC-SHA-256 in hexadecimal digits."""
    secret = key.encode()
    return lambda text: hmac.digest(secret, _bytes(text), "sha256").hex()


def plain_hash(algorithm: str) -> Callable[[str], str]:
    """`sha256` or `md5` in hexadecimal digits; a text that is such a hash already stays, as in Segment."""
    digits = 64 if algorithm == "sha256" else 32

    def digest(text: str) -> str:
        if len(text) == digits and _HEX.fullmatch(text):
            return text
        return hashlib.new(algorithm, _bytes(text), usedforsecurity=False).hexdigest()

    return digest


def _bytes(text: str) -> bytes:
    # A lone surrogate cannot be written as UTF-8; it must not stop the field from being hashed.
    return text.encode("utf-8", "surrogatepass")


def masking(keep: int) -> Callable[[str], str]:
    """Asterisks, except for the last `keep` characters; a text of no more characters is all asterisks."""
    return lambda text: "*" * len(text) if len(text) <= keep else "*" * (len(text) - keep) + text[len(text) - keep :]


def joining(separator: str, text_of: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    """One text made of the members of a list; ABSENT if there are none, one is not a text, or the result is too
    long.
    """

    def join(members: list[Any]) -> Any:
        texts = [text_of(member) for member in members]
        return ABSENT if not texts or ABSENT in texts else within_limit(separator.join(texts))

    return join

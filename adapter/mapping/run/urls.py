"""Parts of a URL, or of a query alone: percent-decoded, ABSENT if missing; nothing raises. Pure."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.text_steps import MAX_TEXT, within_limit

PARTS: Final = ("host", "domain", "path")


def part_of(part: str) -> Callable[[str], Any]:
    """Reads `host` (with a port), `domain` (without `www.` and port) or `path`."""
    return _PARTS[part]


def parameter(name: str) -> Callable[[str], Any]:
    """Reads the first parameter called `name`: `+` is a space. A text without `?` may be the query alone."""

    def read(text: str) -> Any:
        for pair in _query(text).split("&"):
            key, _, value = pair.partition("=")
            # Almost every key is a plain name, which decodes to itself.
            if key == name or (("%" in key or "+" in key) and unquote_plus(key) == name):
                return within_limit(unquote_plus(value)) if value else ABSENT
        return ABSENT

    return read


def is_readable(text: str) -> bool:
    """Whether parts can be read: the URL is not too long, and its brackets and port are valid."""
    if len(text) > _MAX_KNOWN:
        return len(text) <= MAX_TEXT and _has_bounds(text)
    return _known(text)


def _has_bounds(text: str) -> bool:
    try:
        return urlsplit(text).port is not False
    except ValueError:
        return False


_MAX_KNOWN: Final = 2_000
_known: Final = lru_cache(100)(_has_bounds)
"""Cached, because mappings read several parts of the one URL of an event. A longer URL is not cached."""


def _query(text: str) -> str:
    before, mark, query = text.partition("?")
    if not mark:
        query = before if "=" in before and "/" not in before.partition("=")[0] else ""
    return query.partition("#")[0]


def _host(text: str) -> Any:
    place = urlsplit(text).netloc.rpartition("@")[2].lower()
    return place or ABSENT


def _domain(text: str) -> Any:
    host = urlsplit(text).hostname
    return host.removeprefix("www.") or ABSENT if host else ABSENT


def _path(text: str) -> Any:
    return within_limit(unquote(urlsplit(text).path)) or ABSENT


_PARTS: Final = {"host": _host, "domain": _domain, "path": _path}

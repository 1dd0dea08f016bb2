"""The user agent of a browser, read by ua-parser, which is an extra: `pip install "browsee-adapter[ua]"`.

Measured: 16 µs for a new text, with the extra's engine in Rust; texts recur, so the last 10,000 are cached.
"""

import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any, Final

from adapter.mapping.run.absent import ABSENT

PARTS: Final = ("browser", "browser_version", "os", "os_version", "device", "brand")
INSTALL: Final = 'pip install "browsee-adapter[ua]"'
_MAX_CHARS: Final = 1_000
"""Longer texts are cut; real ones have fewer than 500."""
_REMEMBERED: Final = 10_000
_HEADLESS: Final = ("HeadlessChrome", "Lighthouse", "PhantomJS")
"""Automated browsers that ua-parser takes for real ones."""


def is_installed() -> bool:
    """Whether the extra is installed. Both parts: without the engine one text takes 750 µs."""
    return find_spec("ua_parser") is not None and find_spec("ua_parser_rs") is not None


def part_of(part: str) -> Callable[[str], Any]:
    """Reads one of `PARTS`; ABSENT if the text does not say."""
    place = PARTS.index(part)
    return lambda text: _read(text[:_MAX_CHARS])[place] or ABSENT


def is_bot(text: str) -> bool:
    """Whether it is a crawler, or a browser without a user."""
    return _read(text[:_MAX_CHARS])[-1] == _BOT or any(name in text for name in _HEADLESS)


_BOT: Final = "bot"


@lru_cache(_REMEMBERED)
def _read(text: str) -> tuple[str, ...]:
    """The parts in their order, and whether it is a bot."""
    # The engine needs UTF-8, which cannot encode a lone surrogate.
    found = _parser()(text.encode("utf-8", "replace").decode())
    agent, system, device = found.user_agent, found.os, found.device
    is_spider = device is not None and device.family == "Spider"
    return (
        agent.family if agent else "",
        _version(agent),
        system.family if system else "",
        _version(system),
        device.family if device and not is_spider else "",
        (device.brand or "") if device and not is_spider else "",
        _BOT if is_spider else "",
    )


def _version(found: Any) -> str:
    parts = (found.major, found.minor, found.patch) if found else ()
    return ".".join(part for part in parts if part)


@cache
def _parser() -> Callable[[str], Any]:
    # Loaded at its first use, which takes 0.2 s: mappings without these words do not need it.
    parse: Callable[[str], Any] = importlib.import_module("ua_parser").parse
    return parse

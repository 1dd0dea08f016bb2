"""The paths that senders use, and suggestions for senders that use another one. Pure."""

import re
from collections.abc import Mapping

from adapter.ingest.dialect import BATCH, JITSU_PATHS, SDK_PATHS, Dialect

# aiohttp tries them in this order: the documented form comes first.
WEBHOOKS = ("/webhooks/{source}/{key}", "/webhooks/{source}", "/webhooks/{source}/{key}/", "/webhooks/{source}/")
PIXELS = ("/v1/pixel/{type}", "/pixel/v1/{type}")

ROOTS = ("/v1", "")
"""Mobile libraries and analytics.js append `/b`, `/t` or `/projects/KEY/settings` to the host that the user entered,
with /v1 at its end or without (analytics-react-native 2.x, analytics-kotlin 1.16, analytics.js-core 4.1).
"""

CALLS: Mapping[str, Dialect] = {
    **{f"{root}/{name}": dialect for root in ROOTS for name, dialect in SDK_PATHS.items()},
    **{f"{root}/{name}": dialect for root in ("/api/s", "/api/s/s2s") for name, dialect in JITSU_PATHS.items()},
    "/beacon/v1/batch": BATCH,
}
"""Where libraries post messages → how these are read."""

METRICS = tuple(f"{root}/m" for root in ROOTS)
SETTINGS = tuple(f"{root}/projects/{{key}}/settings" for root in ROOTS)

_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("(/v1)?/+(web-?)?hooks?(/|$)", re.IGNORECASE), "did you mean /webhooks/…?"),
    (re.compile("/v1/+v1(/|$)"), "did you mean /v1/…? This library appends /v1 itself, so leave /v1 out of its host"),
    (re.compile("/v1/+(sourceConfig|beacon)(/|$)"), "this library's host must not end in /v1"),
)


CONSOLE_HINT = "the console is at /console/"
"""For a person who asks for the root of a listener that serves the console too."""


def hint(path: str) -> str:
    """A suggestion for the sender of a request to the unknown `path`; "" if no path is similar."""
    return next((text for pattern, text in _HINTS if pattern.match(path)), "")

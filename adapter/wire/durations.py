"""Reads durations as people write them in settings and mappings. Pure."""

import re
from typing import Final

DURATION: Final = r"^(?!0+(\.0+)?[a-z])[0-9]{1,12}(\.[0-9]{1,6})?(ms|s|m|h|d)$"
"""The same for JSON Schema."""

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS: Final = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0))


def duration_s(text: str) -> float:
    """Seconds of a duration such as `500ms`, `20s`, `5m`, `72h`, `30d`; more than 0. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise ValueError("a duration is a number above 0 and ms, s, m, h or d, such as 20s, 5m, 72h or 30d")
    return float(found[1]) * dict(_SECONDS)[found[2]]

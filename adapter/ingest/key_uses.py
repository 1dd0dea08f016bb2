"""The last use of each key since the start of the service, and names of keys for places where a key must not be shown.
Pure.
"""

import hashlib
from datetime import datetime

from adapter.model import Secret

_DIGITS = 8


def key_name(key: Secret) -> str:
    """The name of a key: the first digits of its SHA-256. It contains no character of the key."""
    return hashlib.sha256(key.reveal().encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


class KeyUses:
    """Last uses by the name of the key; there are as many as keys."""

    def __init__(self) -> None:
        self._last_at: dict[str, datetime] = {}

    def note(self, name: str, at: datetime) -> None:
        """A request had this key."""
        self._last_at[name] = at

    def last_at(self, name: str) -> datetime | None:
        """None if no request had this key since the start of the service."""
        return self._last_at.get(name)

"""When each key was used last, since the service started, and how a key is named where it must not be shown. Pure."""

import hashlib
from datetime import datetime

from adapter.model import Secret

_DIGITS = 8


def key_name(key: Secret) -> str:
    """What a key is called: the first digits of its SHA-256. It holds no character of the key."""
    return hashlib.sha256(key.reveal().encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


class KeyUses:
    """By the name of the key; as many as there are keys."""

    def __init__(self) -> None:
        self._last_at: dict[str, datetime] = {}

    def note(self, name: str, at: datetime) -> None:
        """A request had this key."""
        self._last_at[name] = at

    def last_at(self, name: str) -> datetime | None:
        """None if no request had it since the service started."""
        return self._last_at.get(name)

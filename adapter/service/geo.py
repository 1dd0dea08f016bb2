"""The location of an IP address, from a database of the operator's (GeoLite2, DB-IP, IPinfo in MaxMind's format).

The database is read into memory: a mapped file that is overwritten in place would end the process. It is read again
when its file changes; a file that cannot be read leaves the last one active. Needs the extra `geo`.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any, Final

from adapter.errors import ConfigError
from adapter.files.regular_file import file_state
from adapter.mapping.run.places import INSTALL, is_installed, parts_of

_CHECK_EVERY_S: Final = 10.0
_REMEMBERED: Final = 10_000


class GeoDatabase:
    """Call it with the text of an IP address for the parts of its location; empty for unknown or invalid addresses."""

    def __init__(self, path: Path, *, monotonic_s: Callable[[], float] = monotonic) -> None:
        """Raises ConfigError if the file is not such a database, or the extra is not installed."""
        if not is_installed():
            raise ConfigError(f"geo.database needs the extra `geo`: {INSTALL}")
        self._path = path
        self._monotonic_s = monotonic_s
        self._state = file_state(path)
        self._checked_s = monotonic_s()
        try:
            self._find = _opened(path)
        except (OSError, ValueError, RuntimeError) as cause:
            why = getattr(cause, "strerror", None) or str(cause)
            raise ConfigError(f"geo.database: {path}: cannot be used: {why}") from cause

    def __call__(self, address: str) -> Mapping[str, Any]:
        if self._monotonic_s() - self._checked_s > _CHECK_EVERY_S:
            self._reload_if_changed()
        try:
            return self._find(address)
        except (TypeError, ValueError, RuntimeError):  # not an address, or the database is damaged there
            return {}

    def _reload_if_changed(self) -> None:
        self._checked_s = self._monotonic_s()
        state = file_state(self._path)
        if state is None or state == self._state:
            return
        try:
            self._find = _opened(self._path)
        except (OSError, ValueError, RuntimeError):
            return  # half written; the next check tries again
        self._state = state


def _opened(path: Path) -> Callable[[str], Mapping[str, Any]]:
    """Finds the parts of a location in the database. Addresses recur, so the last ones are cached."""
    # Imported when a database is configured: others need not have the extra.
    maxminddb = importlib.import_module("maxminddb")
    get = maxminddb.open_database(str(path), maxminddb.MODE_MEMORY).get
    return lru_cache(_REMEMBERED)(lambda address: parts_of(get(address)))

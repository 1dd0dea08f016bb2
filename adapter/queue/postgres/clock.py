"""The clock of the server, by which all replicas go: events are due, and are kept, by one time."""

from collections.abc import Callable

from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.state import SQL


class StoreClock:
    """Seconds since 1970 by the server, from `steady`, which gives them by this machine without jumps.

    It never goes back: if the server's clock does, this one stands still until that has caught up.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._ahead_s = 0.0
        self._last_s = 0.0

    def __call__(self) -> float:
        self._last_s = max(self._last_s, self._steady() + self._ahead_s)
        return self._last_s

    @property
    def steady(self) -> Callable[[], float]:
        """This machine's, which never jumps."""
        return self._steady

    @property
    def ahead_s(self) -> float:
        """How far the server's clock is ahead of this machine's."""
        return self._ahead_s

    def look(self, session: PostgresSession) -> None:
        """Ask the server. Half of the time that it took is taken to be the way there."""
        asked_s = self._steady()
        found = session.run(SQL["server_time"]).fetchone()
        if found is not None:
            self._ahead_s = float(found[0]) - (asked_s + self._steady()) / 2

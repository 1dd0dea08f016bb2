"""The server's clock: events become due, and are kept, by one time for all replicas."""

from collections.abc import Callable

from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.state import SQL


class StoreClock:
    """Seconds since 1970 by the server's clock, derived from `steady`, this machine's, which never jumps.

    Never goes back: if the server's clock does, this one stands still until the server's has caught up.
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
        """This machine's clock, which never jumps."""
        return self._steady

    @property
    def ahead_s(self) -> float:
        """Seconds by which the server's clock is ahead of this machine's."""
        return self._ahead_s

    def look(self, session: PostgresSession) -> None:
        """Read the server's clock. Half of the time of the query is assumed to be the way there."""
        asked_s = self._steady()
        found = session.run(SQL["server_time"]).fetchone()
        if found is not None:
            self._ahead_s = float(found[0]) - (asked_s + self._steady()) / 2

"""Counts the balance of a queue file: counters and rows of one instant, on a connection of its own."""

import sqlite3
from pathlib import Path

from adapter.errors import QueueError
from adapter.model import Balance
from adapter.queue.codec import from_us
from adapter.queue.sqlite_known import SQL


def count_balance(path: Path) -> Balance:
    """Counters and rows of one instant, on a connection of its own so that counting delays no commit."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("BEGIN")
            counts = {str(term): int(n) for term, n in connection.execute(SQL["ledger"])}
            pending = int(connection.execute(SQL["pending"]).fetchone()[0])
            dead = int(connection.execute(SQL["dead_count"]).fetchone()[0])
            sources = frozenset(str(name) for (name,) in connection.execute(SQL["pending_sources"]))
            oldest = connection.execute(SQL["oldest_pending"]).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as exc:
        raise QueueError(f"{path}: {exc}") from exc
    oldest_received_at = None if oldest is None else from_us(oldest[0])
    return Balance(counts=counts, pending=pending, dead=dead, oldest_received_at=oldest_received_at, pending_of=sources)

"""Slow counts in a queue file, at one instant and on a connection of their own, so that no commit waits for them."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from adapter.errors import QueueError
from adapter.model import Reason
from adapter.queue.codec import from_us
from adapter.queue.contract import Balance
from adapter.queue.shares import fair_cap
from adapter.queue.sqlite.connection import opened
from adapter.queue.sqlite.place import Place
from adapter.queue.sqlite.state import SQL


def count_balance(place: Place) -> Balance:
    """The balance: counters, and counts of rows."""
    with _reading(place) as connection:
        counts = {str(term): int(n) for term, n in connection.execute(SQL["ledger"])}
        pending = int(connection.execute(SQL["pending"]).fetchone()[0])
        dead = int(connection.execute(SQL["dead_count"]).fetchone()[0])
        sources = frozenset(str(name) for (name,) in connection.execute(SQL["pending_sources"]))
        oldest = connection.execute(SQL["oldest_pending"]).fetchone()
        asked = connection.execute(SQL["waiting_deletions"], (Reason.DELETION_UNAUTHORISED.value,)).fetchall()
    oldest_received_at = None if oldest is None else from_us(oldest[0])
    return Balance(
        counts=counts,
        pending=pending,
        dead=dead,
        oldest_received_at=oldest_received_at,
        pending_of=sources,
        deletions_waiting={str(name): int(n) for name, n in asked},
    )


def rejections_beyond(place: Place, most_bytes: int) -> Mapping[int, int]:
    """The number up to which the rejections of a source are too many, by the number of the source: all rejections
    together may have `most_bytes`, and only the sources with most of them lose some.
    """
    with _reading(place) as connection:
        sizes = {int(source): int(size) for source, size in connection.execute(SQL["rejected_bytes"])}
        cap = fair_cap(list(sizes.values()), most_bytes)
        beyond = {
            source: connection.execute(SQL["last_rejection_beyond"], (source, cap)).fetchone()[0]
            for source, size in sizes.items()
            if size > cap
        }
    return {source: int(last) for source, last in beyond.items() if last is not None}


@contextmanager
def _reading(place: Place) -> Iterator[sqlite3.Connection]:
    try:
        connection = opened(place)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as exc:
        raise QueueError(f"{place}: {exc}") from exc

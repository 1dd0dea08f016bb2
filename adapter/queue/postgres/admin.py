"""`QueueAdmin` at a PostgreSQL database. Each method of `adapter.queue.admin` is documented there.

Works beside the service, from any process: reads are short, and every change is a short transaction of its own, which
the service sees within a second. Never creates a table.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from adapter.errors import ConfigError, QueueError
from adapter.model import Event
from adapter.queue.postgres.admin_reads import PostgresAdminReads
from adapter.queue.postgres.admin_writes import requeue_rejection, requeue_unmatched
from adapter.queue.postgres.connect import PostgresPlace, PostgresSession
from adapter.queue.postgres.erase import delete_bodies
from adapter.queue.postgres.requeue import requeue_dead
from adapter.queue.postgres.schema import migrations, schema_version
from adapter.queue.postgres.state import SQL
from adapter.queue.records import (
    RequeuedRejection,
)


class PostgresQueueAdmin(PostgresAdminReads):
    """See the module; created by `open_at`. Not thread-safe."""

    def __init__(self, session: PostgresSession, *, unordered: Collection[str]) -> None:
        super().__init__(session)
        self._unordered = frozenset(unordered)

    @classmethod
    @contextmanager
    def open_at(cls, place: PostgresPlace, *, unordered: Collection[str] = ()) -> Iterator[Self]:
        """The admin of the queue at `place`; `unordered` are sources without order.

        Raises ConfigError if there is no queue, QueueError if it cannot be reached or is of another version.
        """
        with place.opened() as connection:
            version = schema_version(connection, place)
        if version == 0:
            raise ConfigError(f"{place}: contains no queue yet; the service creates the tables when it starts")
        if version < len(migrations()):
            raise QueueError(
                f"{place}: written by an older version of browsee-adapter (schema {version}; this one reads "
                f"{len(migrations())}). Start the service of this version: it upgrades the tables"
            )
        session = PostgresSession(place)
        try:
            yield cls(session, unordered=unordered)
        finally:
            session.close()

    def requeue(self, seqs: Sequence[int]) -> int:
        now_us = self._now_us()
        with self._transaction():
            # A microsecond apart, as `requeue_dead` does it, so that they become due in the order they were received.
            dues_us = {seq: now_us + n for n, seq in enumerate(sorted(seqs))}
            unmatched = requeue_unmatched(self._run, dues_us, unordered=self._unordered)
            return unmatched + requeue_dead(self._run, seqs, now_us=now_us, unordered=self._unordered)

    def requeue_rejection(self, number: int, event: Event) -> RequeuedRejection:
        now_us = self._now_us()
        with self._transaction():
            return requeue_rejection(self._run, number, event, now_us=now_us, unordered=self._unordered)

    def discard(self, seqs: Sequence[int]) -> int:
        with self._transaction():
            return self._run(SQL["discard"], {"seqs": list(seqs)}).rowcount

    def discard_rejections(self, numbers: Sequence[int]) -> int:
        with self._transaction():
            return self._run(SQL["remove_rejection"], {"ids": list(numbers)}).rowcount

    def erase(self, seqs: Sequence[int]) -> int:
        now_us = self._now_us()
        with self._transaction():
            return len(delete_bodies(self._run, seqs, due_us=now_us, ended_us=now_us))

    def erase_from_disk(self) -> bool | None:
        """None: the server keeps dead rows until it vacuums them, and its log and backups for as long as it is set
        to.
        """
        return None

    def _now_us(self) -> int:
        """Now by the queue's own clock, as the service stored it a few seconds ago: requeued events are due at once."""
        return int((self._run(SQL["state"], {"name": "now_us"}).fetchone() or (0,))[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._session.begin()
        try:
            yield
            self._session.commit()
        except BaseException:
            self._session.rollback()
            raise

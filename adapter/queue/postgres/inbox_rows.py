"""What ingest does in the database, on the thread that puts: see `queue.inbox.InboxRows`."""

from collections.abc import Mapping, Sequence

from adapter.model import Rejection
from adapter.queue.codec import Row
from adapter.queue.contract import Stored
from adapter.queue.postgres.put import PostgresPutBatch
from adapter.queue.postgres.state import SQL, PostgresWriterState, SeenDays
from adapter.queue.shares import Usage
from adapter.queue.transaction import Staged


class PutRows:
    """See the module."""

    def __init__(self, state: PostgresWriterState) -> None:
        self._state = state
        self._batch = PostgresPutBatch(state)
        self._days = SeenDays(state.session)

    def prepare(self) -> None:
        """Before each transaction: ids that come now have a table."""
        self._days.make(self._state.days())

    def begin(self) -> None:
        """A transaction was opened."""
        self._state.begin()

    def flush(self) -> None:
        """Write all that was staged, and the counters with it."""
        self._batch.flush()
        self._state.flush_counts()

    def rollback(self) -> None:
        """The transaction was rolled back."""
        self._batch.rollback()
        self._state.rollback()
        self._days.forget()

    @property
    def held(self) -> Mapping[str, Usage]:
        """What each source holds, by name; any thread may ask."""
        return self._state.holdings.usage

    def put(self, rows: Sequence[Row], rejections: Sequence[Rejection]) -> Staged[Stored]:
        """Store messages with the others of this group."""
        return self._batch.stage(rows, rejections)

    def probe(self) -> None:
        """Write something."""
        self._state.run(SQL["probe"], {"now_us": self._state.now_us()})

    def pending(self) -> int:
        """Events not finished, without looking at each."""
        return int((self._state.run(SQL["pending_by_counters"]).fetchone() or (0,))[0])

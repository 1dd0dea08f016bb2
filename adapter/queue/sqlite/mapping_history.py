"""What operators read of the history of mappings, and of samples."""

from typing import Final

from adapter.queue.activations import Activation
from adapter.queue.record_rows import activation_of
from adapter.queue.samples import MinuteSample
from adapter.queue.sqlite.admin_writes import ADMIN
from adapter.queue.sqlite.samples import samples
from adapter.queue.sqlite.state import SQL
from adapter.queue.sqlite.statements import Execute

NO_END: Final = 2**63 - 1
"""An id or number greater than any."""


class SqliteMappingHistory:
    """The methods of `adapter.queue.admin.QueueAdmin` about mappings; `run` is of the connection of the admin."""

    def __init__(self, run: Execute) -> None:
        self._run = run

    def activations(self, name: str, *, limit: int, before: int | None = None) -> list[Activation]:
        end = NO_END if before is None else before
        return [activation_of(row) for row in self._run(ADMIN["activations"], (name, limit, end))]

    def activated_text(self, id_: int) -> str | None:
        found = self._run(ADMIN["activated_text"], (id_,)).fetchone()
        return None if found is None else str(found[0])

    def mapping(self, version: str) -> str | None:
        return self._text("mapping", version)

    def last_mapping(self, name: str) -> str | None:
        return self._text("last_mapping", name)

    def samples(self, *, since: int, until: int, source: str | None = None) -> list[MinuteSample]:
        return samples(self._run, since=since, until=until, source=source)

    def _text(self, statement: str, key: str) -> str | None:
        found = self._run(SQL[statement], (key,)).fetchone()
        return None if found is None else str(found[0])

"""The newest ids seen, in memory; and how commands beside the service read and add ids seen."""

from collections.abc import Collection, Sequence
from itertools import chain

from adapter.queue.codec import ID_BYTES, plain_digest
from adapter.queue.sqlite.statements import Execute, chunks, for_rows, statements

SEEN = statements("seen.sql")
_REST = 16 - ID_BYTES
_ALL_RUNS = 0, 2**63 - 1
_NEVER_US = 0


class RecentIds:
    """Digests and seqs of `seen_recent`. Several connections may add to it; only the service makes runs of it
    regularly.
    """

    def __init__(self, run: Execute) -> None:
        self._run = run
        self.seqs: dict[bytes, int] = {}
        self.forget()

    def forget(self, *, run: int = -1) -> None:
        """Start again: the ids are in the run of that number now; -1: the cached ids may be wrong."""
        self.seqs.clear()
        self._last_id = 0
        self._after_run = run

    def catch_up(self) -> None:
        """Read what was added since, or all if the cached ids became a run."""
        last_run = self._run(SEEN["runs_made"]).fetchone()[0]
        if last_run != self._after_run:
            self.forget(run=last_run)
        for id_, digest, seq in self._run(SEEN["recent_after"], (self._last_id,)):
            self.seqs[digest] = seq
            self._last_id = id_

    def add(self, ids: Sequence[tuple[bytes, int]]) -> None:
        """Add digests with their seqs, in a transaction in which `catch_up` was called."""
        for piece in chunks(ids):
            added = self._run(for_rows(SEEN["add_recent"], len(piece)), list(chain.from_iterable(piece)))
            self._last_id = added.lastrowid or 0
        self.seqs.update(ids)


class SeenBeside:
    """The ids seen, for a command beside the service; within its transactions, so that nothing changes meanwhile."""

    def __init__(self, run: Execute) -> None:
        self._run = run
        self._recent = RecentIds(run)

    def is_seen(self, digests: Sequence[bytes]) -> bool:
        """Whether one of the digests is remembered."""
        self._recent.catch_up()
        if any(digest in self._recent.seqs for digest in digests):
            return True
        in_runs = self._run(for_rows(SEEN["seen_in_runs"], len(digests)), (*digests, *_ALL_RUNS, _NEVER_US))
        in_kept = self._run(for_rows(SEEN["seen_in_kept"], len(digests)), digests)
        return any(found.fetchone() is not None for found in (in_runs, in_kept))

    def seqs_of_id(self, *, sources: Collection[str], message_id: str) -> set[int]:
        """The seqs of events with that id and any type and name, as far as their ids are remembered."""
        self._recent.catch_up()
        firsts = {plain_digest(source=source, message_id=message_id)[:ID_BYTES] for source in sources}
        found = {seq for digest, seq in self._recent.seqs.items() if digest[:ID_BYTES] in firsts}
        for first in firsts:
            bounds = first + bytes(_REST), first + b"\xff" * _REST
            for statement in ("with_id_in_runs", "with_id_in_kept"):
                found.update(seq for (seq,) in self._run(SEEN[statement], bounds))
        # A seq below 0 is the number of a rejection.
        return {seq for seq in found if seq > 0}

    def add(self, digest: bytes, seq: int, *, at_us: int) -> None:
        """Remember an id from now on, `at_us`. Recent ids that are old enough become a run first, so that their window
        is not prolonged.
        """
        self._run(SEEN["add_run_of_old"], (at_us,))
        if self._run(SEEN["changes"]).fetchone()[0]:
            self._run(SEEN["sort_recent"], (self._run(SEEN["runs_made"]).fetchone()[0],))
            self._run(SEEN["forget_recent"])
        self._run(SEEN["add_beside"], (digest, seq))
        self._run(SEEN["extend_recent"], (at_us,))

    def keep(self, digest: bytes, seq: int) -> None:
        """Remember the id of an event until it is finished."""
        self._run(SEEN["keep_digest"], (digest, seq))

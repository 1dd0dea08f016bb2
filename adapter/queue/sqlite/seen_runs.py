"""The runs of ids seen, in the file: sorted, each written in one step, and read by number. See seen.py."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from msgspec import Struct

from adapter.queue.sqlite.seen_beside import SEEN
from adapter.queue.sqlite.statements import Execute, chunks, for_rows

_LAST_DIGEST = b"\xff" * 16
_PREFIX_BYTES = 4
_PREFIXES = 1 << 8 * _PREFIX_BYTES


class SeenRun(Struct):
    """A row of `seen_run`. Instants are microseconds since 1970, by the trusted time."""

    number: int
    span: int
    ids: int
    ended_us: int


class SeenRuns:
    """See the module. Works inside a transaction that the caller opens and commits; after a rollback call `read`."""

    def __init__(self, run: Execute) -> None:
        self._run = run
        self.read()

    def read(self) -> None:
        """Read the list of runs."""
        self.all = [SeenRun(*row) for row in self._run(SEEN["runs"])]
        self._merged_into, self._merged_to = 0, 0
        self._index()

    def _index(self) -> None:
        self.of_span = defaultdict[int, list[SeenRun]](list)
        for run in self.all:
            self.of_span[run.span].append(run)
        self.spans = sum(1 << span for span in self.of_span)
        self.last = self.all[-1].number if self.all else 0
        self._latest_us = max((run.ended_us for run in self.all), default=0)

    def add(self, *, span: int, ids: int, ended_us: int) -> int:
        """Make a run of the ids in `seen_recent`, so many; returns its number."""
        number = self._run(SEEN["add_run"], (span, ids, ended_us)).lastrowid or 0
        self._run(SEEN["sort_recent"], (number,))
        self._run(SEEN["forget_recent"])
        self.all.append(SeenRun(number, span, ids, ended_us))
        self._index()
        return number

    def find(self, digests: Sequence[bytes], *, first: int, last: int, after_us: int) -> dict[bytes, int]:
        """The seqs of the digests in the runs `first` to `last`. Of runs that ended at `after_us` or before, only those
        of unfinished events. The newest run counts: an id may become free and be seen again.
        """
        values = first, last, after_us
        return dict(
            chain.from_iterable(
                self._run(for_rows(SEEN["seen_in_runs"], len(piece)), (*piece, *values)) for piece in chunks(digests)
            )
        )

    def bring_back(self, latest_us: int) -> None:
        """Let no run end after `latest_us`."""
        if self._latest_us > latest_us:
            self._run(SEEN["bring_back_runs"], (latest_us,))
            self.read()

    def expire(self, *, before_us: int, limit: int) -> bool:
        """Delete up to `limit` ids of a run that ended at `before_us` or before, and keep those of unfinished events
        apart. True if there may be more.
        """
        run = next((run for run in self.all if run.ended_us <= before_us), None)
        if run is None:
            return False
        last = self._run(SEEN["nth_digest"], (run.number, limit - 1)).fetchone()
        values = run.number, _LAST_DIGEST if last is None else last[0]
        self._run(SEEN["keep_unfinished"], values)
        self._run(SEEN["forget_digests"], values)
        if last is None:
            self._run(SEEN["forget_run"], (run.number,))
            self.all.remove(run)
            self._index()
        return True

    def merge(self, *, at_least: int, up_to: int, within_us: int, limit: int) -> bool:
        """Move about `limit` ids of a closed span's runs into its first run, so that a look-up reads one run; True if
        there may be more. Only of spans with `at_least` runs, none after run `up_to`, that ended `within_us`.
        """
        for span, runs in self.of_span.items():
            is_wanted = len(runs) >= at_least and runs[-1].ended_us - runs[0].ended_us < within_us
            if is_wanted and span != self.all[-1].span and runs[-1].number <= up_to:
                self._merge(*runs, limit=limit)
                return True
        return False

    def _merge(self, first: SeenRun, *others: SeenRun, limit: int) -> None:
        start = self._merged_to if self._merged_into == first.number else 0
        ids = sum(run.ids for run in others)
        # Digests are hashes, so each group of as many prefixes has about as many ids.
        end = start + max(1, _PREFIXES * limit // ids)
        after = start.to_bytes(_PREFIX_BYTES, "big") if start else b""
        up_to = end.to_bytes(_PREFIX_BYTES, "big") if end < _PREFIXES else _LAST_DIGEST
        first.ended_us = max(run.ended_us for run in others)
        self._run(SEEN["merge_runs"], (first.number, after, up_to, first.span, others[0].number, others[-1].number))
        for run in others:
            self._run(SEEN["forget_digests"], (run.number, up_to))
        self._merged_into, self._merged_to = first.number, end
        if end >= _PREFIXES:
            first.ids += ids
            for run in others:
                self._run(SEEN["forget_run"], (run.number,))
                self.all.remove(run)
            self._index()
        self._run(SEEN["set_run"], (first.ids, first.ended_us, first.number))

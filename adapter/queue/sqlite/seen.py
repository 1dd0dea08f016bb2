"""Remembers the ids seen in the dedup window; a put costs the same with millions of them. Theory of operation.

**States of an id**
- *Recent* ids are in `seen_recent`, in the order of arrival, and in a dict: a put appends to a table and reads no disk.
  Recent ids that are many, or old, are sorted into a *run* at the end of `seen`, in one transaction.
- `seen_run` says when a run ended. After the dedup window its ids are free again, except those whose events are not
  finished. `expire` moves these to `dedup_kept` and removes the run, a slice at a time. Look-ups apply the same rule
  before that, so no put waits for `expire`.
- The runs of some hours are a *span*, one of eight. The filter in memory (seen_filter.py) says in which spans an id may
  be, mostly in none. Only the runs of those spans are read. When a span has ended, `merge` makes one of its many runs.
- `take_in` adds runs to the filter, in order, a slice at a time, from the file. Runs after the last one in the filter
  are read directly, which is slow and correct. `save` stores the filter in the file (seen_saved.py).

**Who changes what.** The thread of the queue changes everything. Commands beside the service only add to `seen_recent`
and `dedup_kept`, and make a run of recent ids that are old (seen_beside.py). The service reads their changes before its
next transaction does anything.

**Invariants**
- Every id is in `seen_recent`, in a run or in `dedup_kept`, and moves between them in one transaction: no crash leaves
  it in none of them.
- The filter has all ids of the runs up to `_taken`, and possibly of runs that were removed. It may have too many ids,
  never too few: a rollback takes `_taken` back and leaves the filter as it is.
- A saved filter has all ids of the runs up to the one that the file names. Numbers of runs are not used twice, and
  `merge` moves ids only between runs that both filters have, within one span.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from adapter.queue.sqlite.seen_beside import SEEN, RecentIds
from adapter.queue.sqlite.seen_filter import BYTES_AN_ID, SPANS, SpanFilter, spans_in
from adapter.queue.sqlite.seen_runs import SeenRun, SeenRuns
from adapter.queue.sqlite.seen_saved import SavedFilter
from adapter.queue.sqlite.statements import Execute, chunks, for_rows, statements

_QUEUE = statements("queue.sql")
_US = 1_000_000
_DAY_US = 86_400 * _US
_TAKEN_IN_AN_ID = 4
_MOST_AT_ONCE = 4_000
"""Ids added to the filter in one step: about 10 ms."""


@dataclass(frozen=True, slots=True)
class SeenSizes:
    """The limits between two steps; tests use smaller ones.

    `recent` ids become a run, which takes 25 ms. The filter starts with `filter_bytes`, grows to `most_filter_bytes`,
    which suits 20 million ids, and is saved every `save_every` runs, `slice_bytes` at a time. A span of `merged` runs
    or more becomes one.
    """

    recent: int = 32_768
    filter_bytes: int = 1 << 16
    most_filter_bytes: int = 1 << 25
    slice_bytes: int = 1 << 18
    save_every: int = 16
    merged: int = 8
    shortest_span_s: float = 60.0


SEEN_SIZES = SeenSizes()


class SeenIds:
    """See the module. Instants are microseconds since 1970, by the trusted time."""

    def __init__(self, run: Execute, *, window_s: float, sizes: SeenSizes) -> None:
        self._run = run
        self._sizes = sizes
        self._window_us = round(window_s * _US)
        # Seven of the eight spans are the window, in the eighth are the ids of now.
        self._span_us = max(self._window_us // (SPANS - 1), round(sizes.shortest_span_s * _US))
        self._now_us = 0
        self._recent = RecentIds(run)
        self._saved = SavedFilter(run, slice_bytes=sizes.slice_bytes)
        # The last run of which all is in the filter; a later one of which a part is, 0 if none, and up to which digest.
        self._taken = (0, 0, b"")
        self._runs = SeenRuns(run)
        self._read_filter()
        self._is_stale = False
        self.begin()
        self.read()

    # -- transactions ----------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read what other processes may have changed in the file."""
        self._runs.read()
        self._recent.catch_up()
        self.has_kept: bool = self._run(SEEN["has_kept"]).fetchone()[0] == 1
        self._recent_to_us = self._state("seen_recent_to_us")
        self._plain_to = self._state("plain_digests_to")

    def begin(self) -> None:
        """A transaction was opened."""
        if self._is_stale:
            self._runs.read()
            self._saved.read()
            self._is_stale = False
        self._taken_before, self._spans_before = self._taken, self._runs.spans

    def rollback(self) -> None:
        """The transaction was rolled back: what was learned in it may not be so. Reads no file."""
        self._taken = min(self._taken, self._taken_before)
        self._recent.forget()
        self._is_stale = True

    def _state(self, name: str) -> int | None:
        found = self._run(_QUEUE["state"], (name,)).fetchone()
        return None if found is None else int(found[0])

    # -- what a put asks and adds ----------------------------------------------------------------------------------

    @property
    def has_plain_digests(self) -> bool:
        """Ids may be there that were seen before version 4, whose digests are of source and message id alone."""
        if self._plain_to is None:
            return False
        return self.has_kept or (bool(self._runs.all) and self._runs.all[0].number <= self._plain_to)

    def prepare(self, now_us: int, *, ids: int) -> None:
        """To be called before `find` and `add`; so many ids are about to be put."""
        self._now_us = now_us
        self._bring_back(now_us)
        if self._is_recent_due(now_us) or len(self._recent.seqs) >= self._sizes.recent:
            self._end_recent(now_us)
        self.take_in(min(_TAKEN_IN_AN_ID * ids, _MOST_AT_ONCE))

    def find(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The seqs of those that are remembered."""
        recent = self._recent.seqs
        found = {digest: recent[digest] for digest in digests if digest in recent}
        older = [digest for digest in digests if digest not in found] if found else digests
        asked = defaultdict[int, list[bytes]](list)
        for digest, spans in self._filter.hits(older, self._runs.spans):
            for span in spans_in(spans):
                asked[span].append(digest)
        taken, last, after_us = self._taken[0], self._runs.last, self._now_us - self._window_us
        known = self._kept(older) if self.has_kept else {}
        # The newest run counts, also here.
        for runs in sorted((self._runs.of_span[span] for span in asked), key=_first):
            known |= self._runs.find(asked[runs[0].span], first=runs[0].number, last=runs[-1].number, after_us=after_us)
        if taken < last:
            known |= self._runs.find(older, first=taken + 1, last=last, after_us=after_us)
        return known | found

    def _kept(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        pieces = (self._run(for_rows(SEEN["seen_in_kept"], len(piece)), piece) for piece in chunks(digests))
        return dict(chain.from_iterable(pieces))

    def add(self, ids: Sequence[tuple[bytes, int]]) -> None:
        """Remember digests with their seqs."""
        self._recent.add(ids)

    # -- runs ------------------------------------------------------------------------------------------------------

    def _is_recent_due(self, now_us: int) -> bool:
        """Whether the recent ids are to be a run: their span is over, or is longer than one is by the clock and the
        settings of now.
        """
        to_us = self._recent_to_us
        return to_us is None or not now_us < to_us <= now_us + self._span_us

    def _end_recent(self, now_us: int) -> None:
        """Make a run of the recent ids; those that come now are of the next one."""
        if self._recent.seqs and self._recent_to_us is not None:
            # Not before the first of them came, should the clock have been set back since.
            ended_us = min(self._recent_to_us, max(now_us, self._recent_to_us - self._span_us))
            span = self._span_at(ended_us)
            number = self._runs.add(span=span, ids=len(self._recent.seqs), ended_us=ended_us)
            self._recent.forget(run=number)
            self._grow(span)
        self._set_recent_to(now_us + self._span_us)

    def _set_recent_to(self, at_us: int) -> None:
        self._recent_to_us = at_us
        self._run(_QUEUE["set_state"], ("seen_recent_to_us", at_us))

    def _span_at(self, ended_us: int) -> int:
        """The span of a run that ends: that of the last one, or another where that has lasted and one is free."""
        current = self._runs.of_span[self._runs.all[-1].span] if self._runs.all else []
        if current and ended_us - min(run.ended_us for run in current) < self._span_us:
            return current[0].span
        # One that became free in this transaction is not, should it be rolled back.
        free = spans_in(~(self._runs.spans | self._spans_before))
        if not free:
            return current[0].span if current else 0
        self._filter.clear(1 << free[0])
        return free[0]

    def _bring_back(self, now_us: int) -> None:
        """What ended more than a day ahead, by a clock that was wrong, ends in a day."""
        self._runs.bring_back(now_us + _DAY_US)

    # -- upkeep ----------------------------------------------------------------------------------------------------

    def expire(self, now_us: int, *, limit: int) -> bool:
        """Forget up to `limit` ids whose dedup window is over; True if there may be more."""
        if self._recent.seqs and self._is_recent_due(now_us):
            # Nothing was put for a while.
            self._end_recent(now_us)
        has_more = self._runs.expire(before_us=now_us - self._window_us, limit=limit)
        self.has_kept = self._run(SEEN["has_kept"]).fetchone()[0] == 1
        return has_more

    def merge(self, limit: int = _MOST_AT_ONCE) -> bool:
        """Merge some of the runs of a closed span, if it has many; True if there may be more."""
        both = min(self._taken[0], self._saved.covers)
        return self._runs.merge(at_least=self._sizes.merged, up_to=both, within_us=self._span_us, limit=limit)

    # -- the filter ------------------------------------------------------------------------------------------------

    def _read_filter(self) -> None:
        """Take the saved filter, or begin an empty one if there is none that is whole."""
        bits = self._saved.load()
        if bits is None:
            self._filter = SpanFilter(bytearray(self._sizes.filter_bytes))
        else:
            self._filter, self._taken = SpanFilter(bits), (self._saved.covers, 0, b"")
        # A span that began after the filter was saved may have the bits of an older one in it.
        self._filter.clear(sum(1 << n for n in range(SPANS) if not self._is_saved(n)))
        for span in list(self._runs.of_span):
            self._grow(span)

    def _is_saved(self, span: int) -> bool:
        return span in self._runs.of_span and self._runs.of_span[span][0].number <= self._taken[0]

    def _grow(self, span: int) -> None:
        """Make the filter large enough for `span`. What the span has in it was too dense, and is taken in again."""
        runs = self._runs.of_span[span]
        wanted = min(self._sizes.most_filter_bytes, BYTES_AN_ID * sum(run.ids for run in runs))
        if len(self._filter.bits) >= wanted:
            return
        self._filter.grow(wanted)
        self._filter.clear(1 << span)
        self._taken = min(self._taken, (runs[0].number - 1, 0, b""))
        self._saved.give_up()

    def take_in(self, limit: int = _MOST_AT_ONCE) -> bool:
        """Add up to `limit` ids of the next run to the filter; True if there may be more."""
        taken, begun, up_to = self._taken
        if self._is_stale or taken >= self._runs.last or limit == 0:
            return False
        run = self._runs.all[bisect_right(self._runs.all, taken, key=_number)]
        # The run that was begun may have expired since.
        after = up_to if run.number == begun else b""
        rows = self._run(SEEN["digests_of_run"], (run.number, after, limit)).fetchall()
        self._filter.add(chain.from_iterable(rows), run.span)
        is_whole = len(rows) < limit
        self._taken = (run.number, 0, b"") if is_whole else (taken, run.number, rows[-1][0])
        return True

    def save(self) -> bool:
        """Save a slice of the filter, if many runs were taken in since it was saved; True if there is more to save."""
        if not self._saved.is_saving and self._taken[0] - self._saved.covers < self._sizes.save_every:
            return False
        return self._saved.save(self._filter.bits, covers=self._taken[0])


def _number(run: SeenRun) -> int:
    return run.number


def _first(runs: Sequence[SeenRun]) -> int:
    return runs[0].number

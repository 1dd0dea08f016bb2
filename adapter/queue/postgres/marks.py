"""From which due time on a take looks: before it there is nothing but what is dead.

Lanes come due, are taken and come due later: their old index entries stay until the server vacuums, and while somebody
keeps a transaction open, as a dump does, it cannot. A take would walk through all of them again. So it begins where the
one before found its first lane. Pure.

Lanes that were given out may come back as they were, when a lease ends without an outcome: then it begins at theirs.
What comes due in the past, by a clock that is behind, is found by the look from the beginning every `_AFRESH_US`.
"""

from collections.abc import Collection, Hashable, Iterable

from adapter.queue.heads import Head

_SLACK_US = 2_000_000
"""How far the clocks of those who make lanes due may be behind."""
_AFRESH_US = 10_000_000


class Marks:
    """See the module. A `key` names the lanes that a take looks at; instants are by the queue's clock."""

    def __init__(self) -> None:
        self._marks: dict[Hashable, int] = {}
        self._out: dict[int, int] = {}
        self._afresh_us = 0

    def begin(self, busy: Collection[int], *, now_us: int) -> None:
        """A take begins, with lanes that are given out and still `busy`."""
        if not self._afresh_us <= now_us < self._afresh_us + _AFRESH_US:
            self._marks.clear()
            self._afresh_us = now_us
        held = frozenset(busy)
        back = [lane for lane in self._out if lane not in held]
        lowest_us = min((self._out.pop(lane) for lane in back), default=None)
        if lowest_us is not None:
            self._marks = {key: min(mark_us, lowest_us) for key, mark_us in self._marks.items()}

    def start_us(self, key: Hashable) -> int:
        """Where to begin."""
        return self._marks.get(key, _SLACK_US) - _SLACK_US

    def found(self, key: Hashable, first_us: int | None, *, now_us: int) -> None:
        """The first lane there was due at `first_us`; None: there was none until now."""
        self._marks[key] = now_us if first_us is None else first_us

    def given(self, heads: Iterable[Head]) -> None:
        """These are given out."""
        self._out.update((head.lane, head.due_us) for head in heads)

"""Lanes as rows: which event of each user is next, and when it is due. Theory of operation.

**States of one event**, each a set of rows:

    stored ──put──▶ waiting ──▶ head ──take──▶ leased ──settle──▶ finished | dead
                                 ▲  ▲            │ Retry              │ requeue
                                 │  └────────────┘                    │
                                 └────────────────────────────────────┘

| state | rows |
|---|---|
| waiting | `message`, `waiting(lane, seq)` |
| head | `message`, `lane(lane, head, due_us, priority, attempt …)`; `sent(seq, key)` for each delivered call |
| leased | as head; its holder is in memory (`queue/leases.py`), so a restart voids every lease |
| finished | `message` until retention, `finished` |
| dead | `message`, `dead`; `sent` stays, so that a requeue repeats no call |
| erased | `message` with an empty body and no ids; a pending or dead event is finished as dropped |

**Invariants.** A seq is in exactly one of `lane.head`, `waiting`, `finished` and `dead`. `lane.head` is the
smallest seq of its lane that is in neither `finished` nor `dead`, so nothing overtakes within a lane. A lane
without events has no row. Counters (`ledger`, `held`) change in the transaction that changes the rows they count.

**Writers.** All rows are changed by the one thread of `group_commit.py`, in transactions that many puts and settles
share.

- *put* inserts `message` and the id's digest; it opens the lane, or adds to `waiting` behind the head.
- *take* only reads: heads that are due, of lanes without a lease. Leases cost no write.
- *settle* moves the head to `finished` or `dead` and advances the lane: the smallest waiting seq becomes the head,
  due now. `Retry` sets `due_us` and counts; `Retry(parked)` moves the event to the lane of parked events of its user.
- *requeue* removes `dead` (or the end of an unmatched event), and inserts the seq at its place in its lane.
- *erase* empties `message`; a pending or dead event is finished.

**Priority** (`lane.priority`) is that of the head: first parked lanes, once Browsee accepts their calls again; then
live traffic; then lanes that were empty when events were requeued into them. Within one priority the lane that has been
due longest goes first. A live or requeued lane whose head failed before has a priority of its own, so that `take` can
limit how many of them it leases.

**A crash between any two steps** leaves whole transactions. After *put*, before the answer: the sender sends again, and
the digest makes the message a duplicate. After a call, before *settle*: the head is unchanged, and the call is repeated
unless its key is stored. After *settle*, before the next event of the lane is taken: that event is the head, and due.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from operator import attrgetter

import orjson
from msgspec import Struct

from adapter.queue import event_warnings
from adapter.queue.contract import Pick
from adapter.queue.heads import Head, Priority, pick_heads
from adapter.queue.sqlite.message_row import from_row
from adapter.queue.sqlite.state import SQL, US, WriterState

_SET_BACK_US = 60 * US
_NOTHING_SENT = frozenset[str]()


_OLDEST, _NEWEST, _AMONG = (
    SQL["heads"].replace("{lanes}", SQL[lanes]) for lanes in ("due_lanes", "last_due_lanes", "due_lanes_among")
)


class _HeadQuery(Struct, frozen=True):
    """The values that a take's statements need; `sources` and `busy` are JSON arrays."""

    sources: str
    now_us: int
    busy: str
    pick: Pick


def _json(numbers: Collection[int]) -> str:
    """Any number of integers as one value, so that one prepared statement serves all."""
    return orjson.dumps(list(numbers)).decode()


class LaneRows:
    """Finds the heads of lanes and their due times. Runs on the thread that owns the connection."""

    def __init__(self, connection: sqlite3.Connection, state: WriterState) -> None:
        self._run = connection.execute
        self._state = state

    def find(
        self, sources: Sequence[str], *, limit: int, busy: Collection[int], pick: Pick
    ) -> tuple[list[Head], float | None]:
        """The heads to work on now; if there are none, also the seconds to wait for the next."""
        heads = self.heads(sources=sources, limit=limit, busy=busy, pick=pick)
        return heads, None if heads else self.until_due_s(sources)

    def heads(self, *, sources: Sequence[str], limit: int, busy: Collection[int], pick: Pick) -> list[Head]:
        """Up to `limit` heads of lanes that are due and not `busy`, by priority, then those due longest first."""
        query = _HeadQuery(_json(self._state.sources(sources)), self._state.now_us(), _json(busy), pick)
        return pick_heads(partial(self._due_heads, query), limit=limit, pick=pick)

    def _due_heads(self, query: _HeadQuery, priority: Priority, limit: int) -> Sequence[Head]:
        if limit <= 0:
            return ()
        among = query.pick.lanes
        sql = _AMONG if among is not None else _NEWEST if query.pick.newest else _OLDEST
        values = (query.sources, priority, query.now_us, query.busy, limit)
        heads = [
            # A key contains a name as its sender wrote it, so no separator is safe.
            Head(
                lane,
                due_us,
                seq,
                attempt,
                retried_us,
                _NOTHING_SENT if delivered_keys == "[]" else frozenset(orjson.loads(delivered_keys)),
                from_row(columns),
                is_warned=warned is not None and warned != event_warnings.NONE,
            )
            for lane, due_us, seq, attempt, retried_us, delivered_keys, *columns, warned in self._run(
                sql, values if among is None else (*values, _json(among), query.pick.newest)
            ).fetchall()
        ]
        heads.sort(key=attrgetter("due_us"), reverse=query.pick.newest)
        return heads

    def until_due_s(self, sources: Sequence[str]) -> float | None:
        """Seconds until the next lane of `sources` becomes due; None if no lane waits."""
        now_us = self._state.now_us()
        due_us = self._run(SQL["next_due"], (_json(self._state.sources(sources)), now_us)).fetchone()[0]
        return None if due_us is None else (due_us - now_us) / US

    def is_last(self, lane: int) -> bool:
        """Whether no event waits behind the head of `lane`."""
        return self._run(SQL["waiting_in"], (lane,)).fetchone() is None

    def make_due(self, heads: Mapping[int, int]) -> int:
        """End the wait of these heads; returns how many were waiting."""
        now_us = self._state.now_us()
        return sum(self._run(SQL["make_due"], (now_us, lane, head)).rowcount for lane, head in heads.items())

    def void_far_dues(self, max_delay_s: float) -> None:
        """Make lanes due that wait longer than any retry delay. If the file knows a later time than now, the machine's
        clock was set back, and all waiting lanes become due.
        """
        now_us = self._state.now_us()
        last = self._run(SQL["state"], ("steady_us",)).fetchone()
        set_back = last is not None and last[0] > now_us + _SET_BACK_US
        self._run(SQL["void_far_dues"], (now_us, 0 if set_back else round(max_delay_s * US)))

"""How delivery to one Browsee project goes, for people and for metrics. Data and words; decides nothing.

The theory of operation. A call goes when four things allow it, each with a question of its own:

- the *rate* (`pace`, `noise`): how many calls a second does Browsee allow? Learned from 429s alone, one limit for all.
- the *concurrency*: is Browsee slow? Learned from latency alone; calls of users whose calls failed or hung before
  have a share of their own beside it (`Permit.apart`), so that they hold up nobody else.
- the *gates*: is there anything that no lower rate cures? A block (nothing but 429), a pause that Browsee asked for, a
  kind of call that is misconfigured. Shut, they let one probe pass at a time.
- the *breaker* with the gate of an *outage*: is Browsee down, for everybody? Judged by users; shut, rounds of up to
  three probes of different users pass, and any answer but a failure opens it.

    worker ─admit─▶ pauses and gates ─▶ concurrency ─▶ rate ─Go(permit)─▶ call ─▶ answer
                          ▲                  ▲           ▲                          │
                          └──────────────────┴───────────┴── answered(permit) ◀─────┘

`Project.admit` asks them in this order and gives the first wait; `Project.answered` hands each answer to those that
learn from it. A 429 teaches the rate and never the breaker; a failure teaches the breaker and never the rate; a
refusal is an answer like any other to both. Each permit comes back once, by `answered` or `abandoned`: as many calls
are under way as permits are out. All of it is in memory but the learned limit, which the monitor keeps in the queue: a
crash forgets pauses and concurrency, which are learned again from the next calls.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from msgspec import Struct

DeliveryStatus: TypeAlias = Literal["ok", "slowed", "paused"]


class PauseReason(StrEnum):
    """Why a call may not go now."""

    PACE = "pace"
    SLOW = "slow answers"
    RETRY_AFTER = "retry after"
    BLOCKED = "blocked"
    DOWN = "down"
    MISCONFIGURED = "misconfigured"


PAUSING = (PauseReason.DOWN, PauseReason.RETRY_AFTER, PauseReason.BLOCKED, PauseReason.MISCONFIGURED)
"""What stops every call."""
SLOWING = (PauseReason.PACE, PauseReason.SLOW, PauseReason.MISCONFIGURED)
"""What makes calls wait; misconfigured where it is identify calls alone that are paused."""

SLOW_TEXT = "Browsee answers slowly, so fewer calls are under way at once"
LIMIT_TEXT = "calls go as fast as Browsee's limit is known to allow"
PINNED_TEXT = "calls go as fast as browsee.rate of the settings allows"
LEARNING_TEXT = "calls go ever faster until Browsee's limit is met"


class Obstacle(Struct, frozen=True):
    """What keeps calls from going. `next_s`: seconds until the next try; None where nothing waits for a try."""

    delivery: DeliveryStatus
    why: PauseReason | None
    cause: str
    next_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How delivery to this project goes, for `/readyz`. `text` says why and when the next try is, for people; `cause`
    is the same without the time. Both are empty while all is well.

    `per_s` is the rate now, `limit_per_s` the limit as learned (None: not met yet, or pinned).
    """

    delivery: DeliveryStatus
    why: PauseReason | None
    text: str
    per_s: float
    limit_per_s: float | None
    concurrency: int
    in_flight: int
    cause: str = ""

    @property
    def waiting_text(self) -> str:
        """What to say of a pending event: "delivery is paused: Browsee answered 401: check browsee_api_key; next try
        in 23 s". Empty unless delivery is paused.
        """
        return f"delivery is paused: {self.text}" if self.delivery == "paused" else ""


ELSEWHERE: Final = State("ok", None, "", per_s=0.0, limit_per_s=None, concurrency=0, in_flight=0)
"""Of a project that another replica delivers: what was learned here of its trouble is not so any more."""


def worded(trouble: Obstacle) -> str:
    """The cause, and when the next try is."""
    if trouble.next_s is None:
        return trouble.cause
    return f"{trouble.cause}; next try " + (f"in {trouble.next_s:.0f} s" if trouble.next_s >= 0.5 else "now")

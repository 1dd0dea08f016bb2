"""The state of delivery to one Browsee project, for people and for metrics. Data and words; decides nothing.

Theory of operation. A call goes when four mechanisms allow it, each with a question of its own:

- the *rate* (`pace`, `noise`): how many calls a second does Browsee allow? Learned from 429s alone, one limit for all.
- the *concurrency*: is Browsee slow? Learned from latency alone. Calls of users whose calls failed or hung before
  have a limit of their own (`Permit.apart`), so that they do not hold up others.
- the *gates*: is there a condition that no lower rate cures? A block (only 429s), a pause that Browsee asked for, a
  kind of call that is misconfigured. A shut gate lets one probe pass at a time.
- the *breaker* with the gate of an *outage*: is Browsee down for all users? The breaker judges by users. While the gate
  is shut, rounds of up to three probes of different users pass, and any answer but a failure opens it.

While all calls are paused, the worker holds no event but probes. It prefers users whose last call was delivered, so
that users whose calls always fail do not keep a gate shut. What one user's calls meet again and again, while calls of
others are delivered, is a failure of the event and shuts no gate.

    worker ─admit─▶ pauses and gates ─▶ concurrency ─▶ rate ─Go(permit)─▶ call ─▶ answer
                          ▲                  ▲           ▲                          │
                          └──────────────────┴───────────┴── answered(permit) ◀─────┘

`Project.admit` asks them in this order and returns the first wait. `Project.answered` passes each answer to those that
learn from it: a 429 teaches the rate and never the breaker, a failure teaches the breaker and never the rate, and a
refusal is a success to both. The invariant: each permit comes back once, by `answered` or `abandoned`, so the calls in
flight are the permits that are out.

All of it belongs to the one event loop and is in memory, except the learned limit, which the monitor stores in the
queue. A crash loses pauses and concurrency, which the next calls show again.
"""

from dataclasses import dataclass, replace
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
"""Reasons that stop every call."""
SLOWING = (PauseReason.PACE, PauseReason.SLOW, PauseReason.MISCONFIGURED)
"""Reasons that slow calls down; misconfigured, if only identify calls are paused."""

SLOW_TEXT = "Browsee answers slowly, so fewer calls are in flight at once"
LIMIT_TEXT = "calls go as fast as Browsee's limit is known to allow"
PINNED_TEXT = "calls go as fast as browsee.rate of the settings allows"
LEARNING_TEXT = "calls go ever faster until Browsee's limit is met"


class Obstacle(Struct, frozen=True):
    """What holds calls up. `next_s`: seconds until the next attempt; None if no attempt is scheduled."""

    delivery: DeliveryStatus
    why: PauseReason | None
    cause: str
    next_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The state of delivery to this project, for `/readyz`. `text` says for people why calls wait and when the next
    attempt is; `cause` is the same without the time. Both are empty while all is well.

    `per_s` is the rate now, `limit_per_s` the learned limit (None: not met yet, or pinned). `is_here`: this process
    delivers the project.
    """

    delivery: DeliveryStatus
    why: PauseReason | None
    text: str
    per_s: float
    limit_per_s: float | None
    concurrency: int
    in_flight: int
    cause: str = ""
    is_here: bool = True

    @property
    def waiting_text(self) -> str:
        """Why a pending event waits: "delivery is paused: Browsee answered 401: check browsee_api_key; next try in 23
        s". Empty unless delivery is paused.
        """
        return f"delivery is paused: {self.text}" if self.delivery == "paused" else ""


ELSEWHERE: Final = State("ok", None, "", per_s=0.0, limit_per_s=None, concurrency=0, in_flight=0, is_here=False)
"""The state of a project that another replica delivers: what this process learned of it no longer holds."""


def undelivered(seconds: float) -> State:
    """The state of a project that no replica has delivered for so long."""
    cause = "no replica delivers; start one with --role all or --role deliver, whose settings have the same sources"
    text = f"no replica has delivered for {seconds:.0f} s{cause.removeprefix('no replica delivers')}"
    return replace(ELSEWHERE, delivery="paused", text=text, cause=cause)


def worded(obstacle: Obstacle) -> str:
    """The cause, and when the next attempt is."""
    if obstacle.next_s is None:
        return obstacle.cause
    return f"{obstacle.cause}; next try " + (f"in {obstacle.next_s:.0f} s" if obstacle.next_s >= 0.5 else "now")

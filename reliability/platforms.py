"""The sending behaviour of customer-data platforms: how long they wait for an answer, what they send again and when,
and when they give up. Values and pure functions; nothing here calls the adapter.

Sources: for Segment its documentation of webhooks and of destinations, and `errors.ts`, `create-request-client.ts` of
action-destinations; for RudderStack `router/` of rudder-server; for Jitsu `webhook-destination.ts` and `retries.ts`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

MINUTE_S = 60.0
HOUR_S = 3600.0
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """A message after a failed attempt, as the platform knows it.

    `age_s` is the time since the first attempt; `status` is that of the last answer, NO_ANSWER if none came in time.
    """

    tries: int
    age_s: float
    status: int


Schedule: TypeAlias = Callable[[Tried, float], float | None]
"""Seconds until the next attempt, given a jitter in [0, 1); None gives the message up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A sender. Up to `batch` messages are sent in one array, grouped again for each attempt; 1: one object in a
    request.

    `is_ordered`: the next message of a user waits until the one before is finished.
    """

    name: str
    timeout_s: float
    schedule: Schedule
    batch: int = 1
    is_ordered: bool = False


SEGMENT_TRIES = 6
SEGMENT_FOR_S = 4 * HOUR_S
SEGMENT_RETRIED_4XX = frozenset({408, 423, 429})


def segment(tried: Tried, jitter: float) -> float | None:
    """Retries 5xx except 501, three of 4xx, and timeouts, for 4 h with randomised exponential backoff.

    The number of attempts is not published. The table of discards of its Functions names 6 attempts, so these waits
    double and, without jitter, add up to 4 h. With jitter they are at least half as long.
    """
    status = tried.status
    is_final = status == 501 or (400 <= status < 500 and status not in SEGMENT_RETRIED_4XX)
    if is_final or tried.tries >= SEGMENT_TRIES:
        return None
    doubled = 2.0 ** (tried.tries - 1)
    return SEGMENT_FOR_S * doubled / (2.0 ** (SEGMENT_TRIES - 1) - 1.0) * (1.0 - jitter / 2.0)


RUDDER_FIRST_S, RUDDER_MOST_S = 10.0, 300.0
RUDDER_FOR_S = 180 * MINUTE_S
RUDDER_LEAST_TRIES = 3
RUDDER_ENDLESS = frozenset({408, 429})


def rudderstack(tried: Tried, _: float) -> float | None:
    """Retries 5xx and timeouts for 3 h, after 10 s, doubling to 5 min, without jitter; 408 and 429 for as long as it
    keeps the job. Any other answer ends it.
    """
    is_final = 300 <= tried.status < 500 and tried.status not in RUDDER_ENDLESS
    is_over = tried.age_s > RUDDER_FOR_S and tried.tries >= RUDDER_LEAST_TRIES and tried.status not in RUDDER_ENDLESS
    if is_final or is_over:
        return None
    return float(min(RUDDER_FIRST_S * 2.0 ** (tried.tries - 1), RUDDER_MOST_S))


JITSU_WAITS_S = (10 * MINUTE_S, 100 * MINUTE_S, 1000 * MINUTE_S)


def jitsu(tried: Tried, _: float) -> float | None:
    """Retries every answer but 2xx three times, each wait ten times the one before."""
    return None if tried.tries > len(JITSU_WAITS_S) else JITSU_WAITS_S[tried.tries - 1]


PLATFORMS = (
    Platform(name="segment-webhooks", timeout_s=5.0, schedule=segment),
    Platform(name="segment-actions", timeout_s=10.0, schedule=segment, batch=100),
    Platform(name="rudderstack-webhook", timeout_s=10.0, schedule=rudderstack, is_ordered=True),
    Platform(name="rudderstack-http", timeout_s=10.0, schedule=rudderstack, is_ordered=True, batch=20),
    Platform(name="jitsu", timeout_s=2.0, schedule=jitsu),
)

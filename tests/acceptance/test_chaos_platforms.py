"""The emulated platforms keep the schedules that the real ones are known to have."""

import itertools
from collections.abc import Iterator

import pytest

from reliability.platforms import (
    HOUR_S,
    MINUTE_S,
    NO_ANSWER,
    PLATFORMS,
    RUDDER_FOR_S,
    SEGMENT_FOR_S,
    Schedule,
    Tried,
    jitsu,
    rudderstack,
    segment,
)


def waits(schedule: Schedule, *, status: int, jitter: float = 0.0, most: int = 1000) -> Iterator[float]:
    """The waits between the tries of a message that is never answered otherwise, at most `most`."""
    age_s = 0.0
    for tries in range(1, most + 1):
        wait_s = schedule(Tried(tries, age_s, status), jitter)
        if wait_s is None:
            return
        age_s += wait_s
        yield wait_s


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, SEGMENT_FOR_S), (1.0, SEGMENT_FOR_S / 2)])
def test_segment_tries_six_times_in_four_hours(jitter: float, seconds: float) -> None:
    """Its waits double; with all the jitter there is they are half as long."""
    found = list(waits(segment, status=503, jitter=jitter))
    assert sum(found) == pytest.approx(seconds)
    assert [later / earlier for earlier, later in itertools.pairwise(found)] == pytest.approx([2.0] * 4)


@pytest.mark.parametrize("status", [503, 500, NO_ANSWER])
def test_rudderstack_tries_for_three_hours(status: int) -> None:
    """10 s, doubling to 5 min; the try after three hours is the last: some 41 in all."""
    found = list(waits(rudderstack, status=status))
    assert found[:6] == [10, 20, 40, 80, 160, 300]
    assert sum(found[:-1]) <= RUDDER_FOR_S < sum(found)
    assert 39 <= len(found) + 1 <= 42


@pytest.mark.parametrize("status", [408, 429])
def test_rudderstack_never_tires_of_being_reported_to_slow_down(status: int) -> None:
    """Such a job ends with its retention only, which is a month."""
    assert sum(waits(rudderstack, status=status)) > 72 * HOUR_S


@pytest.mark.parametrize("status", [503, 400, 302, NO_ANSWER])
def test_jitsu_tries_four_times_whatever_the_answer(status: int) -> None:
    """The last try is 18.5 h after the first."""
    assert [wait_s / MINUTE_S for wait_s in waits(jitsu, status=status)] == [10, 100, 1000]


FINAL = {
    segment: {400: True, 401: True, 413: True, 501: True, 408: False, 423: False, 429: False, 502: False},
    rudderstack: {302: True, 400: True, 401: True, 413: True, 408: False, 429: False, 501: False, 504: False},
}


@pytest.mark.parametrize(
    ("schedule", "status", "is_final"),
    [(schedule, status, ends) for schedule, table in FINAL.items() for status, ends in table.items()],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_some_answers_end_a_message(schedule: Schedule, status: int, is_final: bool) -> None:
    """What the platform takes for the message's fault is not sent again."""
    assert (schedule(Tried(1, 0.0, status), 0.0) is None) == is_final


def test_patience_is_theirs() -> None:
    """The time-outs that the platforms have."""
    assert {platform.name: platform.timeout_s for platform in PLATFORMS} == {
        "segment-webhooks": 5.0,
        "segment-actions": 10.0,
        "rudderstack-webhook": 10.0,
        "rudderstack-http": 10.0,
        "jitsu": 2.0,
    }

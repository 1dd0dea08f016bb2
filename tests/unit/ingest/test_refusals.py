"""Since when a sender is refused, and when that is over."""

import pytest

from adapter.http.responses import Reply
from adapter.ingest.refusals import Refusals, Refusing

HORIZONS_S = {"shop": 10_800.0, "app": 10_800.0}


def refused(refusals: Refusals, now_s: float) -> dict[str, float]:
    return {one.source: one.for_s for one in refusals.now(now_s, HORIZONS_S)}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply.FULL, "the queue is full"),
        (Reply.FAILED, "the queue cannot be written"),
        (Reply.LIMITED, "it sends more than its limit"),
    ],
)
def test_what_a_sender_tries_again_counts(reply: Reply, why: str) -> None:
    """From the first refusal on, with the reason of the last."""
    refusals = Refusals()
    refusals.record("shop", Reply.FULL, 100.0)
    refusals.record("shop", reply, 160.0)
    assert refusals.now(200.0, HORIZONS_S) == [Refusing("shop", 100.0, why)]


@pytest.mark.parametrize("reply", [Reply.STORED, Reply.INVALID, Reply.TOO_MANY, Reply.UNPARSEABLE])
def test_other_answers_do_not(reply: Reply) -> None:
    """What is final, or was taken, is not waited for."""
    refusals = Refusals()
    refusals.record("shop", reply, 100.0)
    assert refused(refusals, 200.0) == {}


def test_a_message_that_is_taken_ends_it_after_a_calm() -> None:
    """Refused now and taken then is still refused: what was sent first may be among those."""
    refusals = Refusals()
    refusals.record("shop", Reply.LIMITED, 0.0)
    refusals.record("shop", Reply.STORED, 10.0)
    refusals.record("shop", Reply.LIMITED, 50.0)
    assert refused(refusals, 120.0) == {"shop": 120.0}
    refusals.record("shop", Reply.STORED, 130.0)
    assert refused(refusals, 130.0) == {}
    refusals.record("shop", Reply.LIMITED, 300.0)
    assert refused(refusals, 301.0) == {"shop": 1.0}


def test_a_new_refusal_after_a_calm_begins_anew() -> None:
    """Also if it was not read in between."""
    refusals = Refusals()
    refusals.record("shop", Reply.FULL, 0.0)
    refusals.record("shop", Reply.STORED, 1.0)
    refusals.record("shop", Reply.FULL, 500.0)
    assert refused(refusals, 501.0) == {"shop": 1.0}


def test_a_queue_that_takes_again_ends_it_for_all() -> None:
    """They will be taken whenever they come; one beyond its limit must come first."""
    refusals = Refusals()
    for source, reply in (("shop", Reply.FULL), ("app", Reply.LIMITED)):
        refusals.record(source, reply, 0.0)
    assert refusals.waits_for_queue
    assert refused(refusals, 1_000.0) == {"shop": 1_000.0, "app": 1_000.0}
    refusals.queue_takes()
    assert not refusals.waits_for_queue
    assert refused(refusals, 1_000.0) == {"app": 1_000.0}


def test_who_never_comes_back_is_forgotten() -> None:
    """After its horizon there is nothing left that it would send."""
    refusals = Refusals()
    refusals.record("shop", Reply.LIMITED, 0.0)
    refusals.record("shop", Reply.LIMITED, 5_000.0)
    assert refused(refusals, 15_800.0) == {"shop": 15_800.0}
    assert refused(refusals, 15_801.0) == {}

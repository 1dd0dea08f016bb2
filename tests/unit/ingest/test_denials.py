"""What operators see of requests that were answered 401."""

from datetime import timedelta

import pytest

from adapter.ingest.auth import Denial, denial
from adapter.ingest.denials import Denials
from tests.fakes import RECEIVED_AT
from tests.openapi import description


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        (set(), Denial.KEY_MISSING),
        ({"wrong"}, Denial.KEY_UNKNOWN),
        ({"one", "other"}, Denial.KEYS_DIFFER),
        ({""}, Denial.KEY_UNREADABLE),
        ({"key", ""}, Denial.KEY_UNREADABLE),
    ],
)
def test_why_a_key_is_nobody_s(claims: set[str], found: Denial) -> None:
    """Missing, wrong and contradictory are mended in different places."""
    assert denial(claims) is found


def test_equal_ones_are_counted_and_the_last_comes_first() -> None:
    """A destination that is set up wrong sends thousands: they are one line."""
    denials = Denials()
    for n in range(3):
        denials.note(
            route="/webhooks/shop", reason="wrong_source", source="default", at=RECEIVED_AT + timedelta(seconds=n)
        )
    denials.note(route="/v1/batch", reason="key_unknown", source="", at=RECEIVED_AT + timedelta(seconds=9))
    last, first = denials.recent(RECEIVED_AT + timedelta(minutes=1))
    assert (last["route"], last["code"], last["source"], last["count"]) == ("/v1/batch", "key_unknown", None, 1)
    assert (first["code"], first["source"], first["count"]) == ("wrong_source", "default", 3)
    assert first["says"] == "the key is that of source default, whose URL is /webhooks/default/<key>"


def test_what_has_been_set_right_is_forgotten() -> None:
    """An hour after the last of them."""
    denials = Denials()
    denials.note(route="/b", reason="key_missing", source="", at=RECEIVED_AT)
    assert len(denials.recent(RECEIVED_AT + timedelta(minutes=60))) == 1
    assert denials.facts(RECEIVED_AT + timedelta(minutes=61)) == {}
    assert denials.recent(RECEIVED_AT) == []


@pytest.mark.parametrize("reason", Denial)
def test_every_reason_has_a_sentence_and_stands_in_the_description(reason: Denial) -> None:
    """`/readyz` says it to a person, and its schema lists it."""
    denials = Denials()
    denials.note(route="/webhooks/shop", reason=reason, source="shop", at=RECEIVED_AT)
    [said] = denials.recent(RECEIVED_AT)
    assert said["says"]
    listed = description()["components"]["schemas"]["Ready"]["properties"]["unauthorized"]["items"]["properties"]
    assert reason.value in listed["code"]["enum"]

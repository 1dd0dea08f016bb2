"""Suggestions for senders that use an unknown path."""

import pytest

from adapter.ingest.paths import hint


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/webhook/shop/key", "did you mean /webhooks/…?"),
        ("/webhook", "did you mean /webhooks/…?"),
        ("/Webhooks/shop/key", "did you mean /webhooks/…?"),
        ("/hook/shop", "did you mean /webhooks/…?"),
        ("/web-hook/shop", "did you mean /webhooks/…?"),
        ("//webhooks/shop", "did you mean /webhooks/…?"),
        ("/v1/webhooks/shop/key", "did you mean /webhooks/…?"),
        ("/v1/v1/batch", "leave /v1 out of its host"),
        ("/v1/sourceConfig/", "must not end in /v1"),
    ],
)
def test_a_near_miss_is_named(path: str, says: str) -> None:
    """The URL has a typing error, and the sender drops its events for good until somebody sees it."""
    assert says in hint(path)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/shop/webhook", "/hooked", "/webhooking", "/v12/batch"])
def test_of_what_is_not_near_nothing_is_guessed(path: str) -> None:
    """A hint that leads astray costs more than none."""
    assert hint(path) == ""

"""The keys by which a queue finds its events: files of today are read with them for years, so they never change."""

from hashlib import blake2b
from typing import Any

import orjson
import pytest

from adapter.queue.codec import digest_of, lanes_of_user

ID = "025031bfad1b98adf5053edf"
"""Of source `shop` and message id `m-1`."""


@pytest.mark.parametrize(
    ("kind", "body", "tail"),
    [
        ("track", {"event": "Order Completed"}, "89394a78"),
        ("track", {"event": 5}, "3cf27bae"),
        ("track", {"event": {"b": 1, "a": 2}}, "e0ecdbd3"),
        ("track", {}, "5d7c3374"),
        ("track", {"event": "é" * 99}, "50e7d2c0"),
        ("track", {"event": "é" * 100}, "fe5b17ad"),
        ("track", {"event": "é" * 101}, "686bda50"),
        ("page", {"name": "Home", "event": "not this"}, "c3aee999"),
        ("identify", {"name": "not this"}, "cf8c1326"),
        ("k" * 99, {}, "35cecdd9"),
        ("k" * 100, {}, "aa36ab49"),
        ("", {}, "37d8b837"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_digest_never_changes(kind: str, body: dict[str, Any], tail: str) -> None:
    """Nor is it another one the second time, when its name is known."""
    for _ in range(2):
        assert digest_of(source="shop", message_id="m-1", kind=kind, body=body).hex() == ID + tail


def test_names_that_are_not_remembered_any_more_have_the_same_digest() -> None:
    """More names than are remembered, and each of them again."""
    for name in [f"event {number}" for number in range(2_000)] * 2:
        expected = blake2b(orjson.dumps(["track", name]), digest_size=4).digest()
        assert digest_of(source="shop", message_id="m-1", kind="track", body={"event": name})[-4:] == expected


def test_the_lanes_of_a_user_never_change() -> None:
    """By user id and by anonymous id, and the two for parked events."""
    assert lanes_of_user("shop", "u-1") == (
        -5132268008566626851,
        222248032585017186,
        556133942881474333,
        5560574155651114547,
    )

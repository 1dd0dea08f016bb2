"""Keys: where they are looked for, what counts as one, and whose they are."""

import base64
import timeit

import pytest

from adapter.ingest.auth import Keyring, claimed_in_body, claimed_keys
from adapter.ingest.sources import Source
from adapter.model import Secret


def basic(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.parametrize(
    ("authorization", "claims"),
    [
        (basic(b"key:"), {"key"}),
        (basic(b"key"), {"key"}),
        (basic(b"key:password"), {"key"}),
        ("basic " + base64.b64encode(b"key:").decode().rstrip("="), {"key"}),
        ("Bearer key", {"key"}),
        ("bearer  key ", {"key"}),
        ("Bearer undefined", set()),
        (basic(b":"), set()),
        ("", set()),
        ("Basic not*base64", {""}),
        (basic(b"\xff\xfe"), {""}),
        ("Digest key", {""}),
        ("key", {""}),
        ("Bearer", {""}),
    ],
    ids=lambda value: str(value)[:30] or "empty",
)
def test_the_authorization_header(authorization: str, claims: set[str]) -> None:
    """Basic with or without its colon, Bearer; an unreadable credential claims a key that no source has."""
    assert claimed_keys(path_key=None, query=(), authorizations=[authorization], write_keys=()) == claims


@pytest.mark.parametrize(
    ("path_key", "query", "authorizations", "write_keys", "claims"),
    [
        ("key", [], [], [], {"key"}),
        (None, ["key"], [], [], {"key"}),
        (None, [], [], ["key"], {"key"}),
        ("key", ["key"], [basic(b"key:")], ["key"], {"key"}),
        (None, [], ["Bearer key", "Bearer key"], [], {"key", ""}),
        (None, [], [], ["key", "key"], {"key", ""}),
        (None, [""], [], [""], set()),
        ("key", ["other"], [], [], {"key", "other"}),
        (None, ["key", "other"], [], [], {"key", "other"}),
        (None, [], ["Bearer key", "Bearer other"], [], {"key", "other", ""}),
        (None, [], [], ["key", "other"], {"key", "other", ""}),
        ("key", [], ["Bearer undefined"], [], {"key"}),
        ("key", [], ["Digest x"], [], {"key", ""}),
        (None, [], [], [], set()),
    ],
    ids=[
        "path", "query", "header", "all agree", "Authorization repeated", "X-Write-Key repeated", "blank",
        "path and query differ", "two in the query",
        "two Authorization", "two X-Write-Key", "unconfigured bearer", "unreadable beside a good one", "none",
    ],
)  # fmt: skip
def test_every_claim_counts(
    path_key: str | None, query: list[str], authorizations: list[str], write_keys: list[str], claims: set[str]
) -> None:
    """Event authors can add headers, so a second key anywhere is seen and never overruled by the first."""
    assert claimed_keys(path_key=path_key, query=query, authorizations=authorizations, write_keys=write_keys) == claims


@pytest.mark.parametrize(
    ("holder", "claims"),
    [
        ({"writeKey": "key"}, {"key"}), ({"writeKey": "id:***"}, set()), ({"writeKey": ""}, set()),
        ({"writeKey": None}, set()), ({}, set()), ({"writeKey": 5}, {""}), ([], set()), (None, set()),
    ],
    ids=["key", "masked by Jitsu", "blank", "null", "absent", "number", "array", "nothing"],
)  # fmt: skip
def test_the_key_in_a_body(holder: object, claims: set[str]) -> None:
    """SDKs repeat their key in the body, some only there."""
    assert claimed_in_body(holder) == claims


SHOP = Source("shop", (Secret("k1"), Secret("k2")))
APP = Source("app", (Secret("κλειδί"), Secret("")))
KEYRING = Keyring([SHOP, APP])


def test_every_key_takes_as_long() -> None:
    """The first of thousands, the last, a wrong one, and the only one: neither a sender nor a count shows in it."""
    keys = [f"key-{number:05}" for number in range(3000)]
    thousands = Keyring([Source(f"source-{key}", (Secret(key),)) for key in keys])
    one = Keyring([Source("source", (Secret(keys[0]),))])

    def least_s(keyring: Keyring, key: str) -> float:
        return min(timeit.repeat(lambda: keyring.source_of({key}), number=100, repeat=30))

    first, last, wrong = (least_s(thousands, key) for key in (keys[0], keys[-1], "key-99999"))
    assert max(first, last, wrong, least_s(one, keys[0])) < 3 * min(first, last, wrong)


@pytest.mark.parametrize(
    ("claims", "source"),
    [
        ({"k1"}, SHOP), ({"k2"}, SHOP), ({"κλειδί"}, APP), ({"k3"}, None), ({"k"}, None), (set(), None), ({""}, None),
        ({"k1", "k2"}, None), ({"k1", ""}, None), ({"\ud800"}, None),
    ],
    ids=["first", "second while rotating", "not ASCII", "wrong", "a part", "none", "empty", "two of one source",
         "one unreadable", "surrogate"],
)  # fmt: skip
def test_whose_key_it_is(claims: set[str], source: Source | None) -> None:
    """Exactly one claimed key that is a source's names that source; the empty key never does, even if configured."""
    assert KEYRING.source_of(claims) is source

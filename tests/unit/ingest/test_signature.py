"""Signatures: Segment's own requests, and what an attacker might send instead."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from adapter.ingest.signature import verify
from adapter.model import Secret

VECTORS = json.loads((Path(__file__).parents[2] / "cases/segment-signature-vectors.json").read_text())["vectors"]
VERIFIABLE = {"whole body", "slice of element 0", "slice of element 0 .json"}


def signed(body: bytes, key: str = "s") -> str:
    return hmac.digest(key.encode(), body, "sha1").hex()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_captured_request_gets_the_verdict_its_shape_allows(vector: dict[str, Any]) -> None:
    """What Segment signed over bytes it sent is accepted; what it left unsigned, or signed unseen, is refused."""
    signatures = [] if vector["x_signature"] is None else [vector["x_signature"]]
    body = base64.b64decode(vector["body_base64"])
    assert verify([Secret(vector["secret"])], signatures, body) is (vector["expect"] in VERIFIABLE)


@pytest.mark.parametrize(
    "secrets",
    [["s"], ["old", "s"], ["s", "new"]],
    ids=["alone", "last while rotating", "first while rotating"],
)
def test_any_of_the_secrets_will_do(secrets: list[str]) -> None:
    """While secrets are rotated, requests signed with the old and with the new one are both accepted."""
    assert verify([Secret(secret) for secret in secrets], [signed(b'{"a":1}')], b'{"a":1}')


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b' {"a":1}\n', b' {"a":1}\n'),
        (b'[\n {"a": 1} ,null]', b'{"a": 1}'),
        (b'[ { "json" : {"a":"]"} } ]', b'{"a":"]"}'),
        (b'[{"json":{"a":1}}]', b'{"json":{"a":1}}'),
        (b'[{"json":{"a":1},"b":2}]', b'{"json":{"a":1},"b":2}'),
    ],
    ids=["object with space around", "array", "wrapped", "wrapped, signed unwrapped", "json beside another key"],
)
def test_the_signature_covers_this_part_of_the_bytes(body: bytes, part: bytes) -> None:
    """The bytes are used as they were sent, with their inner spaces, never rewritten."""
    assert verify([Secret("s")], [signed(part)], body)


@pytest.mark.parametrize(
    ("secrets", "signatures", "body"),
    [
        (["s"], [], b"{}"),
        (["s"], [signed(b"{}"), signed(b"{}")], b"{}"),
        (["s"], [signed(b"{}")[:-1]], b"{}"),
        (["s"], [signed(b"{}")[:-1] + "é"], b"{}"),
        (["s"], [signed(b"{}", "other")], b"{}"),
        ([], [signed(b"{}")], b"{}"),
        ([""], [signed(b"{}", "")], b"{}"),
        (["s"], [signed(b"a=1")], b"a=1"),
        (["s"], [signed(b"")], b""),
        (["s"], [signed(b"null")], b'[null,{"a":1}]'),
        (["s"], [signed(b"[]")], b"[]"),
        (["s"], [signed(b"1")], b"[1]"),
        (["s"], [signed(b"")], b"[\xff]"),
        (["s"], [signed(b"")], b"[" * 100_000),
        (["s"], [signed(b'{"b":2}')], b'[{"a":1},{"b":2}]'),
    ],
    ids=[
        "no header", "two headers", "short", "not hex", "other secret", "no secrets", "empty secret", "form", "empty",
        "null first", "empty array", "number first", "not UTF-8", "nested too deep", "second member's",
    ],
)  # fmt: skip
def test_what_is_not_signed_is_refused(secrets: list[str], signatures: list[str], body: bytes) -> None:
    """A source with secrets takes nothing that one of them did not sign, and nothing makes the check fall over."""
    assert not verify([Secret(secret) for secret in secrets], signatures, body)


def test_hex_may_be_in_capitals() -> None:
    """The case of the hex digits says nothing."""
    assert verify([Secret("s")], [signed(b"{}").upper()], b"{}")

"""Verifies Segment's `X-Signature` over the bytes as received. Pure; never re-writes JSON to sign it.

The rule, confirmed on requests captured from Segment's own webhook destinations (npm @segment/action-destinations
3.497.0): HMAC-SHA1, hex, key = the shared secret in UTF-8, over

    an object                       the whole body
    an array                        its first member, as spelled in the body
    an array of {"json": …}         the value of `json` in its first member

Of an array only the first member is protected, and nothing is protected against replay. That is Segment's design, so a
source's key is required as well. Form bodies, and audiences with extras, are signed over JSON that is not sent:
refused.
"""

import hmac
import json
import re
from collections.abc import Sequence

from adapter.model import Secret

_HEX = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)
_BLANK = re.compile(r"[ \t\r\n]*")
_WRAPPED = re.compile(r'\{[ \t\r\n]*"json"[ \t\r\n]*:[ \t\r\n]*')
_SCANNER = json.JSONDecoder()


def verify(secrets: Sequence[Secret], signatures: Sequence[str], body: bytes) -> bool:
    """Whether one of `signatures`, the values of every `X-Signature` header, was made with a secret for `body`.

    `body` is the signed text: the bytes on the wire, inflated if they came compressed. Never raises.
    """
    if len(signatures) != 1:
        return False
    signature = signatures[0].strip()
    if _HEX.fullmatch(signature) is None:
        return False
    claimed = bytes.fromhex(signature)
    found = False
    for signed in _signed_parts(body):
        for secret in secrets:
            # No early exit: the duration must not show which secret or part matched.
            found |= _is_made_with(secret, signed, claimed)
    return found


def _is_made_with(secret: Secret, signed: bytes, claimed: bytes) -> bool:
    key = secret.reveal().encode()
    # With an empty secret anyone could sign.
    return key != b"" and hmac.compare_digest(hmac.digest(key, signed, "sha1"), claimed)


def _signed_parts(body: bytes) -> Sequence[bytes]:
    """The bytes that a signature may cover; none for a shape that cannot be verified."""
    start = body.lstrip(b" \t\r\n")[:1]
    if start == b"{":
        return (body,)
    if start != b"[":
        return ()
    try:
        return tuple(part.encode() for part in _first_member(body.decode()))
    except (ValueError, RecursionError):
        # Not UTF-8, not JSON, or nested too deep: no sender signed it.
        return ()


def _first_member(text: str) -> Sequence[str]:
    """The first member of the array `text`, and the value of its `json` if it has no other member. Raises
    ValueError.
    """
    start = _after(_BLANK, text, text.index("[") + 1)
    member, end = _SCANNER.raw_decode(text, start)
    if not isinstance(member, dict):
        return ()
    whole = text[start:end]
    wrapped = _WRAPPED.match(whole)
    if member.keys() != {"json"} or wrapped is None:
        return (whole,)
    _, inner_end = _SCANNER.raw_decode(whole, wrapped.end())
    return (whole, whole[wrapped.end() : inner_end])


def _after(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return start if match is None else match.end()

"""Authentication: the keys a request claims, and the source they belong to. Pure; never says which key was wrong.

A sender only sees 401. `Denial` tells the operator what was wrong with the key or the signature.

The author of an event can add headers to the requests of RudderStack, so every claim counts, repeated headers included.
A request that claims two keys has no source.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from hashlib import blake2b
from secrets import token_bytes

from adapter.ingest.key_uses import key_name
from adapter.ingest.sources import Source

_UNUSABLE = ""
"""Stands for a credential that cannot be read. It matches no source's key, so the request is refused."""

_UNCONFIGURED_BEARER = "undefined"
"""Segment's Extensible Webhook sends `Bearer undefined` if its authentication is not set up."""

_MASK = "***"
"""Jitsu masks the `writeKey` in the messages it passes on: `id:***`."""


class Denial(StrEnum):
    """Why a request was answered 401: metric label and log field, so the set is closed. Never a value."""

    KEY_MISSING = "key_missing"
    KEY_UNREADABLE = "key_unreadable"
    KEY_UNKNOWN = "key_unknown"
    KEYS_DIFFER = "keys_differ"
    WRONG_SOURCE = "wrong_source"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"
    SOURCE_SIGNS = "source_signs"


def denial(claims: Collection[str]) -> Denial:
    """Why no source has the key in `claims`."""
    if not claims:
        return Denial.KEY_MISSING
    if _UNUSABLE in claims:
        return Denial.KEY_UNREADABLE
    return Denial.KEY_UNKNOWN if len(claims) == 1 else Denial.KEYS_DIFFER


def claimed_keys(
    *, path_key: str | None, query: Sequence[str], authorizations: Sequence[str], write_keys: Sequence[str]
) -> frozenset[str]:
    """Every key that path, `?writeKey=`, `Authorization` and `X-Write-Key` claim: all values that are not blank.

    `X-Write-Key` may have a password after a colon, as Basic credentials do: Jitsu writes `key:secret`.

    A repeated header claims a key that no source has, even if both values agree: a proxy in front may look at one value
    alone, and no properly configured sender repeats one (RFC 9110, 5.3: only a header whose value is a list may
    repeat).
    """
    claims = {key for key in (path_key, *query, *(written.partition(":")[0] for written in write_keys)) if key}
    if len(authorizations) > 1 or len(write_keys) > 1:
        claims.add(_UNUSABLE)
    claims.update(key for header in authorizations if (key := _credential(header)) is not None)
    return frozenset(claims)


def claimed_in_body(holder: object) -> frozenset[str]:
    """The key in the `writeKey` of a message or of a batch's envelope; none if it is absent, blank or masked."""
    key = holder.get("writeKey") if isinstance(holder, dict) else None
    if key is None or key == "":
        return frozenset()
    if not isinstance(key, str):
        return frozenset({_UNUSABLE})
    return frozenset() if key.endswith(_MASK) else frozenset({key})


class Keyring:
    """The keys of all sources. Keys are unique: the settings are checked for that.

    A look-up costs the same with one source as with thousands. Keys are found by their digest under a random key of
    this process, so that the time of a look-up depends on nothing that a sender can choose or compute.
    """

    def __init__(self, sources: Collection[Source], *, used: Callable[[str], None] = lambda _: None) -> None:
        """`used` is called with the name of each key that was found."""
        self._digest_key = token_bytes(32)
        self._used = used
        self._held = {
            self._digest(key.reveal()): (source, key_name(key))
            for source in sources
            for key in source.keys
            if key.reveal()
        }

    def source_of(self, claims: Collection[str]) -> Source | None:
        """The source whose key was claimed; None for no key, a wrong key, or several keys."""
        if len(claims) != 1:
            return None
        held = self._held.get(self._digest(next(iter(claims))))
        if held is None:
            return None
        source, name = held
        self._used(name)
        return source

    def _digest(self, key: str) -> bytes:
        return blake2b(key.encode(errors="surrogatepass"), digest_size=32, key=self._digest_key).digest()


def _credential(header: str) -> str | None:
    """The key in an `Authorization` header; None if it claims none, `_UNUSABLE` if it cannot be read."""
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    match scheme.lower():
        case "":
            return None
        case "bearer":
            return None if token == _UNCONFIGURED_BEARER else token
        case "basic":
            return _user(token)
        case _:
            return _UNUSABLE


def _user(token: str) -> str | None:
    """The user of Basic credentials, with or without a colon after it; None if it is empty (`:` alone)."""
    try:
        user = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return _UNUSABLE
    return user.partition(":")[0] or None

"""Who sends this: the keys a request claims, and the source they belong to. Pure; never says which key was wrong.

A sender sees no more than 401. `Denial` says to the operator what was wrong with the key or the signature.

Event authors can add headers of their own to what RudderStack sends, so every claim counts, repeated headers included:
a request that claims two keys belongs to nobody.
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
"""What a credential claims that cannot be read. It is no source's key, so it is refused, and not passed over."""

_UNCONFIGURED_BEARER = "undefined"
"""Segment's Extensible Webhook sends `Bearer undefined` when its authentication is not set up."""

_MASK = "***"
"""Jitsu masks the `writeKey` in the messages it passes on: `id:***`."""


class Denial(StrEnum):
    """Why a request was answered 401: metric label and log field, so the set is closed. Never the value."""

    KEY_MISSING = "key_missing"
    KEY_UNREADABLE = "key_unreadable"
    KEY_UNKNOWN = "key_unknown"
    KEYS_DIFFER = "keys_differ"
    WRONG_SOURCE = "wrong_source"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"
    SOURCE_SIGNS = "source_signs"


def denial(claims: Collection[str]) -> Denial:
    """Why `claims`, which belong to no source, do not."""
    if not claims:
        return Denial.KEY_MISSING
    if _UNUSABLE in claims:
        return Denial.KEY_UNREADABLE
    return Denial.KEY_UNKNOWN if len(claims) == 1 else Denial.KEYS_DIFFER


def claimed_keys(
    *, path_key: str | None, query: Sequence[str], authorizations: Sequence[str], write_keys: Sequence[str]
) -> frozenset[str]:
    """Every key that path, `?writeKey=`, `Authorization` and `X-Write-Key` claim: all values of each but blank ones.

    `X-Write-Key` may have a password behind a colon, as Basic credentials do: Jitsu writes `key:secret`.

    A header that comes twice claims a key of nobody, even if both agree: a proxy in front may look at one alone, and
    no sender that was set up repeats one (RFC 9110, 5.3: only a header whose value is a list may come again).
    """
    claims = {key for key in (path_key, *query, *(written.partition(":")[0] for written in write_keys)) if key}
    if len(authorizations) > 1 or len(write_keys) > 1:
        claims.add(_UNUSABLE)
    claims.update(key for header in authorizations if (key := _credential(header)) is not None)
    return frozenset(claims)


def claimed_in_body(holder: object) -> frozenset[str]:
    """The key in the `writeKey` of a message or a batch's envelope; none where it is absent, blank or masked."""
    key = holder.get("writeKey") if isinstance(holder, dict) else None
    if key is None or key == "":
        return frozenset()
    if not isinstance(key, str):
        return frozenset({_UNUSABLE})
    return frozenset() if key.endswith(_MASK) else frozenset({key})


class Keyring:
    """The keys of all sources. Keys are unique: the settings see to that.

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
        """Whose key was claimed; None for no key, a wrong one, or several."""
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
    """The key in an `Authorization` header: None if it claims none, `_UNUSABLE` if it cannot be read."""
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
    """The user of Basic credentials, with or without a colon behind it; None for nobody (`:` alone)."""
    try:
        user = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return _UNUSABLE
    return user.partition(":")[0] or None

"""Sessions of the console: a signed cookie; nothing is stored. Pure but for deriving the key.

A session is two instants (sign-in and expiry) and a signature over them, made with a key that is derived from the admin
token. So it survives a restart, and a new token ends every session. A session lasts 12 hours after its last renewal and
7 days after the sign-in. Signing out clears the cookie of one browser; a copy of the cookie is valid until it expires.
"""

import asyncio
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as MalformedBase64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import scrypt, sha256
from secrets import token_bytes
from typing import Final

from adapter.model import Secret

IDLE_S: Final = 12 * 3600
LONGEST_S: Final = 7 * 86400
COOKIE: Final = "browsee-adapter-session"

_SALT: Final = b"browsee-adapter console session"
_SCRYPT_N: Final = 1 << 14
"""16 MB and about 40 ms a guess: a copied cookie can be used to try tokens offline (RFC 7914 has this for logins)."""
_LAYOUT: Final = struct.Struct(">II16s")
"""Seconds of the sign-in, seconds of the expiry, and a nonce that makes every cookie different."""
_SIGNATURE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Instants in seconds since 1970."""

    signed_in_s: int
    expires_s: int


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Signs and verifies the cookies of one admin token."""

    key: bytes

    @property
    def cookie(self) -> str:
        """The cookie's name: two adapters on one host have different ones."""
        return f"{COOKIE}-{sha256(self.key).hexdigest()[:8]}"

    def sign(self, session: Session) -> str:
        """The value of the cookie for `session`."""
        payload = _LAYOUT.pack(session.signed_in_s, session.expires_s, token_bytes(16))
        return urlsafe_b64encode(payload + self._signature(payload)).decode()

    def verify(self, value: str, *, now_s: float) -> Session | None:
        """The session that `value` was signed for; None if it is forged, malformed or expired."""
        try:
            signed = urlsafe_b64decode(value.encode("ascii"))
            payload, signature = signed[:-_SIGNATURE_BYTES], signed[-_SIGNATURE_BYTES:]
            signed_in_s, expires_s, _ = _LAYOUT.unpack(payload)
        except (UnicodeEncodeError, MalformedBase64, struct.error):
            return None
        if not hmac.compare_digest(signature, self._signature(payload)) or now_s >= expires_s:
            return None
        return Session(signed_in_s, expires_s)

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self.key, payload, "sha256")


def new_session(now_s: float) -> Session:
    """A session that starts now."""
    return Session(int(now_s), int(now_s) + IDLE_S)


def renewed(session: Session, now_s: float) -> Session:
    """The session, extended to `IDLE_S` from now, but at most to `LONGEST_S` after its sign-in."""
    return Session(session.signed_in_s, min(int(now_s) + IDLE_S, session.signed_in_s + LONGEST_S))


def derive(token: Secret) -> SessionKey:
    """The key of an admin token. Takes about 40 ms."""
    return SessionKey(scrypt(token.reveal().encode(), salt=_SALT, n=_SCRYPT_N, r=8, p=1, dklen=32))


class LazySessionKey:
    """The key, derived in a thread at its first use, so that neither the start nor the event loop waits for it."""

    def __init__(self, token: Secret, *, derive: Callable[[Secret], SessionKey] = derive) -> None:
        self._token = token
        self._derive = derive
        self._key: SessionKey | None = None

    async def get(self) -> SessionKey:
        """The key."""
        if self._key is None:
            self._key = await asyncio.to_thread(self._derive, self._token)
        return self._key

"""What ingest must know of a source: its credentials and its limits. Never its mapping."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from adapter.ingest.consent import Objections
from adapter.model import Event, Rejection, Secret
from adapter.wire.ids import NO_IDS

DigestOf: TypeAlias = Callable[[bytes], str]
"""Makes an id of the bytes of a message, or of an id that is too long."""
ProtectEvent: TypeAlias = Callable[[Event], Event]
ProtectRejection: TypeAlias = Callable[[Rejection], Rejection]


def plain_digest(value: bytes) -> str:
    """32 hexadecimal digits, which anyone who has the bytes can compute."""
    return blake2b(value, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """One sender as the settings name it.

    `may_delete`: its deletion requests are carried out. `type` is that of a message if neither the message nor its path
    says one; `at` is the path to the message in each member of a webhook's body, empty if the member is the message.
    `signing_secrets` require a valid `X-Signature` besides the key. `limit_per_s` is in messages, `limit_bytes_per_s`
    in bytes of inflated bodies; None for no limit.

    The two `protect_…` functions run before anything is stored; None stores messages as sent. `digest` makes the ids of
    messages that have none, from their contents. `no_ids` are texts that are not ids. `objections` are honoured for
    messages that are sent directly.
    """

    name: str
    keys: tuple[Secret, ...]
    signing_secrets: tuple[Secret, ...] = ()
    limit_per_s: float | None = None
    may_delete: bool = False
    type: str | None = None
    at: tuple[str, ...] = ()
    limit_bytes_per_s: float | None = None
    protect_event: ProtectEvent | None = None
    protect_rejection: ProtectRejection | None = None
    digest: DigestOf = plain_digest
    no_ids: frozenset[str] = NO_IDS
    objections: Objections | None = None

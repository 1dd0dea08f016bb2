"""What ingest needs to know of a source: who may send as it, and how much. Never how it is mapped."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from adapter.ingest.consent import Objections
from adapter.model import Event, Rejection, Secret
from adapter.wire.ids import NO_IDS

DigestOf: TypeAlias = Callable[[bytes], str]
"""What makes an id of the bytes of a message, or of an id that is too long."""
ProtectEvent: TypeAlias = Callable[[Event], Event]
ProtectRejection: TypeAlias = Callable[[Rejection], Rejection]


def plain_digest(value: bytes) -> str:
    """32 hexadecimal digits, which anybody can make who has the bytes."""
    return blake2b(value, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """One sender as the settings name it.

    `may_delete`: its deletion requests act. `type` is what a message is that says none, where its path says none
    either; `at` the path to the message in each member of a webhook's body, empty if the member is the message.
    `signing_secrets` demand a valid `X-Signature` besides the key. `limit_per_s` is in messages, `limit_bytes_per_s`
    in bytes of bodies as inflated; None for no limit.
    The two `protect_…` functions run before anything is stored; None stores what was sent. `digest` makes the ids of
    messages that have none, from what is in them. `no_ids` are the texts that are no ids; `objections` of
    those who send directly count, if there are any.
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

"""Private storage: what a source with `store: private` keeps of a message. Pure.

Events go through the guards of the active mapping before they are stored; ids that would tell who somebody is, and
bodies that nobody could guard, are kept as keyed hashes.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import orjson
from msgspec import structs

from adapter.errors import ConfigError
from adapter.ingest.consent import OWN_NAME, Objections
from adapter.ingest.sources import Source
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Event, JsonObject, Privacy, PrivateEvent, Reason, Rejection, Secret
from adapter.settings.checks import NO_HASH_KEY
from adapter.settings.settings import Settings, SourceSettings

MARK = "_privacy"
"""The member of a message that brings a `PrivacyMark` to a private source. `send` puts it there; it is never stored."""

_Use: TypeAlias = Literal["id", "message", "body", "mark"]
_IDS_OF_DELETION = ("messageId", "userId", "anonymousId")
_WITHHELD = re.compile(rb"(\d+) bytes, keyed hash [0-9a-f]{32}; its source stores privately, so nothing else is kept")


class Keyed:
    """Hashes that only the holder of the server's `hash_key` can make: 32 hexadecimal digits, others for each use."""

    def __init__(self, hash_key: Secret) -> None:
        # Not HMAC-SHA-256, which guards make: with that, a sender could have Browsee shown what must not be guessed.
        self._key = blake2b(hash_key.reveal().encode(), person=b"private storage").digest()

    def of(self, use: _Use, value: bytes) -> str:
        """The hash of `value` for this use."""
        return blake2b(value, digest_size=16, key=self._key, person=use.encode()).hexdigest()

    def of_id(self, ident: str) -> str:
        """What stands for a user id, anonymous id or message id."""
        return self.of("id", ident.encode("utf-8", "surrogatepass"))

    def of_message(self, message: bytes) -> str:
        """The id of a message that has none."""
        return self.of("message", message)


def same_ids(ident: str, settings: Settings) -> tuple[str, ...]:
    """What `ident` may be stored as: itself and, by a private source, its keyed hash."""
    return (ident,) if settings.hash_key is None else (ident, Keyed(settings.hash_key).of_id(ident))


# What went through privacy, on its way through a file


@dataclass(frozen=True, slots=True)
class PrivacyMark:
    """What a line of `export` says of an event that was stored privately, so that no guard is applied twice."""

    privacy: Privacy
    message_id: str

    @classmethod
    def read(cls, value: object) -> "PrivacyMark | None":
        """The mark that `as_json` gave; None for anything else."""
        match value:
            case {
                "guards": [*guards],
                "hashed": [*hashed],
                "user": str() | None as user,
                "anonymous": str() | None as anonymous,
                "messageId": str() as message_id,
            } if all(isinstance(text, str) for text in (*guards, *hashed)):
                return cls(Privacy(frozenset(guards), frozenset(hashed), user, anonymous), message_id)
            case _:
                return None

    def as_json(self, hash_key: Secret | None) -> JsonObject:
        """The mark as data, sealed if there is a key: an adapter with the same one believes it."""
        said = self._said()
        return said if hash_key is None else {**said, "seal": self._seal(Keyed(hash_key))}

    def is_sealed(self, value: JsonObject, keyed: Keyed) -> bool:
        """Whether `value`, which says this, was written by somebody with the key."""
        return hmac.compare_digest(str(value.get("seal")).encode(), self._seal(keyed).encode())

    def _said(self) -> JsonObject:
        went = self.privacy
        return {
            "guards": sorted(went.guards),
            "hashed": sorted(went.hashed),
            "user": went.user_key,
            "anonymous": went.anonymous_key,
            "messageId": self.message_id,
        }

    def _seal(self, keyed: Keyed) -> str:
        return keyed.of("mark", orjson.dumps(self._said()))


def mark_of(event: Event, hash_key: Secret | None) -> JsonObject | None:
    """The mark of an event that was stored privately, as data; None for any other."""
    return PrivacyMark(event.privacy, event.message_id).as_json(hash_key) if isinstance(event, PrivateEvent) else None


def marked(event: Event, value: object) -> Event:
    """`event`, read from a line of `export` that says `value` of it, as it was stored."""
    mark = PrivacyMark.read(value)
    if mark is None:
        return event
    # Without a guard nothing is done to it: it has been.
    return PrivateEvent(
        source=event.source,
        message_id=mark.message_id,
        type=event.type,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        timestamp=event.timestamp,
        received_at=event.received_at,
        body=event.body,
        privacy=mark.privacy,
        warnings=event.warnings,
    )


# What is kept of a rejection


def is_withheld(body: bytes) -> bool:
    """Whether all that was kept of a rejected body is its size and a hash. What says so is no JSON."""
    return _WITHHELD.fullmatch(body) is not None


def _withheld(body: bytes, keyed: Keyed) -> bytes:
    digest = keyed.of("body", body)
    return f"{len(body)} bytes, keyed hash {digest}; its source stores privately, so nothing else is kept".encode()


# What ingest is handed


class PrivateStore:
    """The functions that ingest applies for one private source. `ruleset` gives the active mapping."""

    def __init__(self, *, hash_key: Secret, ruleset: Callable[[], Ruleset]) -> None:
        self.keyed = Keyed(hash_key)
        self._ruleset = ruleset

    def event(self, event: Event) -> PrivateEvent:
        """The event as it is stored. A mark counts only if it was sealed with our key."""
        said = event.body.get(MARK)
        if MARK in event.body:
            event = structs.replace(event, body={name: value for name, value in event.body.items() if name != MARK})
        mark = self._believed(said)
        went = Privacy(frozenset(), frozenset(), self._key(event.user_id), self._key(event.anonymous_id))
        private, warnings = self._ruleset().made_private(event, went if mark is None else mark.privacy)
        message_id = event.message_id
        if mark is not None:
            message_id = mark.message_id
        elif private.body.get("messageId") != event.message_id:
            # A guard changed or took it: it tells copies of a message from others, and nothing else any more.
            message_id = self.keyed.of_id(event.message_id)
        # Delivery has nothing left to warn of, so what guards warn of stays with the event as what ingest does.
        return structs.replace(private, message_id=message_id, warnings=(*private.warnings, *warnings))

    def rejection(self, rejection: Rejection) -> Rejection:
        """What is kept of a rejection: problems, which quote nothing, size and hashes.

        Of a deletion request that waits, the hash of the user too: events are found by it.
        """
        message_id = self._key(rejection.message_id)
        if rejection.reason is Reason.DELETION_UNAUTHORISED:
            body = self._deletion(rejection.body)
        else:
            body = _withheld(rejection.body, self.keyed)
        return structs.replace(rejection, body=body, message_id=message_id)

    def _deletion(self, body: bytes) -> bytes:
        hashed = {
            name: self.keyed.of_id(held) if name in _IDS_OF_DELETION else held
            for name, held in orjson.loads(body).items()
        }
        return orjson.dumps(hashed)

    def _believed(self, said: Any) -> PrivacyMark | None:
        mark = PrivacyMark.read(said)
        return mark if mark is not None and mark.is_sealed(said, self.keyed) else None

    def _key(self, ident: str | None) -> str | None:
        return None if ident is None else self.keyed.of_id(ident)


def plain_source(source: SourceSettings) -> Source:
    """What ingest needs to know of `source`, without what a private one applies."""
    return Source(
        name=source.name,
        keys=source.keys,
        signing_secrets=source.signing_secrets,
        limit_per_s=source.limit_per_s,
        limit_bytes_per_s=source.limit_bytes_per_s,
        no_ids=source.no_ids,
        may_delete=source.may_delete,
        type=source.type,
        at=source.at,
    )


def ingest_source(source: SourceSettings, hash_key: Secret | None, *, ruleset: Callable[[], Ruleset]) -> Source:
    """What ingest needs to know of `source`. Raises ConfigError if it is private and there is no `hash_key`."""
    plain = plain_source(source)
    if source.honour:
        objections = Objections.of(source.honour, source.consent, name=lambda: ruleset().integration or OWN_NAME)
        plain = replace(plain, objections=objections)
    if source.store == "raw":
        return plain
    if hash_key is None:
        raise ConfigError(f"source {source.name}: {NO_HASH_KEY}")
    store = PrivateStore(hash_key=hash_key, ruleset=ruleset)
    return replace(plain, protect_event=store.event, protect_rejection=store.rejection, digest=store.keyed.of_message)

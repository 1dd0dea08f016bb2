"""Private storage: what a source with `store: private` keeps of a message. Pure.

Events pass the guards of the active mapping before they are stored. Ids that would identify a person, and bodies that
could not be guarded, are kept as keyed hashes.
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
"""The member of a message that carries a `PrivacyMark` to a private source. `send` adds it; it is never stored."""

_Use: TypeAlias = Literal["id", "message", "body", "mark"]
_IDS_OF_DELETION = ("messageId", "userId", "anonymousId")
_WITHHELD = re.compile(rb"(\d+) bytes, keyed hash [0-9a-f]{32}; its source stores privately, so nothing else is kept")


class Keyed:
    """Hashes that only the holder of the server's `hash_key` can make: 32 hexadecimal digits, different for each
    use.
    """

    def __init__(self, hash_key: Secret) -> None:
        # Not HMAC-SHA-256 as guards use it: a sender could then make Browsee show hashes that must stay secret.
        self._key = blake2b(hash_key.reveal().encode(), person=b"private storage").digest()

    def of(self, use: _Use, value: bytes) -> str:
        """The hash of `value` for this use."""
        return blake2b(value, digest_size=16, key=self._key, person=use.encode()).hexdigest()

    def of_id(self, ident: str) -> str:
        """The stored form of a user id, anonymous id or message id."""
        return self.of("id", ident.encode("utf-8", "surrogatepass"))

    def of_message(self, message: bytes) -> str:
        """The id of a message without one."""
        return self.of("message", message)


def same_ids(ident: str, settings: Settings) -> tuple[str, ...]:
    """The stored forms of `ident`: itself and, for a private source, its keyed hash."""
    return (ident,) if settings.hash_key is None else (ident, Keyed(settings.hash_key).of_id(ident))


# Privately stored events in files


@dataclass(frozen=True, slots=True)
class PrivacyMark:
    """The mark of a privately stored event in a line of `export`, so that no guard is applied twice."""

    privacy: Privacy
    message_id: str

    @classmethod
    def read(cls, value: object) -> "PrivacyMark | None":
        """The mark that `as_json` made; None for any other value."""
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
        """The mark as JSON, sealed if there is a key: an adapter with the same key trusts it."""
        said = self._said()
        return said if hash_key is None else {**said, "seal": self._seal(Keyed(hash_key))}

    def is_sealed(self, value: JsonObject, keyed: Keyed) -> bool:
        """Whether `value`, the JSON of this mark, was sealed with the key."""
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
    """The mark of a privately stored event, as JSON; None for any other event."""
    return PrivacyMark(event.privacy, event.message_id).as_json(hash_key) if isinstance(event, PrivateEvent) else None


def marked(event: Event, value: object) -> Event:
    """`event`, read from a line of `export` with the mark `value`, as it was stored."""
    mark = PrivacyMark.read(value)
    if mark is None:
        return event
    # Without guards it passes unchanged: it was guarded before.
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


# The stored part of a rejection


def is_withheld(body: bytes) -> bool:
    """Whether only size and hash of a rejected body were kept. The text that says so is not JSON."""
    return _WITHHELD.fullmatch(body) is not None


def _withheld(body: bytes, keyed: Keyed) -> bytes:
    digest = keyed.of("body", body)
    return f"{len(body)} bytes, keyed hash {digest}; its source stores privately, so nothing else is kept".encode()


# The functions for ingest


class PrivateStore:
    """The functions that ingest applies for one private source. `ruleset` returns the active mapping."""

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
            # A guard changed or removed it, so it only distinguishes copies of a message from other messages.
            message_id = self.keyed.of_id(event.message_id)
        # Guards do not run again at delivery, so their warnings stay with the event, as those of ingest do.
        return structs.replace(private, message_id=message_id, warnings=(*private.warnings, *warnings))

    def rejection(self, rejection: Rejection) -> Rejection:
        """The stored part of a rejection: problems, which quote nothing, size and hashes.

        Of a deletion request that waits, the hash of the user, too: events are found by it.
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
    """What ingest must know of `source`, without the functions of a private one."""
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
    """What ingest must know of `source`. Raises ConfigError if it is private and there is no `hash_key`."""
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

"""What guards do to an event: when it is rendered, or before a private source stores it; each guard once. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import replace

from adapter.mapping.run.frame import Frame, PrivateFrame
from adapter.mapping.run.scalars import id_text
from adapter.model import Event, EventWarning, JsonObject, Privacy, PrivateEvent

GuardMessage: TypeAlias = Callable[[Any, Frame], Any]
"""Takes a message, gives the guarded one: the same object if nothing changed. The frame collects warnings."""

_IDS = ("userId", "anonymousId")


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard, ready to work. `name` is a hash of what it does, wherever it stands in the file: what a private source
    stored names the guards that it has been through. The server's `hash_key` is not part of it.
    """

    name: str
    act: GuardMessage


def guard(frame: Frame, guards: Sequence[Guard]) -> None:
    """Let `frame` show what `guards` leave of its event; of one that was stored privately, those it has not been
    through.
    """
    event = frame.event
    if isinstance(event, PrivateEvent):
        own = PrivateFrame(event, event.body, event.user_id, event.anonymous_id, known=event.privacy.hashed)
        own.warnings = frame.warnings
        body = _beyond(event.privacy, guards, own)
    else:
        body = event.body
        for each in guards:
            body = each.act(body, frame)
    _show(frame, body)


def prepare(frame: Frame, prepared: Sequence[GuardMessage]) -> None:
    """Let `frame` show what steps in place make of its message."""
    for act in prepared:
        # Each sees what those before it made.
        _show(frame, act(frame.body, frame))


def _show(frame: Frame, body: Any) -> None:
    # An id that was changed is read from the changed message; the event's own would undo the change.
    before = frame.body
    frame.show(body)
    if body.get("userId") is not before.get("userId"):
        frame.user_id = id_text(body.get("userId"))
    if body.get("anonymousId") is not before.get("anonymousId"):
        frame.anonymous_id = id_text(body.get("anonymousId"))


def made_private(
    event: Event, guards: Sequence[Guard], privacy: Privacy
) -> tuple[PrivateEvent, Sequence[EventWarning]]:
    """The event as `guards` leave it, and what steps of them could not do; `privacy` is what it went through before."""
    frame = PrivateFrame(event, event.body, event.user_id, event.anonymous_id, known=privacy.hashed)
    body = _with_ids(_beyond(privacy, guards, frame))
    kind = body.get("type")
    private = PrivateEvent(
        source=event.source,
        message_id=event.message_id,
        type=kind if type(kind) is str else "",
        user_id=body.get("userId"),
        anonymous_id=body.get("anonymousId"),
        timestamp=event.timestamp,
        received_at=event.received_at,
        body=body,
        privacy=replace(
            privacy,
            guards=privacy.guards.union(each.name for each in guards),
            hashed=privacy.hashed | frame.made,
        ),
        traceparent=event.traceparent,
        warnings=event.warnings,
        dropped=event.dropped,
    )
    return private, frame.warnings


def _beyond(privacy: Privacy, guards: Sequence[Guard], frame: PrivateFrame) -> JsonObject:
    """What those of `guards` leave that the event has not been through."""
    body = frame.event.body
    for each in guards:
        if each.name not in privacy.guards:
            body = each.act(body, frame)
    return body


def _with_ids(body: JsonObject) -> JsonObject:
    """The body with its ids as text, or without them, as every event has them."""
    settled = {name: id_text(body[name]) for name in _IDS if name in body}
    if all(body[name] is value for name, value in settled.items()):
        return body
    return {name: value for name, value in {**body, **settled}.items() if name not in _IDS or value is not None}

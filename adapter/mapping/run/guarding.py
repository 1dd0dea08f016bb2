"""Applies guards to an event: when it is rendered, or before a private source stores it; each guard once. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import replace

from adapter.mapping.run.frame import Frame, PrivateFrame
from adapter.mapping.run.scalars import id_text
from adapter.model import Event, EventWarning, JsonObject, Privacy, PrivateEvent

GuardMessage: TypeAlias = Callable[[Any, Frame], Any]
"""Takes a message, returns the guarded one: the same object if nothing changed. The frame collects warnings."""

_IDS = ("userId", "anonymousId")


@dataclass(frozen=True, slots=True)
class Guard:
    """One compiled guard. `name` is a hash of what it does, wherever it is in the file: a privately stored event names
    the guards that were applied to it. The server's `hash_key` is not part of it.
    """

    name: str
    act: GuardMessage


def guard(frame: Frame, guards: Sequence[Guard]) -> None:
    """Let `frame` show its event after `guards`; of a privately stored event, after those that were not applied
    before.
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
    """Let `frame` show its message after steps in place."""
    for act in prepared:
        # Each step sees the results of those before it.
        _show(frame, act(frame.body, frame))


def _show(frame: Frame, body: Any) -> None:
    # A changed id is read from the changed message, because the event's own would undo the change.
    before = frame.body
    frame.show(body)
    if body.get("userId") is not before.get("userId"):
        frame.user_id = id_text(body.get("userId"))
    if body.get("anonymousId") is not before.get("anonymousId"):
        frame.anonymous_id = id_text(body.get("anonymousId"))


def made_private(
    event: Event, guards: Sequence[Guard], privacy: Privacy
) -> tuple[PrivateEvent, Sequence[EventWarning]]:
    """The event after `guards`, and the warnings of their steps; `privacy` has the guards that were applied before."""
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
    """The event after those of `guards` that were not applied before."""
    body = frame.event.body
    for each in guards:
        if each.name not in privacy.guards:
            body = each.act(body, frame)
    return body


def _with_ids(body: JsonObject) -> JsonObject:
    """The body with its ids as text, or without them, as in every event."""
    settled = {name: id_text(body[name]) for name in _IDS if name in body}
    if all(body[name] is value for name, value in settled.items()):
        return body
    return {name: value for name, value in {**body, **settled}.items() if name not in _IDS or value is not None}

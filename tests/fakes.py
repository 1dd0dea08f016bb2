"""Small working stand-ins and makers that several tests share."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict

from adapter.model import Event, Privacy, PrivateEvent, Problem, Reason, Rejection

RECEIVED_AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that only moves when it is moved; `clock()` gives seconds since 1970."""

    seconds: float = RECEIVED_AT.timestamp()

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def make_event(
    message_id: str = "m-1",
    *,
    source: str = "shop",
    user: str | None = "u-1",
    traceparent: str | None = None,
    **body: Any,
) -> Event:
    """A track event; `body` overrides or adds fields of the message."""
    message = {"type": "track", "event": "Clicked", "messageId": message_id, "userId": user, "properties": {}} | body
    return Event(
        source=source,
        message_id=message_id,
        type=message["type"],
        user_id=user,
        anonymous_id=message.get("anonymousId"),
        timestamp=RECEIVED_AT,
        received_at=RECEIVED_AT,
        body=message,
        traceparent=traceparent,
    )


def make_private(
    message_id: str = "m-1", *, key: str | None = "key-of-u-1", guards: Collection[str] = ("g-1",), **body: Any
) -> PrivateEvent:
    """A track event as a private source stores it, of the user that `key` stands for; `body` as of `make_event`."""
    facts = asdict(make_event(message_id, **body))
    return PrivateEvent(**facts, privacy=Privacy(frozenset(guards), frozenset({"0123456789ab"}), key, None))


def make_rejection(*, source: str = "shop") -> Rejection:
    """A message that is not an event."""
    problem = Problem(pointer="/event", keyword="required", message="`event` is required")
    return Rejection(
        source=source,
        reason=Reason.SCHEMA,
        problems=(problem,),
        body=b'{"type":"track"}',
        message_id=None,
        received_at=RECEIVED_AT,
    )


async def until(holds: Callable[[], Awaitable[object]], *, within_s: float = 20) -> None:
    """Return as soon as `holds` does; for what a process or another task brings about. Fails after `within_s`."""
    async with asyncio.timeout(within_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)

"""The oracle: what was sent, what was acknowledged, and what each message must become. Never asks the adapter.

A message that was answered 200 is an obligation: the adapter owes its calls, or its death with a reason. The expected
bodies are computed here, by hand for this one mapping, so that a bug in the mapping shows too.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapter.model import JsonObject

MAPPING = """\
version: 1
rules:
  - name: An order is two calls
    when: {type: track, event: Order Completed}
    send:
      - track: ORDER_STARTED
      - track: ORDER_COMPLETED
  - name: All else is one
    when: {type: track}
    track: {from: event, apply: [snake, upper]}
"""
"""The mapping of every experiment."""

ORDER = "Order Completed"
CLICK = "Clicked"
CALLS: Mapping[str, tuple[str, ...]] = {ORDER: ("ORDER_STARTED", "ORDER_COMPLETED"), CLICK: ("CLICKED",)}
"""The names of the calls that MAPPING makes of each event, in order."""

_BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """The `number`th message of `user`, from 0; both together identify it in a run."""

    user: str
    number: int
    event: str = CLICK

    @property
    def message_id(self) -> str:
        """Its message id, by which its calls are found."""
        return f"{self.user}/{self.number}"

    @property
    def body(self) -> JsonObject:
        """The message as sent."""
        return {
            "type": "track",
            "event": self.event,
            "messageId": self.message_id,
            "userId": self.user,
            "timestamp": self._timestamp,
            "properties": {"id": self.message_id, "n": self.number},
        }

    @property
    def calls(self) -> tuple[JsonObject, ...]:
        """The bodies of its expected calls, without the key."""
        return tuple(
            {
                "event": name,
                "userId": self.user,
                "timestamp": self._timestamp,
                "properties": {"id": self.message_id, "n": self.number},
            }
            for name in CALLS[self.event]
        )

    @property
    def _timestamp(self) -> str:
        at = _BEGAN_AT + timedelta(seconds=self.number)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Oracle:
    """Remembers every acknowledged message."""

    def __init__(self) -> None:
        self._owed: dict[str, Message] = {}
        self._awaited: list[tuple[int, asyncio.Event]] = []

    def acknowledged(self, message: Message) -> None:
        """The adapter answered 200 to it."""
        self._owed[message.message_id] = message
        for count, reached in self._awaited:
            if len(self._owed) >= count:
                reached.set()

    async def reached(self, count: int) -> None:
        """Wait until `count` messages are acknowledged."""
        reached = asyncio.Event()
        self._awaited.append((count, reached))
        if len(self._owed) < count:
            await reached.wait()

    @property
    def obligations(self) -> Mapping[str, Message]:
        """By message id, in the order of acknowledgement."""
        return self._owed

    def __len__(self) -> int:
        return len(self._owed)

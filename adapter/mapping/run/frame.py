"""The context of a compiled mapping: one event, the current list member, and what to report about them."""

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.places import Locate, nowhere
from adapter.model import Event, EventWarning, JsonObject, Problem
from adapter.wire.instants import instant_text


class Frame(Struct):
    """One event while it is rendered. `body` is the message after privacy; nothing in it may be changed.

    `item` and `index` are the current list member and its position, if there is one. `problems` are why the event is
    refused, `warnings` what was left out, `derived` the values computed so far. `locate` finds locations of IP
    addresses.
    """

    event: Event
    body: JsonObject
    user_id: str | None
    anonymous_id: str | None
    item: Any = ABSENT
    index: Any = ABSENT
    problems: list[Problem] = []
    warnings: list[EventWarning] = []
    derived: dict[str, Any] = {}
    locate: Locate = nowhere
    _traits: Any = None
    _timestamp: str = ""

    def timestamp(self) -> str:
        """When the event happened, as calls carry it."""
        if not self._timestamp:
            self._timestamp = instant_text(self.event.timestamp)
        return self._timestamp

    def show(self, body: JsonObject) -> None:
        """From now on read everything from `body`."""
        self.body = body
        self._traits = None

    def traits(self) -> Any:
        """`context.traits` overlaid by `traits`, key by key; those of a group only its own."""
        if self._traits is None:
            self._traits = _merged_traits(self.body)
        return self._traits


class PrivateFrame(Frame, kw_only=True):
    """One event while guards work on it before it is stored, or on a stored one.

    `known` are the beginnings of hashes that guards made of this event before, `made` those of this time.
    """

    known: frozenset[str]
    made: set[str] = set()

    def hashed_once(self, text: str, hashed: Callable[[str], str]) -> str:
        """The hash of `text`; `text` itself if it is a hash that was made before."""
        if text[:_TELLING] in self.known:
            return text
        made = hashed(text)
        self.made.add(made[:_TELLING])
        return made


_TELLING = 12
"""Characters of a hash that distinguish it from other texts of an event: 48 bits."""


def _merged_traits(body: JsonObject) -> Any:
    own = body.get("traits", ABSENT)
    context = body.get("context")
    remembered = context.get("traits") if type(context) is dict else None
    if type(remembered) is not dict or body.get("type") == "group":
        return own
    return {**remembered, **own} if type(own) is dict else remembered


Get: TypeAlias = Callable[[Frame], Any]
"""A compiled value: returns the value for this event, or ABSENT."""

Holds: TypeAlias = Callable[[Frame], bool]
"""A compiled condition."""

NearMiss: TypeAlias = Callable[[Frame], str]
"""Why a line of a condition does not hold although it nearly does; empty if it holds, or is far from it."""

Step: TypeAlias = Callable[[Any, Frame], Any]
"""A compiled step: takes a value that is neither absent nor null, returns a value or ABSENT."""


def constant(value: Any) -> Get:
    """The constant `value`."""
    return lambda _frame: value

"""What a call block does with an event: makes one call, or one for each member of a list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get, Holds
from adapter.mapping.run.listing import members_reader
from adapter.model import EventWarning, JsonObject, Kind, WarningKind

NO_ID: Final = "one of the texts that are not ids, or a number that lost digits; left out"

UnkeyedCall: TypeAlias = tuple[Kind, str, JsonObject]
"""A call without its key: kind, event name (empty for identify) and body."""
Make: TypeAlias = Callable[[Frame], UnkeyedCall | None]
"""Makes one call; None, and a problem in the frame, if the event is refused."""


@dataclass(frozen=True, slots=True)
class Each:
    """The list for whose members calls are made. `wants_objects`: the call reads fields of its members."""

    get: Get
    path: str
    rule: str
    wants_objects: bool

    def places(self, frame: Frame) -> list[tuple[int, Any]]:
        """The members that can make a call, each with its position in the list."""
        value = self.get(frame)
        if type(value) is not list:
            value = members_reader(self.path, rule=self.rule)(value, frame.warnings) or []
        if not self.wants_objects:
            return [(place, member) for place, member in enumerate(value) if member is not None]
        objects = [(place, member) for place, member in enumerate(value) if type(member) is dict]
        others = len(value) - len(objects) - value.count(None) if len(objects) < len(value) else 0
        if others:
            cause = f"{others} of {len(value)} members are not objects and make no call"
            frame.warnings.append(EventWarning(WarningKind.LIST, self.path, cause, self.rule))
        return objects


@dataclass(frozen=True, slots=True)
class CallBlock:
    """One call block: how to make a call, under what condition of its own, for which list."""

    make: Make
    holds: Holds | None
    each: Each | None

    def add_to(self, made: list[UnkeyedCall], frame: Frame, room: int) -> int:
        """Add the calls of an event, at most `room`; returns how many more there would have been."""
        if self.each is not None:
            return self._add_each(made, frame, self.each, room)
        if self.holds is not None and not self.holds(frame):
            return 0
        if len(made) >= room:
            return 1
        call = self.make(frame)
        if call is not None:
            made.append(call)
        return 0

    def _add_each(self, made: list[UnkeyedCall], frame: Frame, each: Each, room: int) -> int:
        make, holds, over = self.make, self.holds, 0
        for place, member in each.places(frame):
            frame.item, frame.index = member, place
            if holds is not None and not holds(frame):
                continue
            if len(made) >= room:
                over += 1
            elif (call := make(frame)) is not None:
                made.append(call)
        frame.item = frame.index = ABSENT
        return over

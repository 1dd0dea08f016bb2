"""A project's answers to whether a call may go. Data alone."""

from typing import TypeAlias

from msgspec import Struct

from adapter.deliver.state import PauseReason
from adapter.model import Kind


class Permit(Struct, frozen=True):
    """One call that may go. Must come back once, to `answered`, or to `abandoned` if there will be no answer.

    `apart`: a call of a user whose calls failed or hung before; it does not count among the calls in flight.
    """

    number: int
    kind: Kind
    sent_at_s: float
    apart: bool = False


class Go(Struct, frozen=True):
    """Send now."""

    permit: Permit


class Wait(Struct, frozen=True):
    """Ask again in `seconds`, which are more than 0."""

    seconds: float
    why: PauseReason


Admission: TypeAlias = Go | Wait

"""What a project answers when it is asked whether a call may go. Data alone."""

from typing import TypeAlias

from msgspec import Struct

from adapter.deliver.state import PauseReason
from adapter.model import Kind


class Permit(Struct, frozen=True):
    """One call that may go. Hand it back to `answered`, or to `abandoned` if there will be no answer.

    `apart`: a user's whose calls failed or hung before; it does not count among the calls under way.
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

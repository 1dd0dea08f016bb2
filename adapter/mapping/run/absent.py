"""ABSENT, the value of a missing member. Never reaches a call; null is different: a value that means "nothing"."""

from typing import Final


class Absent:
    """The type of ABSENT, of which there is one instance, compared with `is`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = Absent()

"""The value of what is not there. Never reaches a call; null is something else, a value that says "nothing"."""

from typing import Final


class Absent:
    """The type of ABSENT; there is only that one, compared with `is`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = Absent()

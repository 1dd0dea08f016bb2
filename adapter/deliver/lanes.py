"""What is known of users by their last calls: who got through lately, and whose calls hang. Pure, and bounded."""

from collections import OrderedDict

MAX_PASSED = 64
MAX_SLOW = 10_000


class Lanes:
    """Lanes by the queue's numbers."""

    def __init__(self) -> None:
        self._passed: OrderedDict[int, None] = OrderedDict()
        self._slow: OrderedDict[int, None] = OrderedDict()

    def answered(self, lane: int, *, passed: bool, slow: bool) -> None:
        """A call of this lane ended; `slow`: only after a time that is long for Browsee."""
        if slow:
            self._slow[lane] = None
            if len(self._slow) > MAX_SLOW:
                self._slow.popitem(last=False)
        elif self._slow:
            self._slow.pop(lane, None)
        if passed:
            self._passed[lane] = None
            self._passed.move_to_end(lane)
            if len(self._passed) > MAX_PASSED:
                self._passed.popitem(last=False)
        else:
            self._passed.pop(lane, None)

    def is_slow(self, lane: int) -> bool:
        """Whether the last call of this lane took long."""
        return lane in self._slow

    @property
    def passed_lately(self) -> frozenset[int]:
        """Lanes whose last call got through, the latest ones."""
        return frozenset(self._passed)

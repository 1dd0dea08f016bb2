"""What the last call of each user showed: whose calls were delivered, whose hang, and whose are answered 429 or to
wait while those of others are delivered. Pure, and bounded.
"""

from collections import OrderedDict

MAX_PASSED = 64
MAX_SLOW = 10_000
MAX_PUT_OFF = 10_000
# A limit hits each user now and then, and rarely the same one many times in a row.
OWN_RUN = 3


class Lanes:
    """The last calls by lane, which is the queue's number."""

    def __init__(self) -> None:
        self._passed: OrderedDict[int, None] = OrderedDict()
        self._slow: OrderedDict[int, None] = OrderedDict()
        # By lane that was put off last: how many times in a row, and the successes of others before the last one.
        self._put_off: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._passes = 0

    def answered(self, lane: int, *, passed: bool, slow: bool) -> None:
        """A call of this lane ended. `slow`: it took longer than is usual for Browsee."""
        if slow:
            self._slow[lane] = None
            if len(self._slow) > MAX_SLOW:
                self._slow.popitem(last=False)
        elif self._slow:
            self._slow.pop(lane, None)
        if passed:
            self._passes += 1
            self._put_off.pop(lane, None)
            self._passed[lane] = None
            self._passed.move_to_end(lane)
            if len(self._passed) > MAX_PASSED:
                self._passed.popitem(last=False)
        else:
            self._passed.pop(lane, None)

    def put_off(self, lane: int) -> bool:
        """A call of this lane was answered 429, or that it should wait. Returns whether the cause is the lane's own.

        It is, if calls of others were delivered between this call and the one before, and the two calls before were
        answered so as well. The first two 429s of a run always count for the rate, whatever was delivered since the
        lane's last success, so neither a limit nor a ban can hide behind this rule.
        """
        run, passes = self._put_off.pop(lane, (0, self._passes))
        self._put_off[lane] = run + 1, self._passes
        if len(self._put_off) > MAX_PUT_OFF:
            self._put_off.popitem(last=False)
        return run + 1 >= OWN_RUN and self._passes > passes

    def is_slow(self, lane: int) -> bool:
        """Whether the last call of this lane took long."""
        return lane in self._slow

    def has_passed(self, lane: int) -> bool:
        """Whether the last call of this lane was delivered, of the most recent ones."""
        return lane in self._passed

    @property
    def passed_lately(self) -> frozenset[int]:
        """Lanes whose last call was delivered, most recent ones."""
        return frozenset(self._passed)

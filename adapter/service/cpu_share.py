"""How long work of operators leaves the interpreter to senders and to delivery.

A comparison or a count of names computes in a thread of the service. The event loop then waits up to 5 ms
(`sys.getswitchinterval`) for the interpreter's lock each time it wakes. The work therefore pauses after each short
slice, but only while something else wants the processor. Alone, it runs at full speed.
"""

import time
from collections.abc import Callable
from threading import get_ident
from typing import Final

SLICE_S: Final = 0.002
"""CPU seconds between two pauses; shorter than the switch interval, so that the loop waits for one slice at most."""
SHARE: Final = 0.08
"""Of the time, while something else wants the processor. Senders then keep 0.85 of their rate (`make bench
ROW=compared`)."""
CONTENDED: Final = 0.25
"""Seconds that the thread waited for each CPU second of a slice, from which on the processor counts as wanted."""


class CpuShare:
    """Called between two units of work; sleeps when the calling thread has used up a slice and others wait.

    `cpu_s` is the CPU time of the calling thread, `wall_s` a monotonic clock; both in seconds, as `sleep`'s argument.
    Work may go on in another thread, which begins a slice of its own.
    """

    def __init__(
        self,
        *,
        cpu_s: Callable[[], float] = time.thread_time,
        wall_s: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cpu_s = cpu_s
        self._wall_s = wall_s
        self._sleep = sleep
        self._begin()

    def __call__(self) -> None:
        if get_ident() != self._thread:
            self._begin()  # the CPU times of two threads cannot be compared
        used_s = self._cpu_s() - self._cpu_began_s
        if used_s < SLICE_S:
            return
        waited_s = self._wall_s() - self._wall_began_s - used_s
        if waited_s > CONTENDED * used_s:
            self._sleep(used_s * (1 / SHARE - 1))
        self._begin()

    def _begin(self) -> None:
        self._thread = get_ident()
        self._cpu_began_s = self._cpu_s()
        self._wall_began_s = self._wall_s()

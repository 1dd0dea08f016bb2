"""Ends the wait for a server that does not answer, by closing the connection; never asks the server to cancel.

Otherwise a hanging server, a network that drops packets or a commit that waits for an absent standby would block a
thread, and every request that waits for its group, for ever.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOOK_S = 0.25


@dataclass(slots=True)
class AnswerWait:
    """For an answer, until `end_s` on the monotonic clock; `is_late`: the connection was closed then."""

    end_s: float
    is_late: bool = False


class Watchdog:
    """Closes connections whose answer is late. One for all sessions of a process; its thread ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: dict[int, AnswerWait] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, file: int, *, within_s: float) -> Iterator[AnswerWait]:
        """Shut the socket `file` down if the block does not end in time; reading from it then fails."""
        wait = AnswerWait(time.monotonic() + within_s)
        with self._lock:
            self._waits[file] = wait
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="queue-watchdog", daemon=True)
                self._thread.start()
        try:
            yield wait
        finally:
            with self._lock:
                self._waits.pop(file, None)

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            now_s = time.monotonic()
            with self._lock:
                late = [file for file, wait in self._waits.items() if now_s > wait.end_s]
                for file in late:
                    self._waits[file].is_late = True
                    # Under the lock, so that the number is still that of this socket.
                    _shut_down(file)
                    del self._waits[file]


def _shut_down(file: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(file)) as copy:
        copy.shutdown(socket.SHUT_RDWR)

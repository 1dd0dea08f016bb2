"""Writes standard output and error in a thread, so that a terminal or a pipe that takes nothing cannot stop a service.

Ctrl-S stops a terminal, a pager stops reading its pipe: a write then blocks, and with it whatever thread writes. What
cannot be written is kept up to a bound; beyond it lines are left out, and counted.
"""

import io
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO, cast

MAX_BYTES: Final = 1 << 20
"""What is kept for an output that takes nothing: some 10,000 lines."""
NOTICE: Final = "... %d lines left out: the output took none"
JSON_NOTICE: Final = '{"lines":%d,"level":"warning","message":"log lines left out: the output took none"}'
FINISH_S: Final = 2.0
"""How long the end waits for an output that takes nothing."""


class BackgroundWriter:
    """One thread that writes to file descriptors, in the order of `put`, which never blocks."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, notice: str = NOTICE) -> None:
        self._max_bytes = max_bytes
        self._notice = notice
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._left_out = 0
        self._is_writing = False
        # A daemon: a blocked write ends with the process.
        threading.Thread(target=self._run, name="output", daemon=True).start()

    def put(self, fd: int, text: bytes) -> None:
        """Have `text` written, unless too much is waiting."""
        with self._changed:
            if self._bytes + len(text) > self._max_bytes:
                self._left_out += text.count(b"\n")
                return
            if self._left_out:
                text = f"{self._notice % self._left_out}\n".encode() + text
                self._left_out = 0
            self._waiting.append((fd, text))
            self._bytes += len(text)
            self._changed.notify_all()

    def finish(self, *, within_s: float) -> bool:
        """Wait until all is written, at most so long; whether it is."""
        end_s = time.monotonic() + within_s
        with self._changed:
            while self._waiting or self._is_writing:
                if (left_s := end_s - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left_s)
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                taken, self._waiting, self._is_writing = self._waiting, [], True
            for fd, text in taken:
                _write(fd, text)
                with self._changed:
                    self._bytes -= len(text)
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()


def _write(fd: int, text: bytes) -> None:
    """All of `text`; nothing if there is no reader any more."""
    left = memoryview(text)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            # Another program that has this terminal too made it so.
            select.select([], [fd], [])
        except OSError:
            return


class _Stream(io.TextIOBase):
    """A text stream that hands on what is written to it."""

    def __init__(self, writer: BackgroundWriter, stream: TextIO) -> None:
        self._writer = writer
        self._fd = stream.fileno()
        self._is_terminal = stream.isatty()
        self._encoding = stream.encoding
        self._errors = stream.errors

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has attributes, the class of the library properties
        return self._encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override] # as for encoding
        return self._errors

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return self._is_terminal

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._writer.put(self._fd, text.encode(self._encoding, self._errors or "strict"))
        return len(text)


@contextmanager
def background_output(*, notice: str = NOTICE) -> Iterator[None]:
    """Inside, `sys.stdout` and `sys.stderr` never block; at the end what was written is out, if the output takes it.
    `notice` says with `%d` how many lines were left out.
    """
    before = sys.stdout, sys.stderr
    try:
        for stream in before:
            stream.flush()
            stream.fileno()
    except io.UnsupportedOperation:
        # In memory, as in a test: it cannot block.
        yield
        return
    writer = BackgroundWriter(notice=notice)
    sys.stdout, sys.stderr = (cast("TextIO", _Stream(writer, stream)) for stream in before)
    try:
        yield
    finally:
        writer.finish(within_s=FINISH_S)
        sys.stdout, sys.stderr = before

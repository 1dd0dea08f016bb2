"""Faults injected into a running process from outside, each removed at the end of its block."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from reliability.findings import Skipped
from reliability.processes import Process


@contextmanager
def writes_refused(process: Process) -> Iterator[None]:
    """The system refuses every write to a file, as a full disk does. Needs no rights.

    Raises Skipped if the system has no such limit for other processes.
    """
    if not hasattr(resource, "prlimit"):
        raise Skipped("needs Linux, to have the writes of another process refused")
    pid = process.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    """The process is stopped for a while: the system accepts connections, and the process does not read them."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)

"""What holds for every test."""

import os
import signal
from collections.abc import Iterator

import pytest

from cluster.postgres import HOW_TO_GET_IT, programs
from tests.postgres import Server, running_server


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start: a shell that runs the suite in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, where the system has one to start."""
    if programs() is None:
        if "CI" in os.environ:
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with running_server() as server:
        yield server

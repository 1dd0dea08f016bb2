"""What holds for every test."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start: a shell that runs the suite in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

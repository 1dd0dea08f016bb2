"""What tests of several parts need."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from adapter.observe.observer import LOGGER


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Undo what a command or an observer set up for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger(LOGGER).setLevel(logging.NOTSET)

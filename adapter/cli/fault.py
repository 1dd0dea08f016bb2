"""Logs a bug in the adapter, with its traceback, for the report."""

import logging

from adapter.observe.observer import LOGGER, configure_logging


def log_fault(error: Exception) -> None:
    """Log `error`, on stderr if logging is not set up yet."""
    if not logging.getLogger().handlers:
        configure_logging()
    logging.getLogger(LOGGER).error(
        "command failed: this is a fault of browsee-adapter, please report it", exc_info=error
    )

"""Reads what commands are given: files as text, and messages as the events that ingest would make of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from adapter.errors import ConfigError
from adapter.ingest.read import read_unchecked
from adapter.model import Event, JsonObject


def text_of(file: Path) -> str:
    """The text of `file`. Raises ConfigError if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as cause:
        raise ConfigError(f"cannot read {file}: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{file} is not UTF-8 text, from byte {cause.start} on") from None


def message_reader(*, source: str, received_at: datetime | None = None) -> Callable[[JsonObject], Event]:
    """A function that reads a message as an event of `source`, received at `received_at` or when it is read.

    It asks no schema: a mapping is tried out with messages that need not be whole.
    """

    def read(message: JsonObject) -> Event:
        return read_unchecked(
            message, source=source, received_at=received_at or datetime.now(UTC), new_id=lambda: str(uuid4())
        )

    return read

"""Reads the files that commands are given."""

from pathlib import Path

from adapter.errors import ConfigError


def text_of(file: Path) -> str:
    """The text of `file`. Raises ConfigError if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as cause:
        raise ConfigError(f"cannot read {file}: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{file} is not UTF-8 text, from byte {cause.start} on") from None

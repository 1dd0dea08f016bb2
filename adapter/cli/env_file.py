"""Reads `.env` in the current directory, as Docker Compose does: variables that the environment lacks."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from adapter.errors import ConfigError
from adapter.files.encoding import not_utf8
from adapter.files.regular_file import read_regular

NAME: Final = ".env"
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_COMMENT: Final = re.compile(r"(?:\A|\s+)#.*", re.DOTALL)


def fill_in_environment(folder: Path) -> list[str]:
    """Set the variables of `.env` in `folder` that the environment lacks or has empty; returns their names.

    Raises ConfigError, which quotes no value, if the file exists and cannot be read.
    """
    file = folder / NAME
    if not file.is_file():
        return []
    try:
        text = read_regular(file).decode()
    except OSError as cause:
        raise ConfigError(f"cannot read {NAME}: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{NAME} {not_utf8(cause)}") from None
    filled = {name: value for name, value in variables(text).items() if value and not os.environ.get(name)}
    os.environ.update(filled)
    return list(filled)


def take_back(names: list[str]) -> None:
    """Undo it, for a process that continues."""
    for name in names:
        with suppress(KeyError):
            del os.environ[name]


def variables(text: str) -> Mapping[str, str]:
    """`NAME=value` of each line; quotes around a value are removed, and so is a comment after an unquoted one (` #`).

    Raises ConfigError with the number of an invalid line.
    """
    found: dict[str, str] = {}
    lines = map(str.strip, text.removeprefix("\ufeff").splitlines())
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise ConfigError(f"{NAME}:{number}: a line is NAME=value, or a comment that begins with #")
        found[match[1]] = _value(match[2], number)
    return found


def _value(written: str, number: int) -> str:
    if written[:1] not in ("'", '"'):
        return _COMMENT.sub("", written)
    quoted, quote, rest = written[1:].partition(written[0])
    if not quote or _COMMENT.sub("", rest).strip():
        raise ConfigError(f"{NAME}:{number}: a value in quotes ends with the same quote, in the same line")
    return quoted

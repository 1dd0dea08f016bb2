"""Reads the files of tables beside a mapping's file: with `watch` the only module of mapping that reads files."""

import errno
from pathlib import Path, PurePosixPath

from adapter.files.regular_file import read_regular
from adapter.mapping.compile.table_files import MAX_BYTES, ReadTable


def table_reader(folder: Path) -> ReadTable:
    """Reads files below `folder`; nothing outside is read, whatever a mapping names."""

    def read(name: str) -> bytes:
        return read_regular(place_of(name, folder), max_bytes=MAX_BYTES)

    return read


def place_of(name: str, folder: Path) -> Path:
    """The path of the file `name` below `folder`. Raises OSError if it would be elsewhere."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise OSError(errno.EPERM, "a table is in the folder of its mapping, or below", name)
    return folder / parts

"""Tables in files beside the mapping: rows of CSV or JSON, by the text in their key column. Pure.

A file of two columns is a table of the second column by the first; any other gives rows.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from adapter.files.encoding import not_utf8

MAX_ROWS: Final = 100_000
MAX_BYTES: Final = 20_000_000
SUFFIXES: Final = (".csv", ".json")

ReadTable: TypeAlias = Callable[[str], bytes]
"""The content of a file by its name, relative to the mapping's folder. Raises OSError."""


def unreadable(name: str) -> bytes:
    """Used if no file can be read: a mapping without a place. Raises OSError."""
    raise OSError(None, "this mapping was given without its folder", name)


def names_file(table: Any) -> bool:
    """Whether a table of the mapping is in a file: `{file: skus.csv, key: sku}`."""
    if type(table) is not dict or not set(table) <= {"file", "key"}:
        return False
    return type(table.get("file")) is str and table["file"].lower().endswith(SUFFIXES)


def read_table(table: Mapping[str, Any], read: ReadTable) -> dict[str, Any]:
    """The entries of the file that `table` names. Raises ValueError with what is wrong, and where."""
    name, key = table["file"], table.get("key")
    if key is not None and type(key) is not str:
        raise ValueError("`key` is the name of a column")
    try:
        raw = read(name)
    except OSError as cause:
        raise ValueError(f"cannot be read: {cause.strerror}") from cause
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise ValueError(not_utf8(cause)) from None
    return _from_csv(text, key) if name.lower().endswith(".csv") else _from_json(text, key)


def _from_csv(text: str, key: str | None) -> dict[str, Any]:
    if "\0" in text:
        raise ValueError("is not text: it holds a NUL")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, None)
        if not header or not any(header):
            raise ValueError("has no header row")
        if len(set(header)) < len(header):
            raise ValueError("has two columns of one name")
        place = _key_place(header, key)
        entries: dict[str, Any] = {}
        for row in lines:
            if row:
                _add_row(entries, header, row, place, line=lines.line_num)
    except csv.Error as cause:
        raise ValueError(f"line {lines.line_num}: {cause}") from cause
    return entries


def _key_place(header: list[str], key: str | None) -> int:
    if key is None:
        return 0
    if key not in header:
        raise ValueError(f"has no column `{key}`; there are {', '.join(header)}")
    return header.index(key)


def _add_row(entries: dict[str, Any], header: list[str], row: list[str], place: int, *, line: int) -> None:
    if len(row) != len(header):
        raise ValueError(f"line {line} has {len(row)} values, the header {len(header)}")
    name = row[place]
    if not name or name in entries:
        raise ValueError(f"line {line} has {'no key' if not name else 'the key of an earlier line'}")
    others = [number for number in range(len(header)) if number != place]
    entries[name] = row[others[0]] if len(others) == 1 else {header[number]: row[number] for number in others}
    if len(entries) > MAX_ROWS:
        raise ValueError(f"has more than {MAX_ROWS:,} rows")


def _from_json(text: str, key: str | None) -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as cause:
        raise ValueError(f"is not JSON: line {cause.lineno}, column {cause.colno}: {cause.msg}") from cause
    except RecursionError:
        raise ValueError("is nested too deep") from None
    if type(data) is list:
        data = _by_key(data, key)
    elif key is not None:
        raise ValueError("is an object, whose names are the keys; `key` is for a list of rows")
    if type(data) is not dict or not data:
        raise ValueError("is neither an object of entries nor a list of rows")
    if len(data) > MAX_ROWS:
        raise ValueError(f"has more than {MAX_ROWS:,} rows")
    for name, entry in data.items():
        cells = entry.values() if type(entry) is dict else (entry,)
        if not all(cell is None or type(cell) in {str, int, float, bool} for cell in cells):
            raise ValueError(f"entry {list(data).index(name) + 1} is neither a constant nor a row of constants")
    return data


def _by_key(rows: list[Any], key: str | None) -> dict[str, Any]:
    if key is None:
        raise ValueError("is a list of rows; name the column of their keys with `key`")
    entries: dict[str, Any] = {}
    for number, row in enumerate(rows, 1):
        name = row.get(key) if type(row) is dict else None
        if type(name) is not str or not name or name in entries:
            raise ValueError(f"row {number} has no text under `{key}`, or that of an earlier row")
        entries[name] = {column: cell for column, cell in row.items() if column != key}
    return entries


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("has a name twice in one object")
    return fields

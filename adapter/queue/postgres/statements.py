"""SQL lives in `.sql` files, by name; this reads them."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import psycopg

from adapter.queue.postgres import message_row

Run: TypeAlias = Callable[[str, Mapping[str, object]], psycopg.Cursor[Any]]
"""Executes a statement with its values in the connection whose transaction this is."""


@cache
def statements(file: str) -> Mapping[str, str]:
    """The statements of `file` by the word after `-- name:`."""
    found: dict[str, str] = {}
    text = message_row.in_sql((files("adapter.queue.postgres") / "sql" / file).read_text(encoding="utf-8"))
    for block in text.split("-- name: ")[1:]:
        name, _, sql = block.partition("\n")
        lines = (line for line in sql.splitlines() if not line.startswith("--"))
        found[name.strip()] = "\n".join(lines).strip().rstrip(";")
    return found

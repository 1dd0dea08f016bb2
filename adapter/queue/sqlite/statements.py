"""Reads the SQL statements of `.sql` files by name, and repeats their rows."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeAlias, TypeVar

from adapter.queue.sqlite import message_row

T = TypeVar("T")

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""`execute` of the connection whose transaction this is."""
# SQLite releases the interpreter's lock at every statement, and to get it back from a busy event loop costs more than
# the statement. So many rows go in at a time, in pieces of these sizes, each a statement that is prepared once.
_PIECES = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
_REPEATED = re.compile(r"\{(rows|list|numbered):?(\d*)\}")


@cache
def statements(file: str) -> Mapping[str, str]:
    """The statements of `file` by the word after `-- name:`."""
    found: dict[str, str] = {}
    text = (files("adapter.queue.sqlite") / "sql" / file).read_text(encoding="utf-8")
    text = message_row.in_sql(text)
    for block in text.split("-- name: ")[1:]:
        name, _, sql = block.partition("\n")
        found[name.strip()] = sql.strip().rstrip(";")
    return found


@lru_cache(maxsize=512)
def for_rows(sql: str, count: int) -> str:
    """`sql` for `count` rows at once: `{rows:3}` becomes `(?, ?, ?), …`, `{list}` becomes `?, …` and `{numbered}`
    becomes `?1, ?2, …`, which may occur several times for the same values.
    """

    def repeated(found: re.Match[str]) -> str:
        if found[1] == "numbered":
            return ", ".join(f"?{number}" for number in range(1, count + 1))
        one = "?" if found[1] == "list" else f"({', '.join('?' * int(found[2]))})"
        return ", ".join([one] * count)

    return _REPEATED.sub(repeated, sql)


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """`rows` in as few pieces as the prepared statements allow."""
    start = 0
    for size in _PIECES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size

"""SQL lives in `.sql` files, by name; this reads them, and repeats their rows."""

import re
from collections.abc import Mapping
from importlib.resources import files

from adapter.queue.sqlite import message_row

_REPEATED = re.compile(r"\{(rows|list|numbered):?(\d*)\}")


def statements(file: str) -> Mapping[str, str]:
    """The statements of `file` by the word after `-- name:`."""
    found: dict[str, str] = {}
    text = (files("adapter.queue.sqlite") / "sql" / file).read_text(encoding="utf-8")
    text = message_row.in_sql(text)
    for block in text.split("-- name: ")[1:]:
        name, _, sql = block.partition("\n")
        found[name.strip()] = sql.strip().rstrip(";")
    return found


def for_rows(sql: str, count: int) -> str:
    """`sql` for `count` rows at once: `{rows:3}` becomes `(?, ?, ?), …`, `{list}` becomes `?, …` and
    `{numbered}` becomes `?1, ?2, …`, which may stand several times for the same values.
    """

    def repeated(found: re.Match[str]) -> str:
        if found[1] == "numbered":
            return ", ".join(f"?{number}" for number in range(1, count + 1))
        one = "?" if found[1] == "list" else f"({', '.join('?' * int(found[2]))})"
        return ", ".join([one] * count)

    return _REPEATED.sub(repeated, sql)

"""SQL lives in `.sql` files, by name; this reads them."""

from collections.abc import Mapping
from importlib.resources import files


def script(file: str) -> str:
    """The whole text of `adapter/queue/sql/<file>`."""
    return (files("adapter.queue") / "sql" / file).read_text(encoding="utf-8")


def statements(file: str) -> Mapping[str, str]:
    """The statements of `file` by the word after `-- name:`."""
    found: dict[str, str] = {}
    for block in script(file).split("-- name: ")[1:]:
        name, _, sql = block.partition("\n")
        found[name.strip()] = sql.strip().rstrip(";")
    return found

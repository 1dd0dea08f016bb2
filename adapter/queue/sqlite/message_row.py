"""The columns of `message` that hold an event; no other module knows them.

To add a nullable column: a migration, its name here, and a field of `queue.codec.Row`. Statements write `{message.*}`
for the columns as selected, `{message}` for their names, and `{rows:message}` for the values of many rows.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from adapter.queue.codec import Row
from adapter.queue.event_warnings import unpack

COLUMNS: Final = (
    "message_id",
    "type",
    "user_id",
    "anonymous_id",
    "timestamp_us",
    "received_us",
    "body",
    "traceparent",
)
_VALUES = attrgetter(*COLUMNS)
SELECTED: Final = len(COLUMNS) + 2
"""The number of values of `from_row`: the name of the source, the columns, and the warnings of ingest."""


def in_sql(text: str) -> str:
    """Statements with their placeholders replaced by the columns."""
    text = text.replace("{message.*}", ", ".join(f"message.{name}" for name in COLUMNS))
    return text.replace("{message}", ", ".join(COLUMNS)).replace("{rows:message}", f"{{rows:{len(COLUMNS) + 2}}}")


def to_row(row: Row, *, seq: int | None, source: int) -> tuple[object, ...]:
    """The values of the statement `add_messages`; `source` is the number of the source."""
    return (seq, source, *_VALUES(row))


def from_row(selected: Sequence[Any]) -> Row:
    """The event in `SELECTED` values."""
    source, *columns, warned = selected
    fields = dict(zip(COLUMNS, columns, strict=True))
    return Row(source=source, lane=0, digest=b"", warnings=unpack(warned), **fields)

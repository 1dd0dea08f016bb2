"""The columns of `message` that hold an event, and how text becomes bytea and back: the one place that knows them."""

from collections.abc import Sequence
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
SELECTED: Final = len(COLUMNS) + 2
"""Values of `from_row`: the name of the source, the columns, and the warnings of ingest."""


def in_sql(text: str) -> str:
    """Statements with the columns in place of what stands for them."""
    text = text.replace("{message.*}", ", ".join(f"message.{name}" for name in COLUMNS))
    return text.replace("{message}", ", ".join(COLUMNS))


def packed(text: str | None) -> bytes | None:
    """Text of a sender, as a column of bytea has it."""
    return None if text is None else text.encode()


def unpacked(stored: bytes | None) -> str | None:
    """Such text again. A byte that went bad in one row must not keep all others from being read."""
    return None if stored is None else stored.decode(errors="replace")


def shown(text: str) -> str:
    """Text for people as a column of text has it, which holds no NUL: U+2400 is its picture."""
    return text.replace("\0", "\u2400")


def values_of(row: Row) -> dict[str, object]:
    """The values of the columns, by name."""
    return {
        "message_id": packed(row.message_id),
        "type": packed(row.type),
        "user_id": packed(row.user_id),
        "anonymous_id": packed(row.anonymous_id),
        "timestamp_us": row.timestamp_us,
        "received_us": row.received_us,
        "body": row.body,
        "traceparent": row.traceparent,
    }


def from_row(selected: Sequence[Any]) -> Row:
    """The event in `SELECTED` values."""
    source, message_id, kind, user_id, anonymous_id, timestamp_us, received_us, body, traceparent, warned = selected
    return Row(
        source=source,
        lane=0,
        digest=b"",
        message_id=unpacked(message_id) or "",
        type=unpacked(kind) or "",
        user_id=unpacked(user_id),
        anonymous_id=unpacked(anonymous_id),
        timestamp_us=timestamp_us,
        received_us=received_us,
        body=body,
        traceparent=traceparent,
        warnings=unpack(warned),
    )

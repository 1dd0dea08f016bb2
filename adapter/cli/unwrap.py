"""Finds the message in the output of our own commands and the API, so that the output can be used as input. Pure."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from adapter.model import JsonObject

_ROW: Final = frozenset({"id", "source", "receivedAt", "outcome"})
"""The members of every event and rejection that a command or the API prints; see `adapter.console.serialize`."""
_LISTS: Final = ("found", "entries")


def unwrap(held: JsonObject) -> tuple[JsonObject, str] | str:
    """The message in `held`, or its line of `export`, and where in `held` it was ("" if `held` is a message or a line
    itself); or, as text, why there is none.
    """
    for name in _LISTS:
        if type(found := held.get(name)) is list and "type" not in held:
            if len(found) != 1 or type(found[0]) is not dict:
                return f"holds {len(found)} events in `{name}`; use one of them, as `events show ID --json` prints it"
            return unwrap(found[0])
    if held.keys() >= _ROW:
        return _of_row(held)
    if "type" not in held and "message" not in held:
        place = next(_messages_in(held), None)
        if place is not None:
            return f"is not a message: `type` is missing; the value of `{place}` looks like one"
    return held, ""


def _of_row(row: JsonObject) -> tuple[JsonObject, str] | str:
    if row["outcome"] == "rejected" and "body" in row:
        return _of_rejection(row)
    if "message" not in row:
        return f"is a line of a list, without the message; use: browsee-adapter events show {row['id']} --json"
    if type(row["message"]) is not dict or not row["message"]:
        return "has no message any more: its user's data was deleted, or its sender objected"
    exported = {"source": row["source"], "receivedAt": row["receivedAt"], "message": row["message"]}
    if row.get("guards") is not None:
        # The shown message passed the guards; a mapping's own privacy must not change it again.
        return "was stored privately; use its line of `export`, which names the guards that were applied"
    return exported, f"event {row['id']}"


def _of_rejection(row: JsonObject) -> tuple[JsonObject, str] | str:
    try:
        message = orjson.loads(str(row["body"]))
    except orjson.JSONDecodeError:
        message = None
    if type(message) is not dict or row.get("withheld"):
        return "is a rejection whose body is not a message"
    return {"source": row["source"], "receivedAt": row["receivedAt"], "message": message}, f"rejection {row['id']}"


def _messages_in(held: JsonObject) -> Iterator[str]:
    for name, value in held.items():
        first: Any = value[0] if type(value) is list and value else value
        if type(first) is dict and isinstance(first.get("type"), str):
            yield name

"""Unwraps messages from the envelopes that relays put around them; a source's `at` says where they are. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from adapter.ingest.decode import Body, Unread
from adapter.model import Problem


def lifted(body: Body, at: Sequence[str]) -> Body:
    """`body` with each member replaced by what it has at the path `at`: an object, or each member of a list.

    A member without a value there stays in its place as `Unread`.
    """
    if not at:
        return body
    messages = [message for member in body.messages for message in _inner(member, at)]
    return Body(messages, body.envelope, body.is_single and len(messages) == 1, body.repaired)


def lifted_if_there(body: Body, at: Sequence[str]) -> Body:
    """`body` unwrapped, or unchanged if it has no envelope: for bodies that may have been unwrapped before."""
    inner = lifted(body, at)
    return body if any(isinstance(message, Unread) for message in inner.messages) else inner


def _inner(member: Any, at: Sequence[str]) -> Iterator[Any]:
    if isinstance(member, Unread):
        yield member
        return
    found = member
    for name in at:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        yield from (message for message in found if message is not None)
    elif isinstance(found, dict):
        yield found
    else:
        pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in at)
        problem = Problem(pointer, "required", "is required: the message must be here, as `at` of the source says")
        yield Unread(orjson.dumps(member), problem)

"""Deletion requests, for people and for programs."""

from collections.abc import Sequence

import click
import orjson

from adapter.cli.table import show_table
from adapter.ingest.timestamps import written
from adapter.model import JsonObject
from adapter.queue.base import Deletion

_COLUMNS = ("id", "received", "source", "user", "message id", "done", "events", "rejections")


def print_deletions(found: Sequence[Deletion], *, machine: bool) -> None:
    """A table, or one JSON object a line."""
    if machine:
        for request in found:
            click.echo(orjson.dumps(_as_json(request)))
        return
    show_table(_COLUMNS, [tuple(str(fact or "-") for fact in _cells(request)) for request in found])


def _cells(request: Deletion) -> tuple[object, ...]:
    done = None if request.done_at is None else written(request.done_at)
    named = (request.source, request.user, request.message_id)
    return (request.number, written(request.received_at), *named, done, str(request.events), str(request.rejections))


def _as_json(request: Deletion) -> JsonObject:
    return {
        "id": str(request.number),
        "source": request.source,
        "userId": request.user,
        "messageId": request.message_id,
        "receivedAt": written(request.received_at),
        "doneAt": None if request.done_at is None else written(request.done_at),
        "events": request.events,
        "rejections": request.rejections,
    }

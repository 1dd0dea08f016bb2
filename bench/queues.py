"""Queues filled before a row is measured, and the events in them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from adapter.ingest.context import RequestContext
from adapter.ingest.decode import Body, decode
from adapter.ingest.read import read_event
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.model import Event
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.applications import event_validator
from adapter.service.wiring import steady_clock
from bench.messages import order
from bench.processes import source_name

_GROUP = 500


def received(raw: bytes, validator: Validator) -> Event:
    """As ingest reads a webhook's body."""
    body = decode(raw)
    assert isinstance(body, Body)
    [message] = body.messages
    context = RequestContext(Source(source_name(0), ()), received_at=datetime.now(UTC))
    event = read_event(message, context, validator=validator, new_id=lambda: uuid4().hex)
    assert isinstance(event, Event)
    return event


def order_events(count: int, *, first: int = 0) -> list[Event]:
    """So many orders of 1,000 users, as ingest reads them."""
    validator = event_validator()
    return [received(orjson.dumps(order(number)), validator) for number in range(first, first + count)]


async def fill(path: Path, events: Sequence[Event]) -> None:
    """Add these to the end of the queue at `path`."""
    queue = await SqliteQueue.open(path, now=steady_clock())
    for start in range(0, len(events), _GROUP):
        await queue.put(events[start : start + _GROUP])
    await queue.close()


def new_folder(folder: Path, number: int) -> Path:
    """The path of this round's queue."""
    (made := folder / str(number)).mkdir()
    return made

"""What becomes of the messages of one body: read in slices, put together, in the order they were sent."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.http.responses import Reply
from adapter.ingest.context import RequestBody, RequestContext
from adapter.ingest.decode import Body
from adapter.ingest.intake import IngestDeps, Intake
from adapter.ingest.sources import Source
from adapter.model import Event, Rejection
from adapter.observe.observer import Observer
from adapter.queue.contract import Stored
from tests.unit.ingest.schemas import event_validator

VALIDATOR = event_validator()
NOW = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)


@dataclass(slots=True)
class Inbox:
    """Takes all that is put."""

    puts: list[tuple[Sequence[Event], Sequence[Rejection]]] = field(default_factory=list)

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        self.puts.append((events, rejections))
        return Stored(len(events), 0, 0, len(rejections))

    async def probe(self) -> None:
        raise NotImplementedError


class Turns:
    """Counts the turns of the event loop, and what is done in each."""

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()
        self._number = 0
        self._loop = asyncio.get_running_loop()
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._next = self._loop.call_soon(self._begin)

    def note(self) -> None:
        self.done[self._number] += 1

    def stop(self) -> None:
        self._next.cancel()


def message(number: int) -> Any:
    """Every tenth is none."""
    return number if number % 10 == 0 else {"type": "page", "userId": "u", "messageId": f"m-{number}"}


@pytest.mark.parametrize("count", [1, 250, 251, 1000, 1003])
async def test_a_large_array_is_read_in_slices_and_put_at_once(count: int) -> None:
    """Others get a turn after 250 messages at most; the queue gets all of them together, as the source stores them."""
    turns, inbox = Turns(), Inbox()

    def protect_event(event: Event) -> Event:
        turns.note()
        return event

    def protect_rejection(rejection: Rejection) -> Rejection:
        turns.note()
        return rejection

    source = Source("shop", (), protect_event=protect_event, protect_rejection=protect_rejection)
    observer = Observer()
    intake = Intake(
        IngestDeps(
            inbox=inbox,
            sources=[source],
            validator=VALIDATOR,
            emit=observer.emit,
            clock=lambda: NOW,
            monotonic_s=lambda: 0.0,
            new_id=lambda: "made",
            histogram=observer.histogram,
        )
    )
    sent = [message(number) for number in range(count)]
    response = await intake.take(RequestContext(source, NOW), RequestBody(b"", Body(sent, {}, False, 0)))
    turns.stop()

    [(events, rejections)] = inbox.puts
    assert response.reply is Reply.STORED
    assert [event.message_id for event in events] == [each["messageId"] for each in sent if isinstance(each, dict)]
    assert [rejection.body for rejection in rejections] == [b"%d" % each for each in sent if isinstance(each, int)]
    assert sum(turns.done.values()) == count
    assert max(turns.done.values()) <= 250
    assert len(turns.done) == -(-count // 250)

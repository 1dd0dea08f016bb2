"""The contents of one request, and what all its messages share once the source is known. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from adapter.ingest.consent import Objections
from adapter.ingest.decode import Body
from adapter.ingest.dialect import WEBHOOK, Dialect
from adapter.ingest.sources import Source
from adapter.model import JsonObject, Problem


class RequestContext(Struct, frozen=True):
    """A request of `source`, received at `received_at`.

    `envelope` has the fields beside `batch`. `peer` is the sender's address if it may be the user's, else None.
    `max_message_bytes` limits each message; None if the whole body is smaller. `traceparent` is the request's, if it
    had a valid one. `may_need_cleaning` is False if no message can contain what `clean` removes.
    """

    source: Source
    received_at: datetime
    dialect: Dialect = WEBHOOK
    envelope: JsonObject = {}
    peer: str | None = None
    has_origin: bool = False
    max_message_bytes: int | None = None
    traceparent: str | None = None
    may_need_cleaning: bool = True

    @property
    def objections(self) -> Objections | None:
        """The objections that the source honours, if its senders send directly; else None."""
        return self.source.objections if self.dialect.is_direct else None


def _nothing() -> None:
    """The `pass_on` of a small body, which took no turn."""


class RequestBody(NamedTuple):
    """A request's bytes, inflated if possible, and what they decode to.

    `pass_on` is to be called before its messages wait for their commit, so that the next large body is read meanwhile.
    """

    plain: bytes
    body: Body | Problem
    pass_on: Callable[[], None] = _nothing

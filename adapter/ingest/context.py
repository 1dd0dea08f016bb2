"""What one request brought, and what all its messages have in common once the source is known. Pure."""

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

    `envelope` is what stood beside `batch`. `peer` is the sender's address where it may be the user's, else None.
    `max_message_bytes` limits each message; None where the whole body is within it already. `traceparent` is the
    request's, if it had one. `may_need_cleaning` is False if no message can hold what `clean` takes out.
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
        """What the source objects to, where the words of its senders count."""
        return self.source.objections if self.dialect.is_direct else None


def _nothing() -> None:
    """What a small body passes on: it took no turn."""


class RequestBody(NamedTuple):
    """A request's bytes, inflated where they can be, and what they say.

    `pass_on` is to be called before its messages wait for their commit, so that the next large body is read meanwhile.
    """

    plain: bytes
    body: Body | Problem
    pass_on: Callable[[], None] = _nothing

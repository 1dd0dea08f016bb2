"""Reads a rejected message again, by the current schemas. Pure but for its arguments; stores nothing."""

import dataclasses
from collections.abc import Callable

from msgspec.structs import replace

from adapter.ingest.context import RequestContext
from adapter.ingest.decode import decode
from adapter.ingest.deletion import FROM_LIBRARY
from adapter.ingest.envelope import lifted_if_there
from adapter.ingest.read import KEPT_BYTES, NewId, read_event
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.model import Event, Problem, Reason, Rejection

_CUT = Problem("", "maxLength", f"only the first {KEPT_BYTES} bytes were kept; have the sender send it again")
_WITHHELD = Problem(
    "", "private", "its source stores privately, so only its size and a hash were kept; have the sender send it again"
)
_SEVERAL = Problem("", "maxItems", "it contains several messages; export it and send it again")


def revalidate(
    rejection: Rejection,
    *,
    validator: Validator,
    max_message_bytes: int,
    new_id: NewId,
    is_withheld: Callable[[bytes], bool],
    source_of: Callable[[str], Source],
) -> Event | Rejection:
    """The message as an event, with its original time of receipt; or the rejection with its current problems.

    `is_withheld` recognises a body of which only size and hash were kept; `source_of` returns a source as the current
    settings have it.
    """
    if any(problem.keyword == FROM_LIBRARY for problem in rejection.problems):
        return rejection
    if is_withheld(rejection.body):
        return replace(rejection, problems=(_WITHHELD,))
    body = decode(rejection.body)
    if isinstance(body, Problem):
        return replace(rejection, problems=(_CUT if len(rejection.body) >= KEPT_BYTES else body,))
    source = source_of(rejection.source)
    # Messages refused before the settings named an envelope were kept with it, others without.
    body = lifted_if_there(body, source.at)
    if len(body.messages) != 1:
        return replace(rejection, problems=(_SEVERAL,))
    # A deletion request may act if only its source's settings refused it; one of a library stays refused.
    waits = rejection.reason is Reason.DELETION_UNAUTHORISED
    source = dataclasses.replace(source, may_delete=waits and source.may_delete)
    context = RequestContext(source, rejection.received_at, max_message_bytes=max_message_bytes)
    read = read_event(body.messages[0], context, validator=validator, new_id=new_id)
    is_waiting = isinstance(read, Rejection) and read.reason is Reason.DELETION_UNAUTHORISED
    return rejection if is_waiting else read

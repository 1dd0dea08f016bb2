"""Reads what was rejected once more, by the schemas of now. Pure but for what it is handed; stores nothing."""

from collections.abc import Callable

from msgspec.structs import replace

from adapter.ingest.decode import decode
from adapter.ingest.read import KEPT_BYTES, Arrival, NewId, read_event
from adapter.ingest.validate import Validator
from adapter.model import Event, Problem, Rejection

_CUT = Problem("", "maxLength", f"only the first {KEPT_BYTES} bytes were kept; have the sender send it again")
_WITHHELD = Problem(
    "", "private", "its source stores privately, so only its size and a hash were kept; have the sender send it again"
)
_SEVERAL = Problem("", "maxItems", "it holds several messages; export it, and send it again")


def read_anew(
    rejection: Rejection,
    *,
    validator: Validator,
    max_message_bytes: int,
    new_id: NewId,
    is_withheld: Callable[[bytes], bool],
) -> Event | Rejection:
    """The message as an event, received when it was received; else the rejection with what is wrong with it now.

    `is_withheld` tells a body of which only size and hash were kept.
    """
    if is_withheld(rejection.body):
        return replace(rejection, problems=(_WITHHELD,))
    body = decode(rejection.body)
    if isinstance(body, Problem):
        return replace(rejection, problems=(_CUT if len(rejection.body) >= KEPT_BYTES else body,))
    if len(body.messages) != 1:
        return replace(rejection, problems=(_SEVERAL,))
    arrival = Arrival(rejection.source, rejection.received_at, max_message_bytes=max_message_bytes)
    return read_event(body.messages[0], arrival, validator=validator, new_id=new_id)

"""The trace that a request is part of, from its `traceparent` header. Pure.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
from collections.abc import Sequence

# Version, trace id, id of the span that sent the request, flags; a later version may have more fields.
_WELL_FORMED = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_CHARS = 55


def traceparent(headers: Sequence[str]) -> str | None:
    """Version, trace, span and flags, 55 characters; None if the header is missing, repeated or malformed."""
    found = _WELL_FORMED.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None or (found[1] == "00" and found[2] is not None):
        return None
    return headers[0][:_CHARS]

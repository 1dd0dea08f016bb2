"""Decides whether a deletion request is carried out. Pure.

A request deletes a user's events, so it must come from a trusted sender: a platform that signs, or a source with
`deletions: on`. A platform may sign and forward what a browser's library sent to it; with that, anyone who has the
page's key could have any user's data deleted. Segment's own requests have no context (its spec for partners).
"""

from adapter.model import Event, JsonObject, Problem, Reason

FROM_LIBRARY = "library"
"""The keyword of the problem of a request made by a library: no setting allows it."""

_NO_USER = Problem("/userId", "required", "is required: a deletion request must name a user by userId or anonymousId")
_DIRECT = Problem("/type", "const", "a deletion request is taken from a platform's webhook, not from a library")
_UNAUTHORISED = Problem(
    "/type",
    "authorised",
    "the source has neither `signing_secrets` nor `deletions: on`; kept until it has, then requeue",
)
_FROM_LIBRARY = Problem("/context", FROM_LIBRARY, "has what a library writes; a platform's deletion request has not")

_WRITTEN_BY_LIBRARIES = ("library", "userAgent", "userAgentData", "page", "device")
_KEPT = ("type", "messageId", "userId", "anonymousId", "timestamp", "originalTimestamp")


def refusal(event: Event, *, is_direct: bool, may_delete: bool) -> tuple[Reason, Problem] | None:
    """Why the deletion request `event` is not carried out; None if it is. `may_delete`: the settings of its source
    allow it.
    """
    if is_direct:
        # The key of a library may be in a public page.
        return Reason.SCHEMA, _DIRECT
    if event.user_id is None and event.anonymous_id is None:
        return Reason.SCHEMA, _NO_USER
    if _is_of_library(event.body.get("context")):
        return Reason.DELETION_UNAUTHORISED, _FROM_LIBRARY
    return None if may_delete else (Reason.DELETION_UNAUTHORISED, _UNAUTHORISED)


def kept_of(body: JsonObject) -> JsonObject:
    """The part of a refused request that is kept: the user and the times. The rest has no use."""
    return {name: body[name] for name in _KEPT if name in body}


def _is_of_library(context: object) -> bool:
    return isinstance(context, dict) and any(context.get(name) for name in _WRITTEN_BY_LIBRARIES)

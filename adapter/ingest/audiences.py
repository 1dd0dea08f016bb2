"""The requests that Segment's destination Webhook Audiences makes before it sends an audience. Pure.

Its code (npm @segment/action-destinations 3.497.0) posts `{"audienceName": …}` to create an audience and
`{"externalId": …}` to get one, unsigned. Without an `externalId` in the answer it does not send the audience. Browsee
has no audiences, so the id is the name: the request contains nothing else to make an id of.
"""

import orjson

from adapter.http.responses import Reply, Response, respond
from adapter.ingest.decode import Body
from adapter.model import Problem

_ASKING = ("audienceName", "externalId")


def audience_answer(body: Body | Problem) -> Response | None:
    """The answer to a request that creates or gets an audience; None if `body` is not such a request.

    Nothing of it is stored, so the body must be that one field: a message never counts as such a request.
    """
    if isinstance(body, Problem) or not body.is_single or len(body.messages[0]) != 1:
        return None
    [(name, value)] = body.messages[0].items()
    if name not in _ASKING or not isinstance(value, str) or not value.strip():
        return None
    stored = respond(Reply.STORED)
    return Response(stored.reply, stored.status, orjson.dumps({"success": True, "externalId": value}), stored.headers)

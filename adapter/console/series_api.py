"""The operation for charts: messages received and their outcomes, minute by minute."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from adapter.console import params
from adapter.console.params import BadRequest
from adapter.console.requests import Requests, query
from adapter.console.series import MINUTE_S, Span
from adapter.http.json_api import Operations, json_response

MOST_POINTS: Final = 2_000
_USUAL_SPAN_S: Final = 3 * 3_600
_LONGEST_STEP_S: Final = 3_600


class SeriesApi:
    """See the module."""

    def __init__(self, requests: Requests, now_s: Callable[[], float]) -> None:
        self._requests = requests
        self._now_s = now_s

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {"/series": {"GET": self.series}}

    async def series(self, request: web.Request) -> web.StreamResponse:
        """The columns of a span; of the last three hours if none is given."""
        known = {"since": params.instant, "until": params.instant, "step": _step, "source": params.text}
        asked = params.read(query(request), known)
        step_s: int = asked.get("step", MINUTE_S)
        until_s = _seconds(asked.get("until"), self._now_s())
        since_s = _seconds(asked.get("since"), until_s - _USUAL_SPAN_S)
        # There are no samples before 1970, and an instant in the year 0 cannot be written.
        since_s = max(since_s, until_s - (MOST_POINTS - 1) * step_s, 0)
        span = Span(since_s=since_s, until_s=until_s, step_s=step_s)
        return json_response(await self._requests.ask(lambda console: console.series(span, asked.get("source"))))


def _seconds(at: datetime | None, otherwise: float) -> int:
    return int(otherwise if at is None else at.astimezone(UTC).timestamp())


def _step(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 5 and MINUTE_S <= int(value) <= _LONGEST_STEP_S):
        raise BadRequest(f"a number of seconds from {MINUTE_S} to {_LONGEST_STEP_S}")
    return int(value)

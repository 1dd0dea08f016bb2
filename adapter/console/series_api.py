"""The operation for charts: what was received and what became of it, minute by minute."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from aiohttp import web

from adapter.console import params
from adapter.console.params import BadRequest
from adapter.console.requests import query
from adapter.http.json_api import Operations, json_response
from adapter.model import JsonObject

MOST_POINTS: Final = 2_000
_USUAL_SPAN_S: Final = 3 * 3_600
_MINUTE_S: Final = 60
_LONGEST_STEP_S: Final = 3_600


class Series(Protocol):
    """What was noted of the service minute by minute."""

    def columns(self, *, since_s: int, until_s: int, step_s: int) -> JsonObject:
        """One column for each figure, a value for each step; None where nothing was noted."""
        ...


class SeriesApi:
    """See the module."""

    def __init__(self, series: Series, now_s: Callable[[], float]) -> None:
        self._series = series
        self._now_s = now_s

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {"/series": {"GET": self.series}}

    async def series(self, request: web.Request) -> web.StreamResponse:
        """The columns of a span, the last three hours if none is given."""
        asked = params.read(query(request), {"since": params.instant, "until": params.instant, "step": _step})
        step_s: int = asked.get("step", _MINUTE_S)
        until_s = _seconds(asked.get("until"), self._now_s())
        since_s = _seconds(asked.get("since"), until_s - _USUAL_SPAN_S)
        # Nothing was noted before 1970, and an instant in the year 0 cannot be written.
        since_s = max(since_s, until_s - (MOST_POINTS - 1) * step_s, 0)
        return json_response(self._series.columns(since_s=since_s, until_s=until_s, step_s=step_s))


def _seconds(at: datetime | None, otherwise: float) -> int:
    return int(otherwise if at is None else at.astimezone(UTC).timestamp())


def _step(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 5 and _MINUTE_S <= int(value) <= _LONGEST_STEP_S):
        raise BadRequest(f"a number of seconds from {_MINUTE_S} to {_LONGEST_STEP_S}")
    return int(value)

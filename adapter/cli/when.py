"""Reads an instant as an operator writes it: a date, an age, or a time of day."""

from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import click

from adapter.wire.durations import duration_s
from adapter.wire.instants import parse_instant


class Instant(click.ParamType[datetime]):
    """`2026-11-23T06:35:36Z`, `10m` (ago), or `04:00`, the last time that a clock here showed that."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant of `value`."""
        return instant(value, now=datetime.now(UTC).astimezone()) or self.fail(
            "not a time; write 10m, 2h or 3d for that long ago, 04:00, 2026-11-23 or 2026-11-23T06:35:36Z", param, ctx
        )


def instant(text: str, *, now: datetime) -> datetime | None:
    """What `text` means at `now`, whose zone is that of a time of day; None if it is invalid."""
    try:
        return now - timedelta(seconds=duration_s(text))
    except (ValueError, OverflowError):
        pass
    if len(text) in (len("04:00"), len("04:00:00")):
        try:
            at = datetime.combine(now.date(), time_of_day.fromisoformat(text), tzinfo=now.tzinfo)
        except ValueError:
            return None
        return at if at <= now else at - timedelta(days=1)
    return parse_instant(text)

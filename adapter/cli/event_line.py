"""One line for one event or rejection on a terminal: the same for `serve`, `events` and `dead`. Pure.

```
   id  time      event                  user   outcome      why
  101  04:08:43  track Order Completed  u-77   ✗ dead       total: `number` cannot read it (rule 'orders')
  102  04:08:43  track Signed Up        u-83   ✓ delivered  sign-ups, 0.4 s
```
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final

from rich.text import Text

from adapter.cli.rows import event_named, why
from adapter.cli.table import STYLES, plain
from adapter.model import JsonObject
from adapter.wire.instants import parse_instant

MIN_WIDTH: Final = 60
"""The least width of a terminal for a useful line; on a narrower one the line is cut at the edge."""
_WITH_SOURCE: Final = 140
_ID, _TIME, _DATED, _OUTCOME, _SOURCE = 6, len("04:08:43"), len("11-28 04:08"), 11, 12
_GAP: Final = "  "
_SIGNS: Mapping[str, str] = {
    "pending": "…",
    "delivered": "✓",
    "dropped": "–",
    "unmatched": "?",
    "dead": "✗",
    "rejected": "✗",
}


class EventLines:
    """Writes lines `width` columns wide, with times in `zone`; `today` is the day of the reader. There is room for
    dates if `oldest` was not received today.
    """

    def __init__(self, width: int, *, zone: tzinfo | None, today: datetime, oldest: datetime | None = None) -> None:
        width = max(width, MIN_WIDTH)
        self._zone = zone
        self._today = today.astimezone(zone).date()
        is_dated = oldest is not None and oldest.astimezone(zone).date() != self._today
        fixed: dict[str, int] = {"id": _ID, "time": _DATED if is_dated else _TIME, "outcome": _OUTCOME}
        if width >= _WITH_SOURCE:
            fixed["source"] = _SOURCE
        left = width - sum(fixed.values()) - len(_GAP) * (len(fixed) + 2)
        # The event's name is most important; the outcome gets the rest of the room.
        fixed["event"] = max(10, left * 4 // 10)
        fixed["user"] = max(4, min(20, left * 16 // 100))
        fixed["why"] = max(4, left - fixed["event"] - fixed["user"])
        names = ("id", "time", "source", "event", "user", "outcome", "why")
        self._columns = {name: fixed[name] for name in names if name in fixed}

    def head(self) -> Text:
        """The heading."""
        return Text(_GAP).join(_cell(name, size, "bold", right=name == "id") for name, size in self._columns.items())

    def line(self, entry: JsonObject) -> Text:
        """The line of `entry`, as a console lists it."""
        outcome = str(entry["outcome"])
        texts = {
            "id": entry["id"],
            "time": self._time(entry["receivedAt"]),
            "source": entry["source"],
            "event": event_named(entry),
            "user": entry.get("userId") or entry.get("anonymousId"),
            "outcome": f"{_SIGNS.get(outcome, ' ')} {outcome}",
            "why": _why(entry),
        }
        styles = {"id": "dim", "time": "dim", "source": "dim", "outcome": STYLES.get(outcome, "")}
        cells = (
            _cell(str(texts[name] or "-"), size, styles.get(name, ""), right=name == "id")
            for name, size in self._columns.items()
        )
        return Text(_GAP).join(cells)

    def _time(self, text: str) -> str:
        """The time of today, or date and minute, in the time zone of the reader."""
        at = parse_instant(text)
        if at is None:
            return text
        local = at.astimezone(self._zone)
        return f"{local:%H:%M:%S}" if local.date() == self._today else f"{local:%m-%d %H:%M}"


def _why(entry: JsonObject) -> str:
    """The cause; for a delivered event its rule, and how long delivery took."""
    parts = [why(entry) or ("no rule takes it" if entry["outcome"] == "unmatched" else None)]
    if entry["outcome"] == "delivered":
        parts = [_took(entry), entry.get("rule"), *parts]
    return ", ".join(part for part in parts if part)


def _took(entry: JsonObject) -> str | None:
    begun, ended = parse_instant(entry["receivedAt"]), parse_instant(entry["endedAt"] or "")
    if begun is None or ended is None:
        return None
    seconds = max(0.0, (ended - begun).total_seconds())
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _cell(text: str, size: int, style: str, *, right: bool = False) -> Text:
    """`text` in `size` columns of a terminal; wide characters take two."""
    cell = Text(plain(text), style)
    # An id longer than its column is shown whole, because commands need all of it.
    if right:
        cell.pad_left(max(0, size - cell.cell_len))
        return cell
    cell.truncate(size, overflow="ellipsis", pad=True)
    return cell

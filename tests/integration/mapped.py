"""What Browsee would get of events that ingest stored: mapped and delivered to a real sandbox."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapter.model import Event
from tests.integration.road import open_road, ruleset

_SHIPPED = Path(__file__).parents[2] / "mappings"
DEFAULT = (_SHIPPED / "default.yaml").read_text(encoding="utf-8")
RUDDERSTACK = (_SHIPPED / "rudderstack.yaml").read_text(encoding="utf-8")


async def mapped(events: Sequence[Event], mapping: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The bodies of the calls, and how the events ended, in numbers by outcome."""
    rules = ruleset(mapping)
    async with open_road(lambda _: rules) as road:
        await road.queue.put(events)
        ended = await road.settled()
        return await road.calls(), ended

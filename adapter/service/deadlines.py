"""The time until data is lost if nothing changes. Pure.

At most three clocks run: the disk fills, and then senders are refused; a sender gives up after its horizon; an event
whose calls fail is given up after `retry.for`. The one that ends first counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, TypeAlias

from adapter.console.health import Gauge
from adapter.ingest.refusals import Refusing
from adapter.model import JsonObject
from adapter.observe import metrics
from adapter.queue.contract import Balance, Disk
from adapter.settings.settings import Settings

Until: TypeAlias = Literal["full", "loss", "dead"]

_BACKLOG_S = 60.0
"""Events that have waited no longer than this are in progress and no backlog."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Deadline:
    """What happens in `left_s` seconds unless something changes, `says` in a sentence. `source` is the one that loses
    data.
    """

    until: Until
    left_s: float
    says: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class RetryHorizons:
    """How long others retry: each source's sender, and delivery one event."""

    horizons_s: Mapping[str, float]
    retry_for_s: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The horizons in the settings."""
        return cls({source.name: source.horizon_s for source in settings.sources}, settings.retry.for_s)


def deadlines(
    horizons: RetryHorizons, refusals: Sequence[Refusing], *, balance: Balance | None, disk: Disk | None, now: datetime
) -> list[Deadline]:
    """The clocks that run, the one that ends first at the front."""
    found = [_until_loss(one, horizons.horizons_s[one.source]) for one in refusals]
    found += [*_until_full(disk), *_until_dead(balance, horizons.retry_for_s, now)]
    return sorted(found, key=lambda deadline: deadline.left_s)


def deadline_facts(found: Sequence[Deadline]) -> JsonObject:
    """The members of `/readyz`: the first of `found`, and every source that is refused."""
    facts: JsonObject = {}
    if found:
        first = found[0]
        facts["time_left"] = {"until": first.until, "seconds": round(first.left_s), "says": first.says}
    refused = [deadline for deadline in found if deadline.until == "loss"]
    if refused:
        facts["time_to_loss_s"] = {deadline.source: round(deadline.left_s) for deadline in refused}
    return facts


def deadline_gauges(found: Sequence[Deadline]) -> Iterator[Gauge]:
    """The same as metrics; a missing one does not run. The time until the disk is full is shown with the disk."""
    for deadline in found:
        if deadline.until == "loss":
            yield Gauge(metrics.TIME_TO_LOSS, deadline.left_s, (deadline.source,))
        if deadline.until == "dead":
            yield Gauge(metrics.TIME_TO_DEAD, deadline.left_s)
    if found:
        yield Gauge(metrics.TIME_LEFT, found[0].left_s)


def humanize_duration(seconds: float) -> str:
    """A duration for people, in its two largest units: `2 h 10 min`, `45 s`."""
    left, parts = max(0, round(seconds)), list[str]()
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def _until_loss(one: Refusing, horizon_s: float) -> Deadline:
    left_s = max(0.0, horizon_s - one.for_s)
    refused = f"{one.source} has been refused for {humanize_duration(one.for_s)}: {one.why}"
    gives_up = f"its sender tries for {humanize_duration(horizon_s)} (sources.{one.source}.horizon)"
    end = (
        f"and gives up in {humanize_duration(left_s)} on what it sent first"
        if left_s
        else "and is giving up: events are lost"
    )
    return Deadline("loss", left_s, f"{refused}; {gives_up} {end}", one.source)


def _until_full(disk: Disk | None) -> Iterator[Deadline]:
    if disk is not None and disk.time_to_full_s is not None:
        left_s = disk.time_to_full_s
        full = f"at the present growth {disk.limit or 'retention.max_disk'} is full in {humanize_duration(left_s)}"
        yield Deadline("full", left_s, f"{full}; then senders are asked to come later")


def _until_dead(balance: Balance | None, retry_for_s: float, now: datetime) -> Iterator[Deadline]:
    oldest = None if balance is None else balance.oldest_received_at
    age_s = 0.0 if oldest is None else (now - oldest).total_seconds()
    if age_s <= _BACKLOG_S:
        return
    left_s = max(0.0, retry_for_s - age_s)
    tried = f"an event whose calls fail is given up after {humanize_duration(retry_for_s)} of trying (retry.for)"
    when = f"in {humanize_duration(left_s)} at the earliest" if left_s else "which can be any time now"
    yield Deadline("dead", left_s, f"the oldest event has waited for {humanize_duration(age_s)}; {tried}, {when}")

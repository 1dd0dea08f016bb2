"""The state of the service, in words for `/readyz` and numbers for `/metrics`, composed from its parts. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from adapter.console.health import DeliveryStatus, Gauge, Report
from adapter.deliver.state import PAUSING, SLOWING, State
from adapter.model import JsonObject
from adapter.observe import metrics
from adapter.queue.contract import Balance, Disk
from adapter.service.deadlines import Deadline, deadline_facts, deadline_gauges
from adapter.service.mappings import Active
from adapter.wire.instants import instant_text

Projects = Sequence[tuple[Collection[str], State]]
"""The sources of each Browsee project, and the state of its delivery."""

_WORST_FIRST: tuple[DeliveryStatus, ...] = ("paused", "slowed", "ok")


def make_report(
    *,
    stopping: bool,
    sandbox: bool,
    active: Active,
    projects: Projects,
    balance: Balance,
    disk: Disk | None,
    now: datetime,
    deadlines: Sequence[Deadline],
) -> Report:
    """The report of now; `balance` is as last counted. The first of `deadlines` is the one that ends first."""
    deliveries = {state.delivery for _, state in projects}
    return Report(
        stopping=stopping,
        sandbox=sandbox,
        delivery=next((word for word in _WORST_FIRST if word in deliveries), "ok"),
        why="; ".join(_whys(projects, balance)),
        facts=deadline_facts(deadlines) | _facts(active, projects, balance, disk),
        gauges=(
            *_gauges(active, projects, balance),
            *_backlog_gauges(balance, disk, now),
            *deadline_gauges(deadlines),
        ),
    )


def pause_texts(projects: Projects) -> dict[str, str]:
    """Why delivery is paused, by the name of each source; "" where it is not."""
    return {source: state.waiting_text for sources, state in projects for source in sources}


def _stranded(projects: Projects, balance: Balance) -> list[str]:
    """Sources that are no longer configured and have pending events."""
    configured = {source for sources, _ in projects for source in sources}
    return sorted(balance.pending_of - configured)


def _whys(projects: Projects, balance: Balance) -> Iterator[str]:
    for sources, state in projects:
        if state.text:
            yield f"{', '.join(sources)}: {state.text}" if len(projects) > 1 else state.text
    stranded = _stranded(projects, balance)
    if stranded:
        yield f"events wait of sources that the settings do not name: {', '.join(stranded)}; name them again"


def _facts(active: Active, projects: Projects, balance: Balance, disk: Disk | None) -> JsonObject:
    facts: JsonObject = {
        "mappings": {source: mapping.ruleset.version for source, mapping in active.live.items()},
        "projects": [
            {
                "sources": list(sources),
                "delivery": state.delivery,
                "why": state.text,
                "rate_per_s": round(state.per_s, 2),
                "limit_per_s": None if state.limit_per_s is None else round(state.limit_per_s, 2),
                "concurrency": state.concurrency,
                "calls_under_way": state.in_flight,
                "delivered_here": state.is_here,
            }
            for sources, state in projects
        ],
    }
    if active.failed:
        facts["mappings_failed"] = active.failed
    facts |= {"pending": balance.pending, "dead": balance.dead, "unaccounted": balance.unaccounted}
    facts["ledger"] = dict(balance.counts)
    facts["sources_not_configured"] = _stranded(projects, balance)
    oldest = balance.oldest_received_at
    facts["oldest_pending"] = None if oldest is None else instant_text(oldest)
    if disk is not None:
        facts["disk"] = {"used_bytes": disk.used_bytes, "max_bytes": disk.max_bytes}
        if disk.time_to_full_s is not None:
            facts["disk"]["time_to_full_s"] = round(disk.time_to_full_s)
        if disk.history_s is not None:
            facts["disk"]["history_s"] = round(disk.history_s)
        if disk.free_bytes is not None:
            facts["disk"]["free_bytes"] = disk.free_bytes
    return facts


def _gauges(active: Active, projects: Projects, balance: Balance) -> Iterator[Gauge]:
    yield Gauge(metrics.MAPPINGS_FAILED, len(active.failed))
    for source, mapping in active.live.items():
        yield Gauge(metrics.MAPPING_INFO, 1, (source, mapping.ruleset.version))
    for names, state in projects:
        sources = ", ".join(names)
        yield Gauge(metrics.DELIVERS, state.is_here, (sources,))
        if not state.is_here:
            # What this process learned no longer holds; the replica that delivers reports the state.
            continue
        yield Gauge(metrics.RATE, state.per_s, (sources,))
        yield Gauge(metrics.CALLS_UNDER_WAY, state.in_flight, (sources,))
        yield Gauge(metrics.CONCURRENCY, state.concurrency, (sources,))
        if state.limit_per_s is not None:
            yield Gauge(metrics.LIMIT, state.limit_per_s, (sources,))
        # Each cause exists from the start, so that an alert sees it go from 0 to 1.
        for why in PAUSING:
            yield Gauge(metrics.PAUSED, state.delivery == "paused" and state.why is why, (sources, why.value))
        for why in SLOWING:
            yield Gauge(metrics.SLOWED, state.delivery == "slowed" and state.why is why, (sources, why.value))
    yield Gauge(metrics.EVENTS_PENDING, balance.pending)
    yield Gauge(metrics.DEAD_LETTERS, balance.dead)
    yield Gauge(metrics.UNACCOUNTED, balance.unaccounted)
    yield Gauge(metrics.SOURCES_STRANDED, len(_stranded(projects, balance)))
    for source, count in balance.deletions_waiting.items():
        yield Gauge(metrics.DELETIONS_WAITING, count, (source,))
    for term, count in balance.counts.items():
        yield Gauge(metrics.LEDGER, count, (term,))


def _backlog_gauges(balance: Balance, disk: Disk | None, now: datetime) -> Iterator[Gauge]:
    oldest = balance.oldest_received_at
    yield Gauge(metrics.BACKLOG_AGE, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
    if disk is None:
        return
    yield Gauge(metrics.DISK_USED, disk.used_bytes)
    yield Gauge(metrics.DISK_MAX, disk.max_bytes)
    if disk.free_bytes is not None:
        yield Gauge(metrics.DISK_FREE, disk.free_bytes)
    if disk.time_to_full_s is not None:
        yield Gauge(metrics.TIME_TO_FULL, disk.time_to_full_s)
    if disk.history_s is not None:
        yield Gauge(metrics.HISTORY, disk.history_s)
